"""EfficientNet-Lite0 and Lite1 (Tan and Le 2019; Lite: without squeeze-excitation)."""

import keras

from ccfpse_tf.files.pytorch import read_tensors
from ccfpse_tf.models.perceptual.weight_files import (
    EFFICIENTNET_LITE0,
    EFFICIENTNET_LITE1,
)

FILES = (EFFICIENTNET_LITE0, EFFICIENTNET_LITE1)
STEM, HEAD, CLASSES = 32, 1280, 1000
# Of each stage: kernel, stride of its first block, expansion, width, blocks of Lite0
# and of Lite1.
STAGES = (
    (3, 1, 1, 16, (1, 1)),
    (3, 2, 6, 24, (2, 3)),
    (5, 2, 6, 40, (2, 3)),
    (3, 2, 6, 80, (3, 4)),
    (5, 1, 6, 112, (3, 4)),
    (5, 2, 6, 192, (4, 5)),
    (3, 1, 6, 320, (1, 1)),
)
# The last blocks at strides 4, 8, 16 and 32, with 24, 40, 112 and 320 channels.
TAPS = (
    ("block2", "block4", "block10", "block15"),
    ("block3", "block6", "block14", "block20"),
)
INPUT_SIZES = (224, 240)  # that the classes and the pooled features are meant for


def efficientnet_lite(variant: int, levels, weights=None) -> keras.Model:
    """Makes EfficientNet-Lite0 or Lite1 with its weights, frozen.

    Args:
        variant: 0 or 1.
        levels: names of the outputs: ``"stem"``, ``"block0"`` and so on (after the
            residual sum), ``"head"``, ``"pool"`` (the head's mean over pixels, 1280
            values) or ``"logits"``.
        weights: path of the ``.pth`` file; None takes the installed package's.

    Returns:
        A model from float32 RGB of 0..255, ``(batch, height, width, 3)`` of any size,
        to the list of these outputs; a single level gives its output itself.

    Raises:
        InputError: a file that cannot be had, or is another one.
    """
    path = FILES[variant].find(weights)
    model, names = _network(variant)
    state = read_tensors(path)
    for name, layer in names.items():
        layer.set_weights([_ours(state[key], layer) for key in _keys(name, layer)])
    found = keras.Model(model.input, [model.get_layer(x).output for x in levels])
    # Batch normalisation then uses the stored statistics, in training as well.
    found.trainable = False
    return found


def _network(variant):
    """The network, and its layers by their names in the file."""
    builder = _Builder()
    image = keras.Input((None, None, 3), dtype="float32")
    x = keras.layers.Rescaling(1 / 128, -127 / 128, dtype="float32")(image)
    x = builder.convolution(x, "_conv_stem", STEM, 3, stride=2)
    x = builder.normalized(x, "_bn0", "stem")
    number = 0
    for kernel, stride, expansion, width, counts in STAGES:
        for index in range(counts[variant]):
            block_stride = stride if index == 0 else 1
            x = builder.block(x, number, kernel, block_stride, expansion, width)
            number += 1
    x = builder.convolution(x, "_conv_head", HEAD, 1)
    x = builder.normalized(x, "_bn1", "head")
    x = keras.layers.GlobalAveragePooling2D(dtype="float32", name="pool")(x)
    dense = keras.layers.Dense(
        CLASSES, kernel_initializer="zeros", dtype="float32", name="logits"
    )
    x = dense(x)
    return keras.Model(image, x), builder.layers | {"_fc": dense}


# Of convolutions: a batch normalisation follows, which has the bias.
_UNNORMALIZED = {"padding": "same", "use_bias": False, "dtype": "float32"}


class _Builder:
    """Applies layers, and keeps them by their names in the file."""

    def __init__(self):
        self.layers = {}

    def convolution(self, x, name, width, size, stride=1):
        settings = _UNNORMALIZED | {"kernel_initializer": "zeros"}
        layer = keras.layers.Conv2D(width, size, stride, **settings)
        self.layers[name] = layer
        return layer(x)

    def depthwise(self, x, name, size, stride):
        settings = _UNNORMALIZED | {"depthwise_initializer": "zeros"}
        layer = keras.layers.DepthwiseConv2D(size, stride, **settings)
        self.layers[name] = layer
        return layer(x)

    def normalized(self, x, name, output=None, activation=True):
        layer = keras.layers.BatchNormalization(
            epsilon=1e-3, dtype="float32", name=None if activation else output
        )
        self.layers[name] = layer
        x = layer(x)
        if not activation:
            return x
        return keras.layers.ReLU(6.0, dtype="float32", name=output)(x)

    def block(self, x, number, kernel, stride, expansion, width):
        """An inverted residual block (Sandler et al. 2018)."""
        prefix, name, start = f"_blocks.{number}.", f"block{number}", x
        channels = x.shape[-1]
        residual = stride == 1 and channels == width
        if expansion != 1:
            x = self.convolution(x, prefix + "_expand_conv", expansion * channels, 1)
            x = self.normalized(x, prefix + "_bn0")
        x = self.depthwise(x, prefix + "_depthwise_conv", kernel, stride)
        x = self.normalized(x, prefix + "_bn1")
        x = self.convolution(x, prefix + "_project_conv", width, 1)
        x = self.normalized(
            x, prefix + "_bn2", None if residual else name, activation=False
        )
        if residual:
            x = keras.layers.Add(dtype="float32", name=name)([x, start])
        return x


def _keys(name, layer):
    """Names in the file of a layer's weights, in Keras's order."""
    if isinstance(layer, keras.layers.BatchNormalization):
        endings = ("weight", "bias", "running_mean", "running_var")
    else:
        endings = ("weight", "bias") if layer.name == "logits" else ("weight",)
    return [f"{name}.{ending}" for ending in endings]


def _ours(value, layer):
    """A tensor of the file in Keras's layout."""
    if value.ndim == 4 and isinstance(layer, keras.layers.DepthwiseConv2D):
        return value.transpose(2, 3, 0, 1)
    if value.ndim == 4:
        return value.transpose(2, 3, 1, 0)
    return value.T
