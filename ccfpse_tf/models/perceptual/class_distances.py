"""Perceptual distances of several images of one layout, class by class."""

import tensorflow as tf

from ccfpse_tf.models.perceptual.loss import PerceptualLoss
from ccfpse_tf.ops.resizing import halve, resize_bilinear, sizes, spatial_size


def class_distances(
    loss: PerceptualLoss, images: tf.Tensor, real: tf.Tensor, classes: tf.Tensor
) -> list[tf.Tensor]:
    """How far every image is from the photograph within each class, level by level.

    ``mean over pixels of classes * mean over channels of |phi(image) - phi(real)|``,
    times the level's weight (Chen and Koltun 2017). The first mean is over all of the
    image, so a class counts by its area. No gradient reaches ``real``.

    Args:
        loss: has the network, and the weights of its levels.
        images: ``(batch, images, height, width, 3)``, where ``[-1, 1]`` is black to
            white.
        real: ``(batch, height, width, 3)``.
        classes: ``(batch, height, width, classes)``, one-hot.

    Returns:
        Maps ``(batch, images, classes)``, one for each level.
    """
    images = tf.convert_to_tensor(images)
    batch, count, *shape = sizes(images)
    ours = loss.features(tf.reshape(images, (batch * count, *shape)))
    found = []
    for weight, a, b in zip(
        loss.diverse_weights, ours, loss.features(real), strict=True
    ):
        a = tf.reshape(a, (batch, count, *sizes(a)[1:]))
        difference = tf.reduce_mean(tf.abs(a - tf.stop_gradient(b)[:, None]), -1)
        shares = _shrunk(tf.cast(classes, a.dtype), spatial_size(b))
        pixels = tf.cast(tf.size(shares[0, ..., 0]), a.dtype)
        sums = tf.einsum("bkhw,bhwc->bkc", difference, shares)
        found.append(weight / pixels * sums)
    return found


def _shrunk(classes, size):
    """Shares of the classes in the cells of a smaller map."""
    while spatial_size(classes)[0] >= 2 * size[0]:
        classes = halve(classes)
    return resize_bilinear(classes, size)  # of networks whose maps are not halves
