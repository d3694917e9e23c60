"""Conditional depthwise convolution: every pixel and channel has its own kernel."""

import keras
import tensorflow as tf

from ccfpse_tf.layers.resizing import spatial_size

TAPS = tuple((row, column) for row in range(3) for column in range(3))


@tf.custom_gradient
def conditional_depthwise_convolution(x: tf.Tensor, kernels: tf.Tensor) -> tf.Tensor:
    """Convolves every pixel and channel with its own 3x3 kernel (section 3.2).

    ``y[b,i,j,c] = sum over (u,v) in 3x3 of kernels[b,i,j,3u+v,c] * x[b,i+u-1,j+v-1,c]``
    with zeros outside, stride 1. Kernels come tap by tap, ``(..., 9, c)`` flattened, so
    that neighbouring memory holds neighbouring channels; the official order is
    channel by channel. The gradient is written out: nine multiply-adds over shifted
    views, where automatic differentiation would keep all nine products.

    Args:
        x: ``(batch, height, width, channels)``.
        kernels: ``(batch, height, width, 9 * channels)``, same dtype.

    Returns:
        ``(batch, height, width, channels)``.
    """
    height, width = spatial_size(x)
    channels = x.shape[-1]

    def shifted(padded, row, column):
        return padded[:, row : row + height, column : column + width]

    def tap(tensor, index):
        return tensor[..., index * channels : (index + 1) * channels]

    padded = _pad(x)
    y = tf.zeros_like(x)
    for index, (row, column) in enumerate(TAPS):
        y += tap(kernels, index) * shifted(padded, row, column)

    def gradient(dy):
        dkernels = [dy * shifted(padded, row, column) for row, column in TAPS]
        dx = tf.zeros_like(dy)
        for index, (row, column) in enumerate(TAPS):
            # The tap that read (i+u-1, j+v-1) sends its share back there.
            dx += shifted(_pad(tap(kernels, index) * dy), 2 - row, 2 - column)
        return dx, tf.concat(dkernels, -1)

    return y, gradient


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
