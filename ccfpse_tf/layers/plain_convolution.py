"""Convolutions as the reference starts them."""

import keras
import tensorflow as tf

from ccfpse_tf.layers.initializers import xavier_normal
from ccfpse_tf.ops.column_convolution import uses_columns, valid_convolution


def plain_convolution(filters, kernel_size, **kwargs) -> keras.layers.Conv2D:
    """A biased convolution, zero padded, with the reference's initial values."""
    kwargs = {"padding": "same", "kernel_initializer": xavier_normal()} | kwargs
    return keras.layers.Conv2D(filters, kernel_size, **kwargs)


def weights_of(layer: keras.layers.Conv2D) -> tuple[tf.Tensor, tf.Tensor]:
    """Kernel and bias, in the compute dtype of the layer that is being called."""
    return tf.convert_to_tensor(layer.kernel), tf.convert_to_tensor(layer.bias)


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class PaddedConv2D(keras.layers.Conv2D):
    """``keras.layers.Conv2D`` with zeros on all four sides, at every stride.

    They are half of the kernel's size wide, rounded down, as in
    :class:`ccfpse_tf.layers.spectral_convolution.SpectralConv2D`; Keras's ``"same"``
    makes other maps of even kernels, and other borders at strides above 1.

    Args: as ``keras.layers.Conv2D``, without ``padding``; for square kernels.
    """

    def convolution_op(self, inputs, kernel):
        """Returns the convolution, without bias."""
        return padded_convolution(inputs, kernel, self.strides[0])

    def compute_output_shape(self, input_shape):
        """``(batch, height, width, filters)`` of the result."""
        batch, *size, _ = input_shape
        pad = 2 * (self.kernel_size[0] // 2) - self.kernel_size[0]
        size = [None if n is None else (n + pad) // self.strides[0] + 1 for n in size]
        return (batch, *size, self.filters)


def padded_convolution(x: tf.Tensor, kernel: tf.Tensor, strides: int) -> tf.Tensor:
    """Convolution of ``x`` with half of the kernel's size of zeros on all sides."""
    border = kernel.shape[0] // 2
    border = [[0, 0], [border, border], [border, border], [0, 0]]
    size = [edge and edge // strides for edge in x.shape[1:3]]
    if uses_columns((x.shape[0], *size), kernel):
        return valid_convolution(tf.pad(x, border), kernel, strides)
    return tf.nn.conv2d(x, kernel, strides, border)
