"""How far two images of one scene are from each other, pixel by pixel."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ccfpse_tf.errors import InputError
from ccfpse_tf.models.perceptual.loss import NETWORKS

COLOUR = "colour"


class ColourDifference:
    """The mean over red, green and blue of ``|a - b| / 255``.

    Attributes:
        name: for people.
        bright: the difference that pictures show as white.
    """

    name, bright = COLOUR, 0.5

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Returns float32 ``(height, width)`` of uint8 ``(height, width, 3)``."""
        difference = np.abs(a.astype(np.float32) - b.astype(np.float32))
        return difference.mean(-1) / 255


class FeatureDifference:
    """``sum_l weight_l * mean_c |f_l(a) - f_l(b)|``, each level enlarged to the images.

    The levels are those of the perceptual loss, and this is its value at every pixel.

    Args:
        network: a key of :data:`ccfpse_tf.models.perceptual.loss.NETWORKS`.
        weights: their file; None for the package or the download that they are from.

    Attributes:
        name, bright: as of :class:`ColourDifference`.

    Raises:
        InputError: weights that cannot be had or read.
    """

    bright = 2.0

    def __init__(self, network: str, weights: str | None = None):
        self.name, self._row = network, NETWORKS[network]
        try:
            self._network = self._row.open(weights)
        except Exception as error:  # whatever the reader of the file raises
            title = self._row.title.format(weights or self._row.default)
            raise InputError(
                f"--distance {network}: {title}: {error}; name their file by "
                f"--distance {network}:FILE, or compare by --distance {COLOUR}"
            ) from error

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Returns float32 ``(height, width)`` of uint8 ``(height, width, 3)``."""
        images = tf.constant(np.stack([a, b]), tf.float32) / 127.5 - 1
        maps = self._network(self._row.inputs(images), training=False)
        total = np.zeros(a.shape[:2], np.float32)
        for weight, level in zip(self._row.level_weights, maps, strict=True):
            distance = tf.reduce_mean(tf.abs(level[0] - level[1]), -1, keepdims=True)
            enlarged = tf.image.resize(distance, a.shape[:2])
            total += weight * enlarged[..., 0].numpy()
        return total


Difference = Callable[[np.ndarray, np.ndarray], np.ndarray]


def open_difference(spec: str | None) -> ColourDifference | FeatureDifference:
    """Opens ``colour``, ``NETWORK`` or ``NETWORK:FILE``.

    Args:
        spec: None for the first network that needs no download, else the colours.

    Raises:
        InputError: another word, or weights that cannot be had.
    """
    if spec is None:
        here = (name for name, row in NETWORKS.items() if row.is_here())
        spec = next(here, COLOUR)
    name, _, weights = spec.partition(":")
    if name == COLOUR:
        return ColourDifference()
    if name not in NETWORKS:
        raise InputError(
            f"--distance {spec}: choose {COLOUR}, {', '.join(NETWORKS)}, or one of "
            "these networks with the file of its weights, as NETWORK:FILE"
        )
    return FeatureDifference(name, weights or None)
