"""Batch statistics over all replicas, and what a normalisation takes from them."""

import math

import tensorflow as tf

from ccfpse_tf.ops.compilation import custom_gradient, traced_once
from ccfpse_tf.ops.resizing import sizes
from ccfpse_tf.ops.scaling import (
    corrected,
    short_sums_of_map,
    short_sums_of_squares,
    total,
)


def normalizations(norms, x, training, repeats=1):
    """What it takes to normalise one map by several layers, with shared statistics.

    Splitting a normalisation from its statistics lets whoever reads the normalised map
    make it again for the gradient instead of keeping it.

    Args:
        norms: :class:`ccfpse_tf.layers.normalization.BatchNormalization` layers, built.
        x: ``(batch, height, width, channels)``.
        training: whether to take, and note, the batch's statistics.
        repeats: how many pixels of the map to normalise every pixel of ``x`` stands
            for; what is returned is for any of them.

    Returns:
        ``x`` to read instead, whose gradient also passes through the statistics; and
        for each layer mean, factor and offset, for
        :func:`ccfpse_tf.ops.scaling.scaled`.
    """
    if not training:
        return x, [norm.running_coefficients() for norm in norms]
    mean, variance, count = _moments_over_replicas(tf.stop_gradient(x), norms[0])
    for norm in norms:
        norm.update(mean, variance, repeats * count)
    gammas, betas = zip(*(norm.scale_and_offset() for norm in norms), strict=True)
    scales = [tf.math.rsqrt(variance + norm.epsilon) for norm in norms]

    @custom_gradient
    def connect(x, *weights):
        gammas, betas = weights[: len(norms)], weights[len(norms) :]
        factors = [a * b for a, b in zip(gammas, scales, strict=True)]

        def gradient(dx, *d_coefficients):
            d_factors = d_coefficients[: len(norms)]
            d_betas = d_coefficients[len(norms) :]
            d_gammas = [a * b for a, b in zip(d_factors, scales, strict=True)]
            both = _through_statistics(factors, scales, d_gammas, list(d_betas))
            # Every replica's output depends on every replica's input.
            dx = _without_share(dx, x, mean, _add_over_replicas(both), count)
            return dx, *d_gammas, *d_betas

        return (tf.identity(x), *factors, *map(tf.identity, betas)), gradient

    x, *coefficients = connect(x, *gammas, *betas)
    factors, offsets = coefficients[: len(norms)], coefficients[len(norms) :]
    return x, [(mean, *pair) for pair in zip(factors, offsets, strict=True)]


@traced_once
def _through_statistics(factors, scales, d_gammas, d_betas):
    """``(2, channels)``: what all pixels' gradients share, and per unit of ``x``."""
    slopes = [a * b * c for a, b, c in zip(factors, scales, d_gammas, strict=True)]
    constants = [a * b for a, b in zip(factors, d_betas, strict=True)]
    return tf.stack([tf.add_n(constants), tf.add_n(slopes)])


@traced_once
def _without_share(dx, x, mean, shared, count):
    return corrected(dx, x, mean, *tf.unstack(shared / count))


def _moments_over_replicas(x, norm):
    """Mean, biased variance ``(channels,)`` and pixel count over the global batch."""
    # Replicas may hold different numbers of samples, so sums are added, not means.
    sums = _add_over_replicas(_sums(x, dtype=norm.variable_dtype))
    mean, squares = _squares(x, sums)
    variance, count = _variance(_add_over_replicas(squares), sums)
    return mean, variance, count


@traced_once
def _sums(x, *, dtype):
    """Sums of all channels, then the number of pixels."""
    count = tf.cast(math.prod(sizes(x, (0, 1, 2))), dtype)
    return tf.concat([total(short_sums_of_map(x), dtype), count[None]], 0)


@traced_once
def _squares(x, sums):
    """Mean and sum of squares around it."""
    mean = sums[:-1] / sums[-1]
    return mean, total(short_sums_of_squares(x, mean), mean.dtype)


@traced_once
def _variance(squares, sums):
    """Variance and pixel count."""
    return squares / sums[-1], sums[-1]


def _add_over_replicas(value):
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return value
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, value)
