"""Conditional depthwise convolution: every pixel and channel has its own kernel."""

import keras

from ccfpse_tf.ops.conditional_convolution import (
    check_kernels,
    conditional_depthwise_convolution,
)


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class ConditionalDepthwiseConvolution(keras.layers.Layer):
    """Layer form of :func:`conditional_depthwise_convolution`; it owns no weights.

    Call shapes: ``x (batch, height, width, channels)`` and
    ``kernels (batch, height, width, 9 * channels)``, tap-major, to
    ``(batch, height, width, channels)``.

    Raises:
        ValueError: when the kernels do not hold nine values for every channel, or are
            of another batch, height or width.
    """

    def build(self, x_shape, kernels_shape):
        """Checks that there is a kernel of nine values per pixel and channel."""
        check_kernels(x_shape, kernels_shape)

    def call(self, x, kernels):
        """Returns the convolved features, shaped as ``x``."""
        return conditional_depthwise_convolution(x, kernels)

    def compute_output_shape(self, x_shape, kernels_shape):
        """The shape of ``x``."""
        return x_shape
