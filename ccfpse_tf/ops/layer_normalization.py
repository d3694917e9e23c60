"""Normalisation of whole images, with a gradient that keeps nothing but its input."""

import math

import tensorflow as tf

from ccfpse_tf.ops import activations
from ccfpse_tf.ops.compilation import custom_gradient, traced, xla_fused
from ccfpse_tf.ops.resizing import sizes
from ccfpse_tf.ops.scaling import (
    short_sums,
    short_sums_of_map,
    short_sums_of_squares,
    total,
    total_of_instances,
)


def reference(x, gamma, beta, epsilon: float, activate: bool = False) -> tf.Tensor:
    """``(x - mean) / sqrt(variance + epsilon) * gamma + beta`` of every image."""
    mean, variance = tf.nn.moments(x, [1, 2, 3], keepdims=True)
    y = (x - mean) / tf.sqrt(variance + epsilon) * gamma + beta
    return activations.leaky_relu(y) if activate else y


def layer_normalization(
    x: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    epsilon: float,
    activate: bool = False,
) -> tf.Tensor:
    """Zero mean and unit variance over all of an image, then a scale per channel.

    Mean and (biased) variance are over height, width and channels together (Ba et al.
    2016, as TensorFlow 1's ``layer_norm`` has it for maps).

    Args:
        x: ``(batch, height, width, channels)``, in float32 at least.
        gamma: ``(channels,)``, the scale.
        beta: ``(channels,)``, the offset.
        epsilon: added to the variance.
        activate: whether leaky ReLU follows.

    Returns:
        In shape and dtype of ``x``.
    """

    @custom_gradient
    def normalize(x, gamma, beta):
        y, mean, scale = _forward(x, gamma, beta, epsilon=epsilon, activate=activate)

        def gradient(dy):
            return _backward(x, mean, scale, gamma, beta, dy, activate=activate)

        return y, gradient

    return normalize(x, gamma, beta)


@traced
def _forward(x, gamma, beta, *, epsilon, activate):
    """The result, and ``(batch, 1, 1, 1)`` mean and inverse deviation."""
    mean = _mean(total_of_instances(short_sums_of_map(x), x.dtype), x)
    squares = total_of_instances(short_sums_of_squares(x, mean), x.dtype)
    scale = tf.math.rsqrt(_mean(squares, x) + epsilon)
    return _scale(x, mean, scale, gamma, beta, activate=activate), mean, scale


def _mean(sums, x):
    """The mean over images, from sums ``(batch, 1, 1, channels)`` over pixels."""
    values = tf.cast(math.prod(sizes(x, (1, 2, 3))), x.dtype)
    return tf.reduce_sum(sums, -1, keepdims=True) / values


@xla_fused
def _scale(x, mean, scale, gamma, beta, *, activate):
    y = (x - mean) * scale * gamma + beta
    return activations.leaky_relu(y) if activate else y


@traced
def _backward(x, mean, scale, gamma, beta, dy, *, activate):
    inputs = x, mean, scale, gamma, beta, dy
    of_products, of_dy = _sums(*inputs, activate=activate)
    d_gamma, d_beta = (total(part, x.dtype) for part in (of_products, of_dy))
    means = [
        _mean(gamma * total_of_instances(part, x.dtype), x)
        for part in (of_dy, of_products)
    ]
    return _gradient(*inputs, *means, activate=activate), d_gamma, d_beta


def _normalized(x, mean, scale, gamma, beta, dy, activate):
    """The normalised map, and the gradient with respect to what is activated."""
    y = (x - mean) * scale
    if activate:
        dy = tf.where(y * gamma + beta > 0, dy, activations.SLOPE * dy)
    return y, dy


@xla_fused
def _sums(x, mean, scale, gamma, beta, dy, *, activate):
    y, dy = _normalized(x, mean, scale, gamma, beta, dy, activate)
    return short_sums(dy * y), short_sums(dy)


@xla_fused
def _gradient(x, mean, scale, gamma, beta, dy, d_mean, product, *, activate):
    y, dy = _normalized(x, mean, scale, gamma, beta, dy, activate)
    return scale * (dy * gamma - d_mean - y * product)
