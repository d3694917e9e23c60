"""Maps scaled channel by channel, with gradients that keep nothing but the map."""

import math

import tensorflow as tf

from ccfpse_tf.ops import activations
from ccfpse_tf.ops.compilation import custom_gradient, traced, xla_fused
from ccfpse_tf.ops.precision import at_least_float32
from ccfpse_tf.ops.resizing import sizes

_TOGETHER = 8  # pixels; more are no faster, and lose digits


def reference(x, mean, factor, offset, activate=False):
    """The equation of :func:`scaled`."""
    y = (x - mean) * factor + offset
    return activations.leaky_relu(y) if activate else y


def scaled(
    x: tf.Tensor,
    mean: tf.Tensor,
    factor: tf.Tensor,
    offset: tf.Tensor,
    activate: bool = False,
) -> tf.Tensor:
    """``(x - mean) * factor + offset``, the second half of a normalisation.

    Args:
        x: ``(batch, height, width, channels)``, or pixels in another order
            ``(..., n, channels)``.
        mean: ``(channels,)`` as all the following, in float32 at least. It counts as
            constant; :mod:`ccfpse_tf.ops.batch_statistics` adds what it contributes.
        factor: likewise, with a gradient.
        offset: likewise, with a gradient.
        activate: whether leaky ReLU follows.

    Returns:
        In shape and dtype of ``x``.
    """

    @custom_gradient
    def run(*inputs):
        def gradient(dy):
            dx, d_factor, d_offset = scaling_gradients(*inputs, dy, activate=activate)
            return dx, None, d_factor, d_offset

        return _forward(*inputs, activate=activate), gradient

    return run(x, mean, factor, offset)


def short_sums(x: tf.Tensor) -> tf.Tensor:
    """Sums of up to eight neighbouring pixels, the first half of a sum over all.

    Where :func:`total` adds the results up in float64, as the reference does, a sum
    over all pixels has nearly float64's precision at float32's price.

    Args:
        x: ``(..., n, channels)``.

    Returns:
        ``(..., n / 8, channels)``; fewer pixels are added where 8 does not divide n,
        and none where n is unknown when a graph is traced. In float32 at least.
    """
    x = at_least_float32(x)
    if x.shape[-2] is None:
        return x
    *others, n, channels = sizes(x)
    together = math.gcd(n, _TOGETHER)
    split = [*others, n // together, together, channels]
    return tf.reduce_sum(tf.reshape(x, split), -2)


short_sums_of_map = xla_fused(short_sums)


@xla_fused
def short_sums_of_squares(x: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
    """As :func:`short_sums` of ``(x - mean)^2``."""
    return short_sums(tf.square(tf.cast(x, mean.dtype) - mean))


def total(sums: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """The second half: short sums ``(..., channels)`` to ``(channels,)``.

    Outside of compiled functions, where one sum over all pixels would run on a single
    core.
    """
    return _added(sums, list(range(len(sums.shape) - 1)), dtype)


def total_of_instances(sums: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """As :func:`total` for each image, ``(batch, 1, 1, channels)``."""
    return _added(sums, [1, 2], dtype)[:, None, None]


def _added(sums, axes, dtype):
    return tf.cast(tf.reduce_sum(tf.cast(sums, tf.float64), axes), dtype)


@xla_fused
def corrected(
    dx: tf.Tensor, x: tf.Tensor, mean: tf.Tensor, constant: tf.Tensor, slope: tf.Tensor
) -> tf.Tensor:
    """``dx - constant - slope * (x - mean)``, in the dtype of ``x``."""
    centered = tf.cast(x, mean.dtype) - mean
    return tf.cast(tf.cast(dx, mean.dtype) - constant - slope * centered, x.dtype)


@xla_fused
def _forward(x, mean, factor, offset, *, activate):
    y = (tf.cast(x, mean.dtype) - mean) * factor + offset
    return tf.cast(activations.leaky_relu(y) if activate else y, x.dtype)


@traced
def scaling_gradients(x, mean, factor, offset, dy, *, activate):
    """Gradients of :func:`scaled` by map, factor and offset, given the result's."""
    dx, *sums = _backward(x, mean, factor, offset, dy, activate=activate)
    return dx, *(total(part, mean.dtype) for part in sums)


@xla_fused
def _backward(x, mean, factor, offset, dy, *, activate):
    centered, dy = tf.cast(x, mean.dtype) - mean, tf.cast(dy, mean.dtype)
    if activate:
        dy = tf.where(centered * factor + offset > 0, dy, activations.SLOPE * dy)
    sums = map(short_sums, (dy * centered, dy))
    return tf.cast(dy * factor, x.dtype), *sums
