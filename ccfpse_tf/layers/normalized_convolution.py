"""A convolution with its normalisation and leaky ReLU."""

import keras

from ccfpse_tf.layers.normalization import BatchNormalization, InstanceNormalization
from ccfpse_tf.layers.spectral_convolution import SpectralConv2D


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class NormalizedConvolution(keras.layers.Layer):
    """Spectrally normalised convolution, normalisation, leaky ReLU.

    Args:
        convolution: the :class:`SpectralConv2D`.
        norm: :class:`BatchNormalization` or :class:`InstanceNormalization`.

    Call shape: ``(batch, height, width, channels)`` to the convolution's.
    """

    def __init__(self, convolution, norm, **kwargs):
        super().__init__(**kwargs)
        self.convolution = convolution
        self.norm = norm

    def build(self, input_shape):
        """Builds the convolution and the norm on its output."""
        self.convolution.build(input_shape)
        self.norm.build(self.convolution.compute_output_shape(input_shape))

    def call(self, x, training=None):
        """Returns the activated features."""
        x = self.convolution(x, training=training)
        if isinstance(self.norm, BatchNormalization):
            return self.norm(x, training=training, activate=True)
        return self.norm(x, activate=True)

    def compute_output_shape(self, input_shape):
        """The convolution's output shape."""
        return self.convolution.compute_output_shape(input_shape)

    def get_config(self):
        """Returns the constructor's arguments."""
        serialize = keras.saving.serialize_keras_object
        return super().get_config() | {
            "convolution": serialize(self.convolution),
            "norm": serialize(self.norm),
        }

    @classmethod
    def from_config(cls, config):
        """Rebuilds the layer with its convolution and norm."""
        for part in ("convolution", "norm"):
            config[part] = keras.saving.deserialize_keras_object(config[part])
        return cls(**config)


def instance_normalized_convolution(filters, kernel_size, strides=1, dtype=None):
    """Spectral norm, instance norm, leaky ReLU: the discriminator's and encoder's."""
    return NormalizedConvolution(
        SpectralConv2D(filters, kernel_size, strides, dtype=dtype),
        InstanceNormalization(dtype=dtype),
        dtype=dtype,
    )
