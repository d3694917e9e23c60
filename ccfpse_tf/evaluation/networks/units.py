"""Convolutions, stored batch statistics and bottlenecks of the evaluation networks."""

import keras
import tensorflow as tf

EPSILON = 1e-5  # added to every variance


class FrozenLayer(keras.layers.Layer):
    """A layer of float32 weights that come from a file and are never trained.

    Weights exist from construction on, as zeros: a file is loaded before any use.
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", "trainable": False} | kwargs)
        self.built = True

    def weight(self, shape, name, initializer="zeros"):
        """Adds one variable."""
        return self.add_weight(shape=shape, initializer=initializer, name=name)


def convolution(channels, filters, size=1, stride=1, dilation=1, bias=False):
    """Makes Keras's convolution, with weights of zeros from the start.

    At stride 1 it keeps the size of the map. At other strides it does not pad, since
    TensorFlow's ``"same"`` pads one side more: the caller pads.

    Args:
        channels: of the input.
        filters: of the output.
        size: of the square kernel, odd.
        stride: both ways.
        dilation: distance of the kernel's taps.
        bias: whether one is added.
    """
    layer = keras.layers.Conv2D(
        filters,
        size,
        stride,
        "same" if stride == 1 else "valid",
        dilation_rate=dilation,
        use_bias=bias,
        kernel_initializer="zeros",
        dtype="float32",
        trainable=False,
    )
    layer.build((None, None, None, channels))
    return layer


def stored_normalization(channels):
    """Makes Keras's batch normalisation, frozen: it uses the stored statistics."""
    layer = keras.layers.BatchNormalization(
        epsilon=EPSILON, dtype="float32", trainable=False
    )
    layer.build((None, None, None, channels))
    return layer


class Unit(FrozenLayer):
    """Convolution without bias, normalisation and, unless told otherwise, a ReLU.

    Args:
        channels: of the input.
        filters: of the output.
        size: of the square kernel, odd.
        stride: both ways.
        dilation: of the kernel.
        relu: whether one follows.

    Call shape: ``(batch, height, width, channels)`` to ``(batch, ceil(height / stride),
    ceil(width / stride), filters)``.
    """

    def __init__(
        self, channels, filters, size=1, stride=1, dilation=1, relu=True, **kwargs
    ):
        super().__init__(**kwargs)
        self.channels = channels
        self.filters = filters
        self.size = size
        self.stride = stride
        self.dilation = dilation
        self.relu = relu
        self.convolution = convolution(channels, filters, size, stride, dilation)
        self.norm = stored_normalization(filters)

    def call(self, x):
        """Returns the unit's map."""
        if self.stride > 1:
            pad = [self.dilation * (self.size // 2)] * 2
            x = tf.pad(x, [[0, 0], pad, pad, [0, 0]])
        x = self.norm(self.convolution(x), training=False)
        return tf.nn.relu(x) if self.relu else x

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "channels": self.channels,
            "filters": self.filters,
            "size": self.size,
            "stride": self.stride,
            "dilation": self.dilation,
            "relu": self.relu,
        }


class Bottleneck(FrozenLayer):
    """1x1, 3x3 and 1x1 convolution with a shortcut (He et al., CVPR 2016).

    Args:
        channels: of the input.
        width: of the inner maps; the output has four times as many channels.
        stride: of the whole block.
        dilation: of the 3x3 convolution.
        project: whether the shortcut is a 1x1 convolution and not the input itself.
        stride_first: whether the first convolution strides, as in Caffe's networks, and
            not the 3x3.

    Call shape: ``(batch, height, width, channels)`` to ``(batch, ceil(height / stride),
    ceil(width / stride), 4 width)``.
    """

    def __init__(
        self,
        channels,
        width,
        stride=1,
        dilation=1,
        project=False,
        stride_first=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels = channels
        self.width = width
        self.stride = stride
        self.dilation = dilation
        self.stride_first = stride_first
        first, middle = (stride, 1) if stride_first else (1, stride)
        self.reduce = Unit(channels, width, 1, first)
        self.transform = Unit(width, width, 3, middle, dilation)
        self.expand = Unit(width, 4 * width, relu=False)
        self.shortcut = None
        if project:
            self.shortcut = Unit(channels, 4 * width, 1, stride, relu=False)

    def call(self, x):
        """Returns the block's map."""
        short = x if self.shortcut is None else self.shortcut(x)
        return tf.nn.relu(self.expand(self.transform(self.reduce(x))) + short)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "channels": self.channels,
            "width": self.width,
            "stride": self.stride,
            "dilation": self.dilation,
            "project": self.shortcut is not None,
            "stride_first": self.stride_first,
        }


class Stage(FrozenLayer):
    """Bottlenecks in a row; the first one projects its shortcut and may stride.

    Args:
        channels: of the input.
        width: of the blocks' inner maps.
        blocks: their number.
        stride: of the first block.
        dilation: of every block, the first one too.
        stride_first: see :class:`Bottleneck`.

    Call shape: as :class:`Bottleneck`.
    """

    def __init__(
        self,
        channels,
        width,
        blocks,
        stride=1,
        dilation=1,
        stride_first=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels = channels
        self.width = width
        self.stride = stride
        self.dilation = dilation
        self.stride_first = stride_first
        self.blocks = [
            Bottleneck(
                4 * width if index else channels,
                width,
                1 if index else stride,
                dilation,
                project=not index,
                stride_first=stride_first,
            )
            for index in range(blocks)
        ]

    def call(self, x):
        """Returns the last block's map."""
        for block in self.blocks:
            x = block(x)
        return x

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "channels": self.channels,
            "width": self.width,
            "blocks": len(self.blocks),
            "stride": self.stride,
            "dilation": self.dilation,
            "stride_first": self.stride_first,
        }
