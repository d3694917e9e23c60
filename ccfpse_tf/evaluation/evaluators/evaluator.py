"""The base class of evaluators, which turn images and label maps into classes."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ccfpse_tf.data.datasets import Color, Dataset, distinct_colors
from ccfpse_tf.data.label_mapping import file_ids
from ccfpse_tf.data.transforms import resize_image
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.digests import sha256_of_files

MIOU_RULES = {
    "present": "mean IoU over classes that are labelled or predicted anywhere",
    "labelled": "mean IoU over classes that are labelled anywhere",
    "all": "mean over all classes of sum I / (sum U + 1e-10), absent ones counting 0",
}
"""Rules for one number from intersections and unions summed over all images. Ignored
pixels do not enter these sums, whatever class was predicted there."""


class Evaluator(abc.ABC):
    """A segmentation network with the protocol under which its scores are published.

    Args:
        name: a short one.
        class_names: in the order of the network's outputs.
        miou: one of ``MIOU_RULES``.
        image_size: ``(height, width)`` that images are resized to first (Pillow's
            bicubic), None to feed them as they are.
        protocol: all other facts that the scores depend on, as JSON.

    Attributes:
        classes: their number.
        ratios: least and largest width over height of images; None for any.
        file_ids: the id in label files of every class.
        palette: the colour of every class.
    """

    ratios: tuple[float, float] | None = None

    def __init__(
        self,
        name: str,
        class_names: Sequence[str],
        miou: str,
        image_size: tuple[int, int] | None,
        protocol: dict,
    ):
        self.name = name
        self.class_names = tuple(class_names)
        self.classes = len(self.class_names)
        self.miou = miou
        self.image_size = None if image_size is None else tuple(image_size)
        self._protocol = protocol
        self.file_ids = tuple(range(self.classes))
        self.palette = distinct_colors(self.classes)

    @property
    def protocol(self) -> dict:
        """Everything that decides over the scores, as JSON."""
        size = self.image_size
        return {
            "evaluator": self.name,
            "classes": self.classes,
            "image_size": "as it is" if size is None else list(size),
            "image_resize": None if size is None else "Pillow bicubic",
            **self._protocol,
            "miou": self.miou,
            "miou_rule": MIOU_RULES[self.miou],
            "ignored": IGNORED,
        }

    @abc.abstractmethod
    def labels(self, label: np.ndarray) -> np.ndarray:
        """Our label indices ``(h, w)`` as this evaluator's classes, int32.

        ``IGNORED`` marks pixels that are not evaluated.

        Raises:
            InputError: an index that the data set does not have.
        """

    def check_size(self, size: tuple[int, int]) -> None:
        """Checks the ``(height, width)`` of images to come against ``ratios``.

        Raises:
            InputError: a size that this evaluator would distort.
        """
        if self.ratios is None:
            return
        (height, width), (least, most) = size, self.ratios
        if not least <= width / height <= most:
            raise InputError(
                f"{self.name}: images of {width}x{height} (width by height) have the "
                f"ratio {width / height:.2f}; it scales images to "
                f"{self.image_size[1]}x{self.image_size[0]}, so it takes ratios of "
                f"{least} to {most}; evaluate others by a .keras file that the "
                "`segmenter` subcommand of a recipe makes of your own photos"
            )

    def scores(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Class scores ``(*size, classes)`` of one 8-bit RGB image ``(h, w, 3)``.

        A network without scores has :meth:`segment` instead.
        """
        raise NotImplementedError

    def segment(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Classes ``(*size)`` of one 8-bit RGB image that has its size already."""
        return np.argmax(self.scores(image, size), -1)

    def predict(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Segments one image.

        Args:
            image: ``(h, w, 3)``, uint8, RGB.
            size: ``(height, width)`` of the label map to compare with.

        Returns:
            Class indices ``(*size)``, int32; the first of equally likely ones.

        Raises:
            InputError: another shape or dtype, or a size that would be distorted.
        """
        image = np.asarray(image)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
            raise InputError(
                f"{self.name} was given an image of shape {image.shape} and type "
                f"{image.dtype}; it takes (height, width, 3) of type uint8"
            )
        self.check_size(image.shape[:2])
        if self.image_size is not None:
            image = resize_image(image, self.image_size)
        return self.segment(image, tuple(size)).astype(np.int32)

    def label_photo(self, photo: np.ndarray) -> np.ndarray:
        """Returns the classes ``(h, w)``, int32, of any photo, as a draft to correct.

        Args:
            photo: ``(h, w, 3)``, uint8, RGB; those with a side of more than
                `LARGEST_SIDE` are scaled down to it first.

        Raises:
            InputError: another shape or dtype, or a photo that would be distorted.
        """
        size = photo.shape[:2]
        scale = LARGEST_SIDE / max(size)
        if scale < 1:
            photo = resize_image(photo, scaled(size, scale))
        return self.predict(photo, size)


LARGEST_SIDE = 2048
"""Of photos that are labelled: a network's memory grows with their pixels."""


def scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Both sides times ``scale``, rounded, at least 1."""
    height, width = size
    return max(round(height * scale), 1), max(round(width * scale), 1)


def look_up(label: np.ndarray, ids: np.ndarray, what: str) -> np.ndarray:
    """``ids[label]``, int32.

    Raises:
        InputError: a label map that does not hold integers, or an index beyond `ids`.
    """
    label = integer_map(label, what)
    top = len(ids) - 1
    if label.size and (label.min() < 0 or label.max() > top):
        wrong = int(label.min() if label.min() < 0 else label.max())
        raise InputError(
            f"{what}: label index {wrong}; the data set's labels are 0..{top}"
        )
    return ids[label].astype(np.int32)


def integer_map(label: np.ndarray, what: str) -> np.ndarray:
    """The label map as an array.

    Raises:
        InputError: not two axes of integers.
    """
    label = np.asarray(label)
    if label.ndim != 2 or label.dtype.kind not in "iu":
        raise InputError(
            f"{what}: a label map of shape {label.shape} and type {label.dtype}; it "
            "takes (height, width) of integers"
        )
    return label


def describe_files(paths: Sequence[Path]) -> list[dict]:
    """Names and SHA-256 of files, for a protocol."""
    return [
        {"file": Path(path).name, "sha256": sha256_of_files(path)} for path in paths
    ]


IGNORED = 255
"""The index of pixels in an evaluator's label map that are not evaluated."""


def segmenter_ids(dataset: Dataset, mapping: str) -> tuple[int, ...]:
    """Returns which class of the data set's segmenter every label index is.

    One entry per label channel; `IGNORED` for don't care and for classes that the
    segmenter does not know.

    Raises:
        ValueError: for a mapping that the data set's labels never have.
    """
    if mapping not in dataset.label_mappings:
        allowed = " or ".join(repr(name) for name in dataset.label_mappings)
        raise ValueError(
            f"label mapping {mapping!r}: labels of {dataset.title} are {allowed}"
        )
    known = dataset.segmenter_classes or tuple(range(dataset.num_classes))
    offset = 1 if mapping == "raw" else 0
    ids = [IGNORED] * dataset.label_channels
    for position, index in enumerate(known):
        ids[index + offset] = position
    return tuple(ids)


def files_of(dataset: Dataset) -> tuple[tuple[int, ...], tuple[Color, ...]]:
    """Returns the id in label files and the colour of each class of its segmenter."""
    known = dataset.segmenter_classes or range(dataset.num_classes)
    indices = file_ids(
        dataset.label_mappings[0], dataset.num_classes, dataset.dont_care
    )
    id_of = {index: id_ for id_, index in indices.items()}
    return tuple(id_of[i] for i in known), tuple(dataset.palette[i] for i in known)
