"""UPerNet with ResNet-101: unified perceptual parsing (Xiao et al., ECCV 2018)."""

import keras
import tensorflow as tf

from ccfpse_tf.evaluation.networks.input_rule import InputRule
from ccfpse_tf.evaluation.networks.resampling import (
    adaptive_average_pool,
    max_pool,
    resize_bilinear,
)
from ccfpse_tf.evaluation.networks.units import Stage, Unit, convolution

INPUT_RULES = {
    "imagenet": InputRule("RGB", 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "caffe": InputRule("BGR", 1.0, (102.9801, 115.9465, 122.7717)),
}
"""Of the release of August 2019 and the one before it, which have equal file names."""
POOLED_BINS = (1, 2, 3, 6)


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class UPerNet(keras.Model):
    """Class scores by a ResNet with a deep stem, pooled context and a feature pyramid.

    Context: the coarsest map is averaged over 1, 4, 9 and 36 rectangles, these are
    resized to the map, and only then pass a convolution each. The top-down path carries
    the sums, not the smoothed maps that the classifier sees.

    Args:
        classes: of the segmentation.
        stem_widths: of the three first convolutions.
        widths: of the four stages' inner maps.
        blocks: bottlenecks per stage.
        pyramid_width: channels of the decoder's maps.
        normalisation: of the input images, ``"imagenet"`` (the release of August 2019)
            or ``"caffe"`` (the one before).

    Call shape: ``(batch, height, width, 3)`` normalised by ``input_rule`` to logits
    ``(batch, height / 4, width / 4, classes)``, rounded up.

    Raises:
        ValueError: another normalisation.
    """

    def __init__(
        self,
        classes=150,
        stem_widths=(64, 64, 128),
        widths=(64, 128, 256, 512),
        blocks=(3, 4, 23, 3),
        pyramid_width=512,
        normalisation="imagenet",
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", "trainable": False} | kwargs)
        if normalisation not in INPUT_RULES:
            raise ValueError(
                f"normalisation {normalisation!r}: choose from {tuple(INPUT_RULES)}"
            )
        self.classes = classes
        self.stem_widths = tuple(stem_widths)
        self.widths = tuple(widths)
        self.block_counts = tuple(blocks)
        self.pyramid_width = pyramid_width
        self.normalisation = normalisation
        self._make_encoder()
        self._make_decoder()
        self.built = True

    @property
    def input_rule(self) -> InputRule:
        """The normalisation of input images."""
        return INPUT_RULES[self.normalisation]

    def _make_encoder(self):
        first, second, third = self.stem_widths
        self.stem = [
            Unit(3, first, 3, stride=2),
            Unit(first, second, 3),
            Unit(second, third, 3),
        ]
        self.stages, channels = [], third
        rules = zip(self.widths, self.block_counts, (1, 2, 2, 2), strict=True)
        for width, count, stride in rules:
            self.stages.append(Stage(channels, width, count, stride))
            channels = 4 * width

    def _make_decoder(self):
        width, top = self.pyramid_width, 4 * self.widths[-1]
        self.context = [Unit(top, width) for _ in POOLED_BINS]
        self.context_fusion = Unit(top + len(POOLED_BINS) * width, width, 3)
        self.lateral = [Unit(4 * inner, width) for inner in self.widths[:-1]]
        self.smooth = [Unit(width, width, 3) for _ in self.widths[:-1]]
        self.fusion = Unit(len(self.widths) * width, width, 3)
        self.classifier = convolution(width, self.classes, bias=True)

    def call(self, image):
        """Returns logits at a quarter of the image's size."""
        x = image
        for unit in self.stem:
            x = unit(x)
        x, features = max_pool(x), []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        maps = self._pyramid(features)
        size = tf.shape(maps[0])[1:3]
        maps = [maps[0], *(resize_bilinear(x, size) for x in maps[1:])]
        return self.classifier(self.fusion(tf.concat(maps, -1)))

    def _pyramid(self, features):
        """The decoder's maps, finest first."""
        carried = self._pooled_context(features[-1])
        maps = [carried]
        levels = zip(features[:-1], self.lateral, self.smooth, strict=True)
        for feature, lateral, smooth in reversed(list(levels)):
            level = lateral(feature)
            carried = level + resize_bilinear(carried, tf.shape(level)[1:3])
            maps.insert(0, smooth(carried))
        return maps

    def _pooled_context(self, x):
        size, parts = tf.shape(x)[1:3], [x]
        for bins, unit in zip(POOLED_BINS, self.context, strict=True):
            parts.append(unit(resize_bilinear(adaptive_average_pool(x, bins), size)))
        return self.context_fusion(tf.concat(parts, -1))

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "classes": self.classes,
            "stem_widths": self.stem_widths,
            "widths": self.widths,
            "blocks": self.block_counts,
            "pyramid_width": self.pyramid_width,
            "normalisation": self.normalisation,
        }
