"""Convolutions, stored batch statistics and bottlenecks of the evaluation networks."""

import keras
import tensorflow as tf

EPSILON = 1e-5  # added to every variance


class FrozenLayer(keras.layers.Layer):
    """A layer of float32 weights that come from a file and never train.

    Weights exist from construction on, as zeros: a file is loaded before any use.
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", "trainable": False} | kwargs)
        self.built = True

    def weight(self, shape, name, initializer="zeros"):
        """Adds one variable."""
        return self.add_weight(shape=shape, initializer=initializer, name=name)


class Convolution(FrozenLayer):
    """Convolution with as many zeros on either side as keep the size at stride 1.

    That also holds for stride 2, where TensorFlow's ``"SAME"`` pads one side more.

    Args:
        channels: of the input.
        filters: of the output.
        size: of the square kernel, odd.
        stride: both ways.
        dilation: distance of the kernel's taps.
        bias: whether one is added.

    Call shape: ``(batch, height, width, channels)`` to ``(batch, ceil(height / stride),
    ceil(width / stride), filters)``.
    """

    def __init__(
        self, channels, filters, size=1, stride=1, dilation=1, bias=False, **kwargs
    ):
        super().__init__(**kwargs)
        self.channels = channels
        self.filters = filters
        self.size = size
        self.stride = stride
        self.dilation = dilation
        self.kernel = self.weight((size, size, channels, filters), "kernel")
        self.bias = self.weight((filters,), "bias") if bias else None

    def call(self, x):
        """Returns the convolved map."""
        pad = [self.dilation * (self.size // 2)] * 2
        x = tf.nn.conv2d(
            x,
            self.kernel,
            self.stride,
            [[0, 0], pad, pad, [0, 0]],
            "NHWC",
            self.dilation,
        )
        return x if self.bias is None else tf.nn.bias_add(x, self.bias)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "channels": self.channels,
            "filters": self.filters,
            "size": self.size,
            "stride": self.stride,
            "dilation": self.dilation,
            "bias": self.bias is not None,
        }


class StoredNormalization(FrozenLayer):
    """Batch normalisation by stored statistics: ``gamma (x - mean) / sd + beta``.

    Args:
        channels: of the input.

    Call shape: ``(batch, height, width, channels)``, kept.
    """

    def __init__(self, channels, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.gamma = self.weight((channels,), "gamma", "ones")
        self.beta = self.weight((channels,), "beta")
        self.mean = self.weight((channels,), "mean")
        self.variance = self.weight((channels,), "variance", "ones")

    def call(self, x):
        """Returns the normalised map."""
        return tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=self.gamma,
            offset=self.beta,
            mean=self.mean,
            variance=self.variance,
            epsilon=EPSILON,
            is_training=False,
        ).y

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"channels": self.channels}


class Unit(FrozenLayer):
    """Convolution without bias, normalisation and, unless told otherwise, a ReLU.

    Args:
        channels: of the input.
        filters: of the output.
        size: of the kernel.
        stride: both ways.
        dilation: of the kernel.
        relu: whether one follows.

    Call shape: as :class:`Convolution`.
    """

    def __init__(
        self, channels, filters, size=1, stride=1, dilation=1, relu=True, **kwargs
    ):
        super().__init__(**kwargs)
        self.convolution = Convolution(channels, filters, size, stride, dilation)
        self.norm = StoredNormalization(filters)
        self.relu = relu

    def call(self, x):
        """Returns the unit's map."""
        x = self.norm(self.convolution(x))
        return tf.nn.relu(x) if self.relu else x

    def get_config(self):
        """Returns the constructor's arguments."""
        config = self.convolution.get_config()
        config.pop("bias")
        return config | super().get_config() | {"relu": self.relu}


class Bottleneck(FrozenLayer):
    """1x1, 3x3 and 1x1 convolution beside a shortcut (He et al., CVPR 2016).

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
        blocks: how many.
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
