"""Conditional depthwise convolution: every pixel and channel has its own kernel."""

import keras
import numpy as np
import tensorflow as tf

from ccfpse_tf.layers.compiled import at_least_float32, compiled
from ccfpse_tf.layers.resizing import spatial_size

TAPS = tuple((row, column) for row in range(3) for column in range(3))


@tf.custom_gradient
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
    """
    # Else a tape would also record, and keep, what happens inside the function.
    x, kernels = tf.stop_gradient(x), tf.stop_gradient(kernels)

    def gradient(dy):
        return _backward(x, kernels, dy)

    return _forward(x, kernels), gradient


@compiled
def _forward(x, kernels):
    padded = _pad(at_least_float32(x))
    y = tf.add_n(
        [
            at_least_float32(_tap(kernels, index)) * _shifted(padded, row, column)
            for index, (row, column) in enumerate(TAPS)
        ]
    )
    return tf.cast(y, x.dtype)


@compiled
def _backward(x, kernels, dy):
    # The tap that read (i+u-1, j+v-1) sends its share back there.
    dx = tf.add_n(
        [
            _shifted(_pad(_product(kernels, index, dy)), 2 - row, 2 - column)
            for index, (row, column) in enumerate(TAPS)
        ]
    )
    return tf.cast(dx, x.dtype), tf.reshape(
        _around(x) * dy[:, :, :, None], tf.shape(kernels)
    )


def _around(x):
    """The nine neighbours of every pixel, ``(batch, height, width, 9, channels)``.

    A look-up, which XLA fuses into its user; nine slices side by side it would write
    value by value, eight times as slowly.
    """
    (height, width), channels = spatial_size(x), x.shape[-1]
    rows = tf.range(height)[:, None, None] + np.repeat(np.arange(3), 3)
    columns = tf.range(width)[None, :, None] + np.tile(np.arange(3), 3)
    index = rows * (width + 2) + columns
    padded = tf.reshape(_pad(x), (-1, (height + 2) * (width + 2), channels))
    return tf.gather(padded, index, axis=1)


def _product(kernels, index, dy):
    return at_least_float32(_tap(kernels, index)) * at_least_float32(dy)


def _tap(kernels, index):
    channels = kernels.shape[-1] // 9
    return kernels[..., index * channels : (index + 1) * channels]


def _shifted(padded, row, column):
    height, width = (n - 2 for n in spatial_size(padded))
    return padded[:, row : row + height, column : column + width]


def _pad(x):
    return tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class ConditionalDepthwiseConvolution(keras.layers.Layer):
    """Layer form of :func:`conditional_depthwise_convolution`; it owns no weights.

    Call shapes: ``x (batch, height, width, channels)`` and
    ``kernels (batch, height, width, 9 * channels)``, tap-major, to
    ``(batch, height, width, channels)``.

    Raises:
        ValueError: when the kernels do not hold nine values for every channel.
    """

    def build(self, x_shape, kernels_shape):
        """Checks that there are nine kernel values per channel."""
        if kernels_shape[-1] != 9 * x_shape[-1]:
            raise ValueError(
                f"{self.name}: kernels have {kernels_shape[-1]} channels, but "
                f"{x_shape[-1]} feature channels need 9 * {x_shape[-1]} = "
                f"{9 * x_shape[-1]}; predict nine values per channel, tap-major"
            )

    def call(self, x, kernels):
        """Returns the convolved features, shaped as ``x``."""
        return conditional_depthwise_convolution(x, kernels)

    def compute_output_shape(self, x_shape, kernels_shape):
        """The shape of ``x``."""
        return x_shape
