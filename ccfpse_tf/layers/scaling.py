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


def channel_sum(x: tf.Tensor) -> tf.Tensor:
    """Sum over ``(batch, height, width)``, one axis after the other.

    Three short sums round off far less than one over all pixels: with the long one,
    float32 training drifts from the reference (which adds in float64) fifty times as
    fast.
    """
    return sum_of_rows(tf.reduce_sum(x, 2))


def sum_of_rows(rows: tf.Tensor) -> tf.Tensor:
    """``(..., channels)`` to ``(channels,)``.

    Sums of pixel rows are made in compiled functions, the rest outside: XLA would merge
    the sums.
    """
    for axis in reversed(range(len(rows.shape) - 1)):
        rows = tf.reduce_sum(rows, axis)
    return rows


@fused
def rows_of_squares(x: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
    """Sums ``(batch, height, channels)`` of ``(x - mean)^2`` over pixel rows."""
    return tf.reduce_sum(tf.square(tf.cast(x, mean.dtype) - mean), 2)


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
    return dx, *map(sum_of_rows, rows)


@fused
def _backward(x, mean, factor, offset, dy, *, activate):
    centered, dy = tf.cast(x, mean.dtype) - mean, tf.cast(dy, mean.dtype)
    if activate:
        dy = tf.where(centered * factor + offset > 0, dy, activations.SLOPE * dy)
    rows = (tf.reduce_sum(part, -2) for part in (dy * centered, dy))
    return tf.cast(dy * factor, x.dtype), *rows
