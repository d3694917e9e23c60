"""Instance normalisation, whose gradient needs the result alone."""

import math

import tensorflow as tf

from ccfpse_tf.ops import activations
from ccfpse_tf.ops.compilation import custom_gradient, traced, xla_fused
from ccfpse_tf.ops.resizing import spatial_size
from ccfpse_tf.ops.scaling import (
    short_sums,
    short_sums_of_map,
    short_sums_of_squares,
    total_of_instances,
)


def reference(x: tf.Tensor, epsilon: float, activate: bool = False) -> tf.Tensor:
    """``(x - mean) / sqrt(variance + epsilon)`` of every image and channel."""
    mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
    y = (x - mean) / tf.sqrt(variance + epsilon)
    return activations.leaky_relu(y) if activate else y


def instance_normalization(
    x: tf.Tensor, epsilon: float, activate: bool = False
) -> tf.Tensor:
    """Zero mean and unit variance per image and channel (Ulyanov et al. 2016).

    Args:
        x: ``(batch, height, width, channels)``, in float32 at least.
        epsilon: added to the biased variance.
        activate: whether leaky ReLU follows.

    Returns:
        In shape and dtype of ``x``.
    """

    @custom_gradient
    def normalize(x):
        y, scale = _forward(x, epsilon=epsilon, activate=activate)
        # The gradient from the result alone, which the next layer keeps in any case
        # (Rota Bulo et al. 2018, "In-place activated batchnorm").
        return y, lambda dy: _backward(y, dy, scale, activate=activate)

    return normalize(x)


@traced
def _forward(x, *, epsilon, activate):
    """The normalised map and ``(batch, 1, 1, channels)``, what it was scaled by."""
    pixels = _pixels(x)
    mean = total_of_instances(short_sums_of_map(x), x.dtype) / pixels
    squares = short_sums_of_squares(x, mean)
    variance = total_of_instances(squares, x.dtype) / pixels
    scale = tf.math.rsqrt(variance + epsilon)
    return _scale(x, mean, scale, activate=activate), scale


@traced
def _backward(y, dy, scale, *, activate):
    sums = _sums(y, dy, activate=activate)
    means = [total_of_instances(part, y.dtype) / _pixels(y) for part in sums]
    return _gradient(y, dy, scale, *means, activate=activate)


def _pixels(x):
    return tf.cast(math.prod(spatial_size(x)), x.dtype)


@xla_fused
def _scale(x, mean, scale, *, activate):
    y = (x - mean) * scale
    return activations.leaky_relu(y) if activate else y


def _before_activation(y, dy, activate):
    """The normalised map and the gradient with respect to it."""
    if not activate:
        return y, dy
    positive, slope = y > 0, activations.SLOPE
    return tf.where(positive, y, y / slope), tf.where(positive, dy, slope * dy)


@xla_fused
def _sums(y, dy, *, activate):
    y, dy = _before_activation(y, dy, activate)
    return short_sums(dy), short_sums(dy * y)


@xla_fused
def _gradient(y, dy, scale, mean, product, *, activate):
    y, dy = _before_activation(y, dy, activate)
    return scale * (dy - mean - y * product)
