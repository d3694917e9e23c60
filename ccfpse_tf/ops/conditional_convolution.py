"""Conditional depthwise convolution: every pixel and channel has its own kernel."""

import numpy as np
import tensorflow as tf

from ccfpse_tf.ops.compilation import custom_gradient, xla
from ccfpse_tf.ops.precision import at_least_float32
from ccfpse_tf.ops.resizing import sizes, spatial_size


def reference(x: tf.Tensor, kernels: tf.Tensor) -> tf.Tensor:
    """The equation of :func:`conditional_depthwise_convolution`, tap by tap."""
    height, width = spatial_size(x)
    padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    taps = tf.split(kernels, 9, axis=-1)
    return tf.add_n(
        [
            taps[3 * u + v] * padded[:, u : u + height, v : v + width]
            for u in range(3)
            for v in range(3)
        ]
    )


def conditional_depthwise_convolution(x: tf.Tensor, kernels: tf.Tensor) -> tf.Tensor:
    """Convolves every pixel and channel with its own 3x3 kernel (section 3.2).

    ``y[b,i,j,c] = sum over (u,v) in 3x3 of kernels[b,i,j,3u+v,c] * x[b,i+u-1,j+v-1,c]``
    with zeros outside, stride 1. Kernels come tap by tap, ``(..., 9, c)`` flattened, so
    that neighbouring memory holds neighbouring channels; the official order is
    channel by channel. XLA compiles both directions to one pass over their inputs: no
    shifted copy of anything is kept. Sums are made in float32 at least.

    Args:
        x: ``(batch, height, width, channels)``.
        kernels: ``(batch, height, width, 9 * channels)``, same dtype.

    Returns:
        ``(batch, height, width, channels)``.

    Raises:
        ValueError: kernels that do not hold nine values for every channel, or are of
            another batch, height or width, as far as sizes are known.
    """
    check_kernels(x.shape, kernels.shape)
    return _convolve(x, kernels)


def check_kernels(x_shape, kernels_shape) -> None:
    """Checks that every pixel and channel has a kernel of nine values.

    Args:
        x_shape: ``(batch, height, width, channels)``, None where unknown.
        kernels_shape: ``(batch, height, width, 9 * channels)``, likewise.

    Raises:
        ValueError: as :func:`conditional_depthwise_convolution`.
    """
    x_shape, kernels_shape = tf.TensorShape(x_shape), tf.TensorShape(kernels_shape)
    channels = None if x_shape[-1] is None else 9 * x_shape[-1]
    wanted = x_shape[:-1].concatenate([channels])
    if not wanted.is_compatible_with(kernels_shape):
        raise ValueError(
            f"kernels of shape {kernels_shape} for features of shape {x_shape}: "
            f"expected {wanted}, nine values per channel, tap-major"
        )


@custom_gradient
def _convolve(x, kernels):
    def gradient(dy):
        return _backward(x, kernels, dy)

    return _forward(x, kernels), gradient


@xla
def _forward(x, kernels):
    y = tf.add_n(
        [at_least_float32(_tap(kernels, tap)) * _neighbour(x, tap) for tap in range(9)]
    )
    return tf.cast(y, x.dtype)


@xla
def _backward(x, kernels, dy):
    # The tap that read a neighbour sends its share back there: seen from there, it is
    # the opposite neighbour's kernel, times that one's gradient.
    dx = tf.add_n(
        [
            _neighbour(_tap(kernels, tap), 8 - tap) * _neighbour(dy, 8 - tap)
            for tap in range(9)
        ]
    )
    # All nine by one look-up: side by side, XLA would write them value by value.
    d_kernels = _neighbour(x, np.arange(9)) * at_least_float32(dy)[:, :, :, None]
    d_kernels = tf.reshape(tf.cast(d_kernels, kernels.dtype), sizes(kernels))
    return tf.cast(dx, x.dtype), d_kernels


def _neighbour(x, taps):
    """What a tap reads at every pixel: ``(batch, height, width, *taps, channels)``.

    Zeros outside. A look-up, which XLA fuses into its user: no padded copy is made.
    """
    (height, width), channels = spatial_size(x), x.shape[-1]
    row, column = np.divmod(taps, 3)
    rows, in_rows = _clipped(height, row - 1)
    columns, in_columns = _clipped(width, column - 1)
    flat = tf.reshape(x, (-1, height * width, channels))
    places = tf.add((rows * width)[:, None], columns[None])
    found = at_least_float32(tf.gather(flat, places, axis=1))
    inside = tf.logical_and(in_rows[:, None, ..., None], in_columns[None, ..., None])
    return found * tf.cast(inside, found.dtype)


def _clipped(size, offsets):
    """Places ``0..size-1`` moved by ``offsets`` and clipped, and which were inside.

    Both ``(size, *offsets)``; constants where the size is known, as they are many.
    """
    if isinstance(size, int):
        moved = np.add.outer(np.arange(size, dtype=np.int32), np.int32(offsets))
        return np.clip(moved, 0, size - 1), (moved >= 0) & (moved < size)
    places = tf.reshape(tf.range(size), (-1, *[1] * np.ndim(offsets)))
    moved = places + np.int32(offsets)
    return tf.clip_by_value(moved, 0, size - 1), (moved >= 0) & (moved < size)


def _tap(kernels, tap):
    channels = kernels.shape[-1] // 9
    return kernels[..., tap * channels : (tap + 1) * channels]
