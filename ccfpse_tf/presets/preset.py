"""A preset: everything about a trained model that drawing and training on need."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from ccfpse_tf.config import Config
from ccfpse_tf.data.description import Description


@dataclasses.dataclass(frozen=True)
class Style:
    """A style code of a training photo.

    Attributes:
        code: float32 ``(z_dim,)``.
        picture: a small PNG, the first example layout drawn in this style.
        source: key of the photo in the records.
    """

    code: np.ndarray
    picture: bytes
    source: str


@dataclasses.dataclass(frozen=True)
class ExampleLayout:
    """A layout that the model can draw, as PNGs.

    Attributes:
        label: ids as in the data set's label files.
        instance: ids of objects, of the same size; None where the data have none.
    """

    label: bytes
    instance: bytes | None


@dataclasses.dataclass(frozen=True)
class Preset:
    """The content of a preset's folder.

    Attributes:
        name: letters, digits, '_', '-' and '.'.
        title: the name for people.
        config: of the run, without its paths.
        data: of the records that it was trained on, without their splits.
        step: the number of steps that it was trained for.
        difference: of images by the stored weights and by those of the run: ``largest``
            and ``mean`` in grey levels of 255, over ``images`` images; None where it
            was not measured.
        weights: arrays by network and variable, as the generator draws: where the run
            has a running average, these are its weights.
        styles: none if the model has no style code.
        layouts: up to two examples.
        card: the model card, Markdown.
        graphs: ONNX files by name, whose weights are ``weights``; none if it draws with
            TensorFlow only.
        picture: a JPEG for the card, layouts and what the model draws of them; empty if
            there is none.
        source: the folder that it was read from, for messages.
        weights_sha256: of the file of the weights, for presets that were read.
    """

    name: str
    title: str
    config: Config
    data: Description
    step: int
    difference: Mapping[str, float] | None
    weights: Mapping[str, np.ndarray]
    styles: tuple[Style, ...]
    layouts: tuple[ExampleLayout, ...]
    card: str
    graphs: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    picture: bytes = b""
    source: str = ""
    weights_sha256: str = ""

    @property
    def identity(self) -> str:
        """Name and weights; the same wherever the folder lies."""
        return f"{self.name} {self.weights_sha256[:12]}"
