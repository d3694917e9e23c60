"""The base class of metrics of images, and the facts that it gets of each layout.

A metric sees one image at a time and keeps only sums, so that it can be stopped and
resumed. `evaluate` and the validation during training both use these metrics;
`measures.py` lists them.
"""

import abc
import dataclasses
from collections.abc import Mapping

import numpy as np

GENERATED, REAL = "generated", "real"


@dataclasses.dataclass(frozen=True)
class EvaluatedImage:
    """One layout and its image.

    Args:
        index: its place in the split.
        key: its name.
        image: uint8 ``(height, width, 3)``, the one to measure.
        real: the photograph of the same layout, likewise.
        labels: ``(height, width)`` class indices by their size; that of the image is
            always there.
        instance: ``(height, width)`` ids, or None without instances.
    """

    index: int
    key: str
    image: np.ndarray
    real: np.ndarray
    labels: Mapping[tuple[int, int], np.ndarray]
    instance: np.ndarray | None = None


class ImageMetric(abc.ABC):
    """Measures one image after the other; subclass it to add a metric.

    Attributes:
        label_size: ``(height, width)`` of labels that it needs besides that of the
            image, or None.
    """

    label_size: tuple[int, int] | None = None

    def protocol(self) -> dict:
        """Returns, as JSON, what must be equal where two results are compared."""
        return {}

    def prepare(self) -> None:  # noqa: B027  most metrics have nothing to prepare
        """Makes what takes long, before the first image and after all checks.

        Raises:
            InputError: what it needs cannot be read or made.
        """

    @abc.abstractmethod
    def update(self, example: EvaluatedImage) -> None:
        """Takes an image into account."""

    @abc.abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """Returns what was seen so far, for :meth:`restore`."""

    @abc.abstractmethod
    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes on from what :meth:`state` gave."""

    @abc.abstractmethod
    def reset(self) -> None:
        """Forgets all images."""

    @abc.abstractmethod
    def result(self) -> dict[str, dict[str, float]]:
        """Returns the values by name, of ``generated`` images and maybe ``real``."""

    def per_class(self) -> dict[str, dict[str, float]]:
        """Returns IoU by class, NaN where undefined, of the images as in `result`."""
        return {}
