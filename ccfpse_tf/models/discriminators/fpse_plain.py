"""FPSE without semantics embedding: an ablation of the paper's table 2."""

import keras
import tensorflow as tf

from ccfpse_tf.models.discriminators.fpse import FPSEDiscriminator
from ccfpse_tf.ops.layout_convolution import joint_convolution


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class PlainFPSEDiscriminator(FPSEDiscriminator):
    """FPSE that sees the layout beside the image, and scores patches alone.

    The paper does not say what this variant reads. Here semantics and image are
    concatenated, semantics first, and the patch score is the whole score.

    Args, call shapes and errors: as :class:`FPSEDiscriminator`.
    """

    architecture = "fpse_plain"

    def make_embedding(self):
        """See the base class: there is none."""

    def build_embedding(self):
        """See the base class."""

    def build_bottom_up(self):
        """See the base class."""
        channels = self.semantic_channels + 3, self.ndf, *self.widths
        for layer, before in zip(self.bottom_up, channels, strict=False):
            layer.build((None, None, None, before))

    def bottom_up_features(self, image, semantics=None, training=None):
        """See the base class."""
        first, *others = self.bottom_up
        kernel = first.convolution.normalized_kernel(training)
        x = joint_convolution(semantics, image, kernel, first.convolution.strides)
        features = [first.norm(x, activate=True)]
        for layer in others:
            features.append(layer(features[-1], training=training))
        return features[1:]

    def scores(self, maps, semantics):
        """See the base class."""
        return [tf.cast(self.patch_score(x), self.variable_dtype) for x in maps]
