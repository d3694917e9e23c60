"""Dilated residual network D-105 as segmenter (Yu, Koltun, Funkhouser, CVPR 2017)."""

import keras
import numpy as np
import tensorflow as tf

from ccfpse_tf.evaluation.networks.input_rule import InputRule
from ccfpse_tf.evaluation.networks.resampling import transposed_depthwise
from ccfpse_tf.evaluation.networks.units import FrozenLayer, Stage, Unit, convolution

STRIDE = 8  # of the logits
INPUT_RULE = InputRule(
    "RGB",
    1 / 255,
    (0.29010095242892997, 0.32808144844279574, 0.28696394422942517),
    (0.1829540508368939, 0.18656561047509476, 0.18447508988480435),
)


def bilinear_kernel(stride: int) -> np.ndarray:
    """``(2 stride, 2 stride)``: tents that interpolate when spread at that stride."""
    position = (np.arange(2 * stride) + 0.5) / stride - 1
    tent = (1 - np.abs(position)).astype(np.float32)
    return tent[:, None] * tent


class Upsampling(FrozenLayer):
    """Eightfold transposed convolution of every channel by itself.

    Its kernel is bilinear in the published files, and is read from them all the same.

    Args:
        channels: of the input.

    Call shape: ``(batch, height, width, channels)`` to
    ``(batch, 8 height, 8 width, channels)``.
    """

    def __init__(self, channels, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.kernel = self.weight((2 * STRIDE, 2 * STRIDE, channels), "kernel")

    def call(self, x):
        """Returns the enlarged map."""
        return transposed_depthwise(x, tf.convert_to_tensor(self.kernel))

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"channels": self.channels}


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class DilatedResidualNetwork(keras.Model):
    """Log-probabilities of classes by DRN-D-105.

    No pooling: the first three convolutions and two of the four stages of bottlenecks
    stride, the others dilate by 2 and 4, and two plain convolutions without shortcut
    remove the grid that dilation leaves.

    Args:
        classes: of the segmentation.
        widths: of the three first convolutions, the four stages' inner maps and the
            two last convolutions.
        blocks: bottlenecks per stage.

    Call shape: ``(batch, height, width, 3)`` normalised by ``INPUT_RULE`` to
    ``(batch, 8 ceil(height / 8), 8 ceil(width / 8), classes)``: sizes that are no
    multiples of 8 grow, and nothing crops them.
    """

    input_rule = INPUT_RULE

    def __init__(
        self,
        classes=19,
        widths=(16, 16, 32, 64, 128, 256, 512, 512, 512),
        blocks=(3, 4, 23, 3),
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", "trainable": False} | kwargs)
        self.classes = classes
        self.widths = tuple(widths)
        self.block_counts = tuple(blocks)
        first, second, third, *inner, refine, smooth = self.widths
        self.stem = [
            Unit(3, first, 7),
            Unit(first, second, 3),
            Unit(second, third, 3, stride=2),
        ]
        self.stages, channels = [], third
        rules = zip(inner, self.block_counts, (2, 2, 1, 1), (1, 1, 2, 4), strict=True)
        for width, count, stride, dilation in rules:
            self.stages.append(Stage(channels, width, count, stride, dilation))
            channels = 4 * width
        self.tail = [
            Unit(channels, refine, 3, dilation=2),
            Unit(refine, smooth, 3),
        ]
        self.classifier = convolution(smooth, classes, bias=True)
        self.upsampling = Upsampling(classes)
        self.built = True

    def call(self, image):
        """Returns log-probabilities at the (rounded up) size of the image."""
        x = image
        for layer in (*self.stem, *self.stages, *self.tail, self.classifier):
            x = layer(x)
        return tf.nn.log_softmax(self.upsampling(x))

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "classes": self.classes,
            "widths": self.widths,
            "blocks": self.block_counts,
        }
