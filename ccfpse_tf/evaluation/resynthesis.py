"""Photos drawn anew from their label maps, and where the two differ.

A segmentation network cannot name a thing that it was never shown. The image that is
drawn from its label map lacks that thing, so it differs from the photo there (Lis et
al. 2019, "Detecting the Unexpected via Image Resynthesis"; Di Biase et al. 2021,
"Pixel-wise Anomaly Detection in Complex Driving Scenes", who draw by CC-FPSE).
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import tensorflow as tf

from ccfpse_tf.data.transforms import normalize_image, resize_ids, resize_image
from ccfpse_tf.evaluation.evaluators import open_evaluator
from ccfpse_tf.evaluation.metrics.auroc import auroc
from ccfpse_tf.evaluation.metrics.image_difference import open_difference
from ccfpse_tf.evaluation.model_labeller import matching_ids
from ccfpse_tf.generation.sources import Source

COLUMNS = ("mean", "largest", "anomalous_share", "inside", "outside", "auroc")


@dataclasses.dataclass(frozen=True)
class Resynthesised:
    """One photo and what was made of it, in the size that the model draws.

    Args:
        key: its name.
        photo: uint8 ``(height, width, 3)``.
        label: class indices of the model ``(height, width)``.
        image: drawn from them, uint8 ``(height, width, 3)``.
        difference: of photo and image, float32 ``(height, width)``.
        anomalous: booleans ``(height, width)``; None without a mask.
    """

    key: str
    photo: np.ndarray
    label: np.ndarray
    image: np.ndarray
    difference: np.ndarray
    anomalous: np.ndarray | None

    def scores(self) -> dict[str, float | None]:
        """The values of ``COLUMNS``; those of the mask are None without one."""
        values = self.difference
        scores = {"mean": float(values.mean()), "largest": float(values.max())}
        mask = self.anomalous
        if mask is not None:
            scores["anomalous_share"] = float(mask.mean())
            scores["inside"] = float(values[mask].mean()) if mask.any() else None
            scores["outside"] = float(values[~mask].mean()) if not mask.all() else None
            scores["auroc"] = auroc(values, mask)
        return {name: scores.get(name) for name in COLUMNS}


class Resynthesiser:
    """Draws photos anew: segmentation, image, difference.

    Args:
        source: the run or preset that draws.
        spec: of the segmentation network, as :func:`open_evaluator` takes it.
        records: of a run, instead of those that it was trained on.
        distance: as :func:`open_difference` takes it.

    Raises:
        InputError: networks that cannot be opened, or that know other classes.
    """

    def __init__(
        self,
        source: Source,
        spec: str,
        records: Path | None = None,
        distance: str | None = None,
    ):
        self.data = source.description(records)
        self.size = tuple(source.config.data.image_size)
        self.evaluator = open_evaluator(spec, multi_scale=False)
        known = {name: i for i, name in enumerate(self.data.index_names)}
        option = f"--evaluator {spec}"
        self._ids = matching_ids(self.evaluator, known, option, source.name)
        self.difference = open_difference(distance)
        self.model = source.model(self.data)
        self._encodes = source.has_encoder

    def __call__(
        self, key: str, pixels: np.ndarray, mask: np.ndarray | None = None
    ) -> Resynthesised:
        """Draws a photo anew.

        Args:
            key: its name.
            pixels: uint8 RGB of any size; it is resized to the model's, as `prepare`
                resizes photos.
            mask: of the same size, other than 0 where the anomaly is; None for none.

        Raises:
            InputError: a photo that the evaluator would distort.
        """
        classes = self._ids[self.evaluator.label_photo(pixels)]
        label = resize_ids(classes.astype(np.int32), self.size)
        photo = resize_image(pixels, self.size)
        # Without objects, every region of one class is one.
        instance = label[None] if self.data.instances else None
        image = self.model.images(label[None], instance, self._style(photo))[0]
        if mask is not None:
            mask = resize_ids((mask != 0).astype(np.uint8), self.size) > 0
        difference = self.difference(photo, image)
        return Resynthesised(key, photo, label, image, difference, mask)

    def _style(self, photo):
        """The mean style of the photo; without encoder, the mean of the prior."""
        model = self.model.model
        if not model.z_dim:
            return None
        if not self._encodes:
            return np.zeros((1, model.z_dim), np.float32)
        mean, _ = model.encode(normalize_image(tf.constant(photo))[None])
        return np.asarray(mean)
