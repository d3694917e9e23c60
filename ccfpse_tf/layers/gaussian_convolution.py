"""Convolutions as pix2pixHD starts them."""

import keras

from ccfpse_tf.layers.initializers import default_bias, small_normal


def gaussian_convolution(channels, filters, kernel_size, **kwargs):
    """A ``keras.layers.Conv2D`` with these initial values, whose weights are read.

    Args:
        channels: of the input.
        filters: channels of the output.
        kernel_size: height and width.
        **kwargs: as for the Keras layer.
    """
    initial = _initializers(kernel_size**2 * channels)
    return keras.layers.Conv2D(filters, kernel_size, **initial, **kwargs)


def gaussian_transposed_convolution(filters, kernel_size, **kwargs):
    """The same as ``keras.layers.Conv2DTranspose``.

    PyTorch takes the channels of a transposed convolution's output for its fan-in.
    """
    initial = _initializers(kernel_size**2 * filters)
    return keras.layers.Conv2DTranspose(filters, kernel_size, **initial, **kwargs)


def _initializers(fan_in):
    return {
        "kernel_initializer": small_normal(),
        "bias_initializer": default_bias(fan_in),
    }
