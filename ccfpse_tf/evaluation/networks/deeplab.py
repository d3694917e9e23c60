"""DeepLabV2 with ResNet-101 at three scales (Chen et al., TPAMI 2018)."""

import keras
import tensorflow as tf

from ccfpse_tf.evaluation.networks.input_rule import InputRule
from ccfpse_tf.evaluation.networks.resampling import max_pool, resize_bilinear
from ccfpse_tf.evaluation.networks.units import Stage, Unit, convolution

INPUT_RULE = InputRule("BGR", 1.0, (104.008, 116.669, 122.675))
SCALES = (0.5, 0.75)  # in addition to the image itself
SCALE_RULES = ("sizes", "factor")


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class DeepLabV2(keras.Model):
    """Class scores: the largest of those for the image at scales 1, 0.5 and 0.75.

    Args:
        classes: of the segmentation.
        widths: of the first convolution and of the four stages' inner maps.
        blocks: bottlenecks per stage.
        rates: dilations of the parallel classifiers, whose sum is the score.
        scale_rule: where in the image the pixels of its scaled copies lie. ``"sizes"``
            divides the sizes, as PyTorch did before 1.6, when the published weights
            were made and scored; ``"factor"`` divides by the scale, as it does since.
            They differ where a scaled size is not a whole number: never for sizes that
            are multiples of 4.

    Call shape: ``(batch, height, width, 3)`` normalised by ``INPUT_RULE`` to logits
    ``(batch, h, w, classes)`` with ``h = ceil(p / 2)`` and
    ``p = ceil((ceil(height / 2) - 1) / 2) + 1``.

    Raises:
        ValueError: another scale rule.
    """

    input_rule = INPUT_RULE

    def __init__(
        self,
        classes=182,
        widths=(64, 64, 128, 256, 512),
        blocks=(3, 4, 23, 3),
        rates=(6, 12, 18, 24),
        scale_rule="sizes",
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", "trainable": False} | kwargs)
        if scale_rule not in SCALE_RULES:
            raise ValueError(f"scale rule {scale_rule!r}: choose from {SCALE_RULES}")
        self.classes = classes
        self.widths = tuple(widths)
        self.block_counts = tuple(blocks)
        self.rates = tuple(rates)
        self.scale_rule = scale_rule
        first, *inner = self.widths
        self.stem = Unit(3, first, 7, stride=2)
        self.stages, channels = [], first
        rules = zip(inner, self.block_counts, (1, 2, 1, 1), (1, 1, 2, 4), strict=True)
        for width, count, stride, dilation in rules:
            stage = Stage(channels, width, count, stride, dilation, stride_first=True)
            self.stages.append(stage)
            channels = 4 * width
        self.classifiers = [
            convolution(channels, classes, 3, dilation=rate, bias=True)
            for rate in self.rates
        ]
        self.built = True

    def call(self, image):
        """Returns the largest logits over the scales, at about 1/8 of the size."""
        best = self.at_one_scale(image)
        size = tf.shape(best)[1:3]
        for scale in SCALES:
            logits = self.at_one_scale(self.scaled(image, scale))
            best = tf.maximum(best, resize_bilinear(logits, size))
        return best

    def at_one_scale(self, image: tf.Tensor) -> tf.Tensor:
        """Logits of the image as it is; shapes as in a call."""
        x = max_pool(self.stem(image), ceil_mode=True)
        for stage in self.stages:
            x = stage(x)
        return tf.add_n([classifier(x) for classifier in self.classifiers])

    def scaled(self, image: tf.Tensor, scale: float) -> tf.Tensor:
        """The image at a scale below 1, its size rounded down."""
        size = tf.cast(tf.shape(image)[1:3], tf.float32) * scale
        size = tf.cast(tf.floor(size), tf.int32)
        step = 1 / scale if self.scale_rule == "factor" else None
        return resize_bilinear(image, size, step)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "classes": self.classes,
            "widths": self.widths,
            "blocks": self.block_counts,
            "rates": self.rates,
            "scale_rule": self.scale_rule,
        }
