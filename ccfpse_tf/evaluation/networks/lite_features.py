"""The pooled features of EfficientNet-Lite0 and Lite1, which everybody can install.

Their distances are no FID and no KID: the results' names say whose they are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from ccfpse_tf.data.transforms import resize_image
from ccfpse_tf.evaluation.networks.inception import check_images
from ccfpse_tf.models.perceptual.efficientnet_lite import (
    FILES,
    HEAD,
    INPUT_SIZES,
    efficientnet_lite,
)

VARIANTS = {"efficientnet-lite0": 0, "efficientnet-lite1": 1}


def find_weights(name: str, path: str | Path | None = None) -> Path:
    """Returns the path of a network's file.

    Args:
        name: a key of :data:`VARIANTS`.
        path: of the file; None looks into the installed package.

    Raises:
        InputError: a file that is not there, or another one.
    """
    return FILES[VARIANTS[name]].find(path)


class LiteFeatures:
    """``(batch, height, width, 3)`` uint8 images to ``(batch, 1280)`` features.

    Images are resized to the size that the network was trained on, 224x224 or 240x240,
    by Pillow's bicubic filter, which smooths when it shrinks.

    Args:
        name: a key of :data:`VARIANTS`.
        weights: path of the network's file; None takes it from the installed package.

    Attributes:
        frechet_name: ``fd_lite0`` or ``fd_lite1``.
        kernel_name: ``kid_lite0`` or ``kid_lite1``.
        dimensions: 1280.

    Raises:
        InputError: a file that is not there, or another one.
    """

    dimensions = HEAD

    def __init__(self, name: str, weights: str | Path | None = None):
        variant = VARIANTS[name]
        self.name = name
        self.side = INPUT_SIZES[variant]
        self.sha256 = FILES[variant].sha256
        self.frechet_name = f"fd_lite{variant}"
        self.kernel_name = f"kid_lite{variant}"
        network = efficientnet_lite(variant, ["pool"], weights)
        images = tf.TensorSpec((None, self.side, self.side, 3), tf.float32)
        self._run = tf.function(
            lambda x: tf.nest.flatten(network(x, training=False))[0],
            input_signature=[images],
        )

    def protocol(self) -> dict[str, str | int]:
        """The facts that must be equal for two results to be comparable."""
        return {
            "network": self.name,
            "sha256": self.sha256,
            "resize": f"Pillow bicubic to {self.side}x{self.side}",
            "dimensions": self.dimensions,
        }

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Features of a batch of RGB images, float32.

        Raises:
            InputError: if these are not such images.
        """
        size = self.side, self.side
        resized = [resize_image(image, size) for image in check_images(images)]
        return self._run(np.stack(resized).astype(np.float32)).numpy()
