"""Maps scaled channel by channel, with gradients that keep nothing but the map."""

import tensorflow as tf

from ccfpse_tf.layers import activations
from ccfpse_tf.layers.compiled import custom_gradient, fused, traced_once


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
            constant; :mod:`ccfpse_tf.layers.normalization` adds what it contributes.
        factor: likewise, with a gradient.
        offset: likewise, with a gradient.
        activate: whether leaky ReLU follows.

    Returns:
        In shape and dtype of ``x``.
    """

    @custom_gradient
    def run(*inputs):
        # Else a tape would also record, and keep, what happens inside the function.
        inputs = [tf.stop_gradient(tensor) for tensor in inputs]

        def gradient(dy):
            dx, d_factor, d_offset = scaling_gradients(*inputs, dy, activate=activate)
            return dx, None, d_factor, d_offset

        return _forward(*inputs, activate=activate), gradient

    return run(x, mean, factor, offset)


@fused
def row_sums(x: tf.Tensor) -> tf.Tensor:
    """Sums ``(batch, height, channels)`` over pixel rows, in float64.

    The reference adds its statistics up so too; a long float32 sum drifts from it.
    """
    return tf.reduce_sum(tf.cast(x, tf.float64), 2)


@fused
def row_sums_of_squares(x: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
    """As :func:`row_sums` of ``(x - mean)^2``."""
    square = tf.square(tf.cast(x, mean.dtype) - mean)
    return tf.reduce_sum(tf.cast(square, tf.float64), 2)


def total(rows: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Row sums ``(..., channels)`` to ``(channels,)``, in float64 on the way.

    Rows are summed in compiled functions, and this outside: one sum over all pixels
    would run on a single core.
    """
    rows = tf.cast(rows, tf.float64)
    return tf.cast(tf.reduce_sum(rows, list(range(len(rows.shape) - 1))), dtype)


@fused
def corrected(
    dx: tf.Tensor, x: tf.Tensor, mean: tf.Tensor, constant: tf.Tensor, slope: tf.Tensor
) -> tf.Tensor:
    """``dx - constant - slope * (x - mean)``, in the dtype of ``x``."""
    centered = tf.cast(x, mean.dtype) - mean
    return tf.cast(tf.cast(dx, mean.dtype) - constant - slope * centered, x.dtype)


@fused
def _forward(x, mean, factor, offset, *, activate):
    y = (tf.cast(x, mean.dtype) - mean) * factor + offset
    return tf.cast(activations.leaky_relu(y) if activate else y, x.dtype)


@traced_once
def scaling_gradients(x, mean, factor, offset, dy, *, activate):
    """Gradients of :func:`scaled` by map, factor and offset, given the result's."""
    dx, *rows = _backward(x, mean, factor, offset, dy, activate=activate)
    return dx, *(total(part, mean.dtype) for part in rows)


@fused
def _backward(x, mean, factor, offset, dy, *, activate):
    centered, dy = tf.cast(x, mean.dtype) - mean, tf.cast(dy, mean.dtype)
    if activate:
        dy = tf.where(centered * factor + offset > 0, dy, activations.SLOPE * dy)
    rows = (tf.reduce_sum(part, -2) for part in (dy * centered, dy))
    return tf.cast(dy * factor, x.dtype), *rows
