"""The perceptual distance between images and the photographs of their layouts."""

from pathlib import Path

import numpy as np

from ccfpse_tf.evaluation.image_metric import GENERATED, EvaluatedImage
from ccfpse_tf.evaluation.metrics.diversity import (
    MeanDistanceMetric,
    mean_pairwise_distance,
)
from ccfpse_tf.evaluation.networks.st_lpips import STLPIPS


class PairedDistance(MeanDistanceMetric):
    """The mean ST-LPIPS of images and photographs of the same layout.

    It rewards the colours and the things of that one photograph, of many that the
    layout allows: it is for images in the photograph's own style.

    Args:
        network: with ``channel_weights`` and ``protocol()``.
    """

    def __init__(self, network: STLPIPS):
        self.network = network
        self.reset()

    def protocol(self) -> dict:
        """The network and its weights."""
        return {"lpips_st": self.network.protocol()}

    def update(self, example: EvaluatedImage) -> None:
        """Compares the image with its photograph."""
        maps = self.network(np.stack([example.image, example.real]))
        distance = mean_pairwise_distance(maps, self.network.channel_weights)
        self.distances.update([distance])

    def result(self):
        """The mean distance."""
        return {GENERATED: {"lpips_st": self.distances.mean()}}


def open_paired_distance(measures, source, out) -> PairedDistance:
    """Opens the network that ``TRUNK`` or ``TRUNK:FILE`` names.

    Raises:
        InputError: another trunk, or weights that are not there.
    """
    trunk, _, weights = measures.st_lpips.partition(":")
    return PairedDistance(STLPIPS(trunk, Path(weights) if weights else None))
