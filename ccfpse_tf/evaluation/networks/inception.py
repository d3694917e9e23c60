"""The Inception network of 2015 whose features the FID and the KID compare.

The frozen graph itself is run, not a network rebuilt from its weights;
``keras.applications.InceptionV3`` is another network, whose numbers do not compare with
published ones.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from PIL import Image

from ccfpse_tf.data.transforms import resize
from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.networks.graph_file import read_graph
from ccfpse_tf.evaluation.networks.graph_import import as_function, needed_nodes
from ccfpse_tf.ops.resizing import resize_bilinear

INPUT = "ExpandDims"  # float32 RGB, 0..255; the graph resizes to 299x299
SCALED = "Mul"  # the input of its first convolution: (resized - 128) / 128
OUTPUT = "pool_3"  # (batch, 1, 1, 2048)
FEATURES = 2048
SIDE = 299
NAME = "inception-2015-12-05"


def _for_graph(images):
    """As the FID's authors did: the graph resizes, bilinear with TF1's positions."""
    return tf.cast(images, tf.float32)


def _as_pytorch_fid(images):
    """As pytorch-fid: half-pixel bilinear without antialiasing, then ``2 x / 255 - 1``.

    The graph computes ``(v - 128) / 128``, which is that for ``v = x * 256 / 255``.
    """
    resized = resize_bilinear(tf.cast(images, tf.float32), (SIDE, SIDE))
    return resized * (256 / 255)


def _as_clean_fid(images):
    """As clean-fid: Pillow's antialiased bicubic of each channel in float, unclipped.

    Scaled by the graph as for ``tf1``.
    """
    images = np.asarray(images, np.float32)
    resized = [resize(x, (SIDE, SIDE), Image.Resampling.BICUBIC) for x in images]
    return tf.constant(np.stack(resized))


RESIZES = {
    "tf1": _for_graph,
    "pytorch-fid": _as_pytorch_fid,
    "clean-fid": _as_clean_fid,
}


class InceptionFeatures:
    """``(batch, height, width, 3)`` uint8 images to ``(batch, 2048)`` features.

    Args:
        path: of the graph, see
            :func:`ccfpse_tf.evaluation.networks.graph_file.read_graph`; None downloads
            it.
        resize: ``"tf1"`` (Heusel et al. 2017), ``"pytorch-fid"`` or ``"clean-fid"``
            (Parmar et al. 2022). Their distances differ: compare like with like.
        sha256: that the graph must have; None accepts any.

    Attributes:
        frechet_name: the name of a Frechet distance of these features.
        kernel_name: the same for a kernel distance.
        dimensions: 2048.
        sha256: of the graph that was read.

    Raises:
        InputError: for a graph that cannot be read, or is another one.
    """

    frechet_name = "FID"
    kernel_name = "KID"
    dimensions = FEATURES

    def __init__(self, path=None, resize: str = "tf1", sha256: str | None = None):
        if resize not in RESIZES:
            raise InputError(
                f"resizing {resize!r} for FID: choose from {', '.join(RESIZES)}"
            )
        self.resize = resize
        file = read_graph(path, sha256)
        self.sha256 = file.sha256
        try:
            graph = tf.compat.v1.GraphDef.FromString(file.content)
            nodes = needed_nodes(graph, INPUT, (SCALED, OUTPUT))
            self._run = as_function(nodes, INPUT, (SCALED, OUTPUT))
            _check(*self._run(tf.constant(_probe())))
        except (DecodeError, ValueError, tf.errors.OpError) as error:
            raise InputError(f"{file.path} is not the graph {NAME}: {error}") from error

    def protocol(self) -> dict[str, str]:
        """The facts that must be equal for two results to be comparable."""
        return {"network": NAME, "sha256": self.sha256, "resize": self.resize}

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Features of a batch of RGB images, float32.

        Raises:
            InputError: if these are not such images.
        """
        images = check_images(images)
        return self._run(RESIZES[self.resize](images))[1].numpy()[:, 0, 0]


def check_images(images: np.ndarray) -> np.ndarray:
    """uint8 ``(batch, height, width, 3)``.

    Raises:
        InputError: for another type or shape, or no image at all.
    """
    images = np.asarray(images)
    fits = images.ndim == 4 and images.shape[-1] == 3 and images.size
    if images.dtype != np.uint8 or not fits:
        raise InputError(
            f"images are {images.dtype} of the shape {images.shape}, not uint8 RGB "
            "(batch, height, width, 3)"
        )
    return images


def _probe():
    """A black and a white image, (2, 1, 1, 3): a wrong graph shows before any work."""
    return np.array([0, 255], np.float32)[:, None, None, None].repeat(3, -1)


def _check(scaled, features):
    if features.shape != (2, 1, 1, FEATURES):
        raise ValueError(
            f"{OUTPUT}:0 of 2 images has the shape {tuple(features.shape)}, not "
            f"(2, 1, 1, {FEATURES})"
        )
    expected = np.array([-1, 127 / 128], np.float32)[:, None, None, None]
    if scaled.shape != (2, SIDE, SIDE, 3) or np.abs(scaled - expected).max() > 1e-6:
        raise ValueError(
            f"{SCALED}:0 is not the image of {SIDE}x{SIDE} less 128, divided by 128"
        )
