"""pix2pixHD's trunk: down to coarse maps, residual blocks, and up again."""

import itertools

import keras
import tensorflow as tf

from ccfpse_tf.layers.gaussian_convolution import (
    gaussian_convolution,
    gaussian_transposed_convolution,
)
from ccfpse_tf.layers.normalization import InstanceNormalization
from ccfpse_tf.layers.plain_convolution import padded_convolution, weights_of
from ccfpse_tf.ops.reflected_convolution import (
    doubling_convolution,
    reflected_convolution,
)


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class ReflectedResidualBlock(keras.layers.Layer):
    """``x + norm(conv(relu(norm(conv(x)))))``, 3x3, borders reflected.

    Args:
        channels: of input and output.

    Call shape: ``(batch, height, width, channels)`` to the same; 2x2 pixels or more.
    """

    def __init__(self, channels, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        dtype = self.dtype_policy
        self.first, self.second = (
            gaussian_convolution(channels, channels, 3, dtype=dtype) for _ in range(2)
        )
        self.norm = InstanceNormalization(dtype=dtype)  # without weights

    def build(self, input_shape=None):
        """Builds both convolutions."""
        for layer in (self.first, self.second):
            layer.build((None, None, None, self.channels))

    def call(self, x):
        """Returns the block's output."""
        y = reflected_convolution(x, *weights_of(self.first))
        y = tf.nn.relu(self.norm(y))
        y = reflected_convolution(y, *weights_of(self.second))
        return x + self.norm(y)

    def compute_output_shape(self, input_shape):
        """The input's shape."""
        return input_shape

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"channels": self.channels}


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class Hourglass(keras.layers.Layer):
    """A 7x7 convolution, halvings, residual blocks, and as many doublings.

    Channels double with every halving, without a limit. Instance normalisation and
    ReLU follow all convolutions but the residual blocks' second ones, after whose sum
    nothing follows.

    Args:
        channels: of the input.
        width: channels at the input's size.
        depth: number of halvings.
        blocks: number of residual blocks.

    Call shapes: a tensor ``(batch, height, width, channels)`` or a :class:`Layout` of
    so many channels, sizes multiples of ``2**depth`` and at least twice that, and maybe
    the output of a coarser network, ``(batch, height / 2**depth, width / 2**depth,
    width * 2**depth)``, which is added before the blocks; to
    ``(batch, height, width, width)``.

    Source: Wang et al. 2018, "High-resolution image synthesis and semantic manipulation
    with conditional GANs", appendix.
    """

    def __init__(self, channels, width, depth, blocks, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.width = width
        self.depth = depth
        dtype = self.dtype_policy
        self.widths = [width * 2**level for level in range(depth + 1)]
        self.first = gaussian_convolution(channels, width, 7, dtype=dtype)
        self.down = [
            gaussian_convolution(before, after, 3, dtype=dtype)
            for before, after in itertools.pairwise(self.widths)
        ]
        self.blocks = [
            ReflectedResidualBlock(self.widths[-1], dtype=dtype) for _ in range(blocks)
        ]
        self.up = [
            gaussian_transposed_convolution(after, 3, dtype=dtype)
            for after in self.widths[-2::-1]
        ]
        self.norm = InstanceNormalization(dtype=dtype)  # without weights

    def build(self, input_shape=None, coarser_shape=None):
        """Builds all layers; the constructor's arguments tell all their shapes."""
        size = (None, None, None)
        self.first.build((*size, self.channels))
        for layer, channels in zip(self.down, self.widths, strict=False):
            layer.build((*size, channels))
        for block in self.blocks:
            block.build((*size, self.widths[-1]))
        for layer, channels in zip(self.up, self.widths[:0:-1], strict=True):
            layer.build((*size, channels))

    def call(self, x, coarser=None):
        """Returns ``(batch, height, width, width)``."""
        x = self._activated(reflected_convolution(x, *weights_of(self.first)))
        for layer in self.down:
            kernel, bias = weights_of(layer)
            x = padded_convolution(x, kernel, 2)
            x = self._activated(tf.nn.bias_add(x, bias))
        if coarser is not None:
            x += coarser
        for block in self.blocks:
            x = block(x)
        for layer in self.up:
            x = self._activated(doubling_convolution(x, *weights_of(layer)))
        return x

    def _activated(self, x):
        return tf.nn.relu(self.norm(x))

    def compute_output_shape(self, input_shape, coarser_shape=None):
        """``(batch, height, width, width)``."""
        return (*input_shape[:-1], self.width)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "channels": self.channels,
            "width": self.width,
            "depth": self.depth,
            "blocks": len(self.blocks),
        }
