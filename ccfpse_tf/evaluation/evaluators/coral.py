"""Coral's DeepLab as an evaluator: tiles of images that are enlarged to full size."""

import numpy as np

from ccfpse_tf.data.datasets import Dataset
from ccfpse_tf.data.transforms import resize_ids
from ccfpse_tf.evaluation.evaluators.evaluator import (
    Evaluator,
    describe_files,
    look_up,
    segmenter_ids,
)
from ccfpse_tf.evaluation.networks.coral_deeplab import TILE, CoralDeepLab, spans

IMAGE_SIZE = (1024, 2048)
"""Height and width at which the photographs of its training were taken."""


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

    def labels(self, label):
        """See :class:`Evaluator`."""
        return look_up(label, self._ids, self.name)

    def segment(self, image, size):
        """See :class:`Evaluator`."""
        return resize_ids(self.network(image), size)
