"""Convolutions as the reference starts them."""

import keras
import tensorflow as tf

from ccfpse_tf.layers.initializers import xavier_normal


def plain_convolution(filters, kernel_size, **kwargs) -> keras.layers.Conv2D:
    """A biased convolution, zero padded, with the reference's initial values."""
    kwargs = {"padding": "same", "kernel_initializer": xavier_normal()} | kwargs
    return keras.layers.Conv2D(filters, kernel_size, **kwargs)


def weights_of(layer: keras.layers.Conv2D) -> tuple[tf.Tensor, tf.Tensor]:
    """Kernel and bias, in the compute dtype of the layer that is being called."""
    return tf.convert_to_tensor(layer.kernel), tf.convert_to_tensor(layer.bias)
