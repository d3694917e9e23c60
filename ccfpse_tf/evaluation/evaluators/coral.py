"""Coral's DeepLab as an evaluator: tiles of images that are enlarged to full size."""

import numpy as np

from ccfpse_tf.data.datasets import Dataset
from ccfpse_tf.data.transforms import resize_ids, resize_image
from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.evaluators.evaluator import (
    Evaluator,
    describe_files,
    files_of,
    look_up,
    scaled,
    segmenter_ids,
)
from ccfpse_tf.evaluation.networks.coral_deeplab import TILE, CoralDeepLab, spans

IMAGE_SIZE = (1024, 2048)
"""Height and width at which the photographs of its training were taken."""

SLIMMEST = 4
"""Long side over short side of photos; slimmer ones would take hundreds of tiles."""


class CoralEvaluator(Evaluator):
    """Segments images scaled to 2048x1024 (width by height) in tiles of 513x513.

    It gives classes without scores, which are resized by nearest neighbour.

    Args:
        network: with its weights.
        dataset: that it was trained on.
        label_mapping: of the label indices to come; None for the data set's first.

    Raises:
        ValueError: a label mapping that the data set does not have.
    """

    ratios = (1.9, 2.1)

    def __init__(
        self, network: CoralDeepLab, dataset: Dataset, label_mapping: str | None = None
    ):
        mapping = label_mapping or dataset.label_mappings[0]
        self.network = network
        self._ids = np.array(segmenter_ids(dataset, mapping))
        rows, columns = ([start for start, *_ in spans(side)] for side in IMAGE_SIZE)
        super().__init__(
            "coral-deeplab",
            [dataset.class_names[index] for index in dataset.segmenter_classes],
            "present",
            IMAGE_SIZE,
            {
                "network": "DeepLab with MobilenetEdgeTPU-slim, 8 bits",
                "repository": "github.com/google-coral/test_data",
                "weights": describe_files([network.path]),
                **network.describe(),
                "data_set": dataset.title,
                "label_mapping": mapping,
                "input": {"channels": "RGB", "scale": 1},
                "tile": [TILE, TILE],
                "tile_rows": rows,
                "tile_columns": columns,
                "combination": "classes; each tile up to the middle of an overlap",
                "scales": [1.0],
                "class_resize": "Pillow nearest",
                "flips": False,
            },
        )
        self.file_ids, self.palette = files_of(dataset)

    def labels(self, label):
        """See :class:`Evaluator`."""
        return look_up(label, self._ids, self.name)

    def segment(self, image, size):
        """See :class:`Evaluator`."""
        return resize_ids(self.network(image), size)

    def label_photo(self, photo):
        """Labels a photo of any shape; see :class:`Evaluator`.

        One of the ratio of its training's photographs is scaled to their size. Others
        are not distorted: their short side becomes `TILE`, or that of the training's
        photographs where it is as long already.

        Raises:
            InputError: also a photo that is more than `SLIMMEST` times as long as wide.
        """
        height, width = photo.shape[:2]
        if self.ratios[0] <= width / height <= self.ratios[1]:
            return self.predict(photo, (height, width))
        short, long = sorted((height, width))
        if long > SLIMMEST * short:
            raise InputError(
                f"{self.name}: a photo of {width}x{height} (width by height); the long "
                f"side may be {SLIMMEST} times the short one at most; crop it"
            )
        side = IMAGE_SIZE[0] if short >= IMAGE_SIZE[0] else TILE
        image = resize_image(photo, scaled((height, width), side / short))
        return self.segment(image, (height, width))
