"""Batch normalisation with the statistics of all replicas, and its gradient."""

import math

import tensorflow as tf

from ccfpse_tf.ops.compilation import custom_gradient, traced
from ccfpse_tf.ops.resizing import sizes
from ccfpse_tf.ops.scaling import (
    corrected,
    scaled,
    scaling_gradients,
    short_sums_of_map,
    short_sums_of_squares,
    total,
)


def reference(x, gamma, beta, epsilon):
    """``(x - mean) / sqrt(variance + epsilon) * gamma + beta`` of one replica."""
    mean, variance = tf.nn.moments(x, [0, 1, 2])
    return (x - mean) / tf.sqrt(variance + epsilon) * gamma + beta


def batch_normalization(
    x: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    epsilon: float,
    activate: bool = False,
) -> tuple[tf.Tensor, tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
    """Normalises by the statistics of the global batch (Ioffe & Szegedy 2015).

    Args:
        x: ``(batch, height, width, channels)``.
        gamma: ``(channels,)``, in float32 at least, as ``beta``: the statistics' dtype.
        beta: ``(channels,)``.
        epsilon: added to the variance.
        activate: whether leaky ReLU follows.

    Returns:
        The normalised map, in shape and dtype of ``x``; and mean and biased variance,
        ``(channels,)``, and the number of pixels that they were taken of.
    """
    moments = _moments_over_replicas(tf.stop_gradient(x), gamma.dtype)
    mean, variance, count = moments
    scale = tf.math.rsqrt(variance + epsilon)

    @custom_gradient
    def normalize(x, gamma, beta):
        factor = gamma * scale

        def gradient(dy):
            dx, d_factor, d_beta = scaling_gradients(
                x, mean, factor, beta, dy, activate=activate
            )
            d_gamma = d_factor * scale
            # Every replica's output depends on every replica's input: what all pixels'
            # gradients share, and how much of it per unit of x.
            shared = tf.stack([factor * d_beta, factor * scale * d_gamma])
            shared = _add_over_replicas(shared)
            return _without_share(dx, x, mean, shared, count), d_gamma, d_beta

        return scaled(x, mean, factor, beta, activate), gradient

    return normalize(x, gamma, beta), moments


def running_statistics(mean, variance, new_mean, new_variance, count, momentum):
    """Running mean and variance ``(channels,)``, moved towards a batch's.

    Args:
        mean: the running one.
        variance: the running one.
        new_mean: what :func:`batch_normalization` returns, as the following.
        new_variance: biased; what it is moved towards is unbiased, as in PyTorch.
        count: pixels.
        momentum: weight of the old values.
    """
    momentum = tf.convert_to_tensor(momentum, new_mean.dtype)
    tensors = mean, variance, new_mean, new_variance, count
    return _moved(*map(tf.convert_to_tensor, tensors), momentum)


@traced
def _moved(mean, variance, new_mean, new_variance, count, momentum):
    unbiased = new_variance * (count / tf.maximum(count - 1, 1))
    moved = []
    for old, new in ((mean, new_mean), (variance, unbiased)):
        mixed = momentum * old + (1 - momentum) * new
        # The optimisers leave out a step that overflows; one such value would stay
        # here for ever.
        moved.append(tf.where(tf.math.is_finite(mixed), mixed, old))
    return moved


@traced
def _without_share(dx, x, mean, shared, count):
    return corrected(dx, x, mean, *tf.unstack(shared / count))


def _moments_over_replicas(x, dtype):
    """Mean, biased variance ``(channels,)`` and pixel count over the global batch."""
    # Replicas may hold different numbers of samples, so sums are added, not means.
    sums = _add_over_replicas(_sums(x, dtype=dtype))
    mean, squares = _squares(x, sums)
    variance, count = _variance(_add_over_replicas(squares), sums)
    return mean, variance, count


@traced
def _sums(x, *, dtype):
    """Sums of all channels, then the number of pixels."""
    count = tf.cast(math.prod(sizes(x, (0, 1, 2))), dtype)
    return tf.concat([total(short_sums_of_map(x), dtype), count[None]], 0)


@traced
def _squares(x, sums):
    """Mean and sum of squares around it."""
    mean = sums[:-1] / sums[-1]
    return mean, total(short_sums_of_squares(x, mean), mean.dtype)


@traced
def _variance(squares, sums):
    """Variance and pixel count."""
    return squares / sums[-1], sums[-1]


def _add_over_replicas(value):
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return value
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, value)
