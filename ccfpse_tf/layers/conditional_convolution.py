"""Conditional depthwise convolution: every pixel and channel has its own kernel."""

import keras

from ccfpse_tf.ops.conditional_convolution import conditional_depthwise_convolution


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
