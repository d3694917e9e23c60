"""FPSE: a feature pyramid scored against an embedding of the layout."""

import keras
import tensorflow as tf

from ccfpse_tf.layers.normalized_convolution import instance_normalized_convolution
from ccfpse_tf.layers.plain_convolution import plain_convolution, weights_of
from ccfpse_tf.models.discriminators.discriminator import Discriminator
from ccfpse_tf.ops.layout_convolution import pooled_embedding
from ccfpse_tf.ops.resizing import upsample_bilinear


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class FPSEDiscriminator(Discriminator):
    """Feature pyramid, semantics embedding discriminator (section 3.3, figure 3).

    The score at a level is a patch score plus the inner product, over channels, of the
    image's semantic features with the embedded layout, average-pooled to that level.

    Args:
        semantic_channels: channels of the semantics.
        ndf: base width.

    Call shapes: ``image (batch, height, width, 3)`` in ``[-1, 1]``, sizes multiples of
    32 and above 32, and ``semantics``, a :class:`Layout` or a dense tensor
    ``(batch, height, width, semantic_channels)``; if its batch is half of the images',
    both halves have those semantics. Returns ``(features, scores)``: bottom-up features
    at strides 4, 8, 16, 32 and scores ``(batch, height / s, width / s, 1)`` at strides
    ``s`` = 4, 8, 16.

    Raises:
        ValueError: a size that is not a multiple of 32, or not above 32.
    """

    architecture = "fpse"

    def __init__(self, semantic_channels, ndf=64, **kwargs):
        super().__init__(**kwargs)
        self.semantic_channels = semantic_channels
        self.ndf = ndf
        dtype = self.dtype_policy
        self.widths = self.make_bottom_up()
        # Laterals from coarse to fine (strides 32, 16, 8, 4), as they run.
        self.lateral = [
            instance_normalized_convolution(4 * ndf, 1, dtype=dtype) for _ in range(4)
        ]
        # Finals from fine to coarse (strides 4, 8, 16), as the scores are returned.
        self.final = [
            instance_normalized_convolution(2 * ndf, 3, dtype=dtype) for _ in range(3)
        ]
        self.patch_score = plain_convolution(1, 1, dtype=dtype)
        self.make_embedding()

    def make_embedding(self):
        """Makes the layers that compare image and layout."""
        width, dtype = 2 * self.ndf, self.dtype_policy
        self.semantic_features = plain_convolution(width, 1, dtype=dtype)
        self.embedding = plain_convolution(width, 1, dtype=dtype)

    def build_embedding(self):
        """Builds these layers."""
        self.semantic_features.build((None, None, None, 2 * self.ndf))
        self.embedding.build((None, None, None, self.semantic_channels))

    def make_bottom_up(self) -> list[int]:
        """Makes the layers of the bottom-up path; returns the widths of its maps."""
        widths = [self.ndf * n for n in (1, 2, 4, 8, 8)]
        self.bottom_up = [
            instance_normalized_convolution(width, 3, 2, dtype=self.dtype_policy)
            for width in widths
        ]
        return widths[1:]

    def build_bottom_up(self):
        """Builds the layers of the bottom-up path."""
        channels = 3, self.ndf, *self.widths
        for layer, before in zip(self.bottom_up, channels, strict=False):
            layer.build((None, None, None, before))

    def bottom_up_features(self, image, semantics=None, training=None) -> list:
        """Returns the maps of an image at strides 4, 8, 16 and 32."""
        features = [image]
        for layer in self.bottom_up:
            features.append(layer(features[-1], training=training))
        return features[2:]

    def build(self, image_shape=None, semantics_shape=None):
        """Builds all layers; the constructor's arguments tell all their shapes."""
        size = (None, None, None)
        self.build_bottom_up()
        for layer, channels in zip(self.lateral, self.widths[::-1], strict=True):
            layer.build((*size, channels))
        for layer in self.final:
            layer.build((*size, 4 * self.ndf))
        self.patch_score.build((*size, 2 * self.ndf))
        self.build_embedding()
        self.built = True

    def call(self, image, semantics, training=None):
        """Returns ``(features, scores)``, finest first."""
        _check_size(*image.shape[1:3])
        maps = self.bottom_up_features(image, semantics, training)
        sides = [
            lateral(x, training=training)
            for lateral, x in zip(self.lateral, maps[::-1], strict=True)
        ]
        summed = sides[:1]
        for side in sides[1:]:
            summed.append(upsample_bilinear(summed[-1]) + side)
        finals = [
            final(x, training=training)
            for x, final in zip(summed[:0:-1], self.final, strict=True)
        ]
        return self.matched_features(maps, sides[::-1]), self.scores(finals, semantics)

    def matched_features(self, maps, sides) -> list:
        """Returns those of the maps that the feature-matching loss compares.

        Args:
            maps: of the bottom-up path, finest first.
            sides: the same after the lateral layers.
        """
        return maps

    def scores(self, maps, semantics) -> list:
        """Returns the scores of the final layers' maps, finest first."""
        embedded = pooled_embedding(semantics, *weights_of(self.embedding), size=4)
        scores = []
        for x in maps:
            if scores:
                embedded = tf.nn.avg_pool2d(embedded, 2, 2, "VALID")
            match = tf.cast(self.semantic_features(x), embedded.dtype)
            match *= _repeat_like(embedded, x)
            match = tf.reduce_sum(match, -1, keepdims=True)
            scores.append(tf.cast(self.patch_score(x), self.variable_dtype) + match)
        return scores

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "semantic_channels": self.semantic_channels,
            "ndf": self.ndf,
        }


def _repeat_like(embedded, x):
    """Repeats the embedding for every group of images that share it."""
    return tf.tile(embedded, [tf.shape(x)[0] // tf.shape(embedded)[0], 1, 1, 1])


def _check_size(height, width):
    for name, n in (("height", height), ("width", width)):
        if n is not None and (n % 32 or n <= 32):
            raise ValueError(
                f"image {name} {n}: the discriminator needs a multiple of 32 above 32 "
                "(64, 96, 128, ...)"
            )
