"""Cascaded refinement networks as a Keras model."""

import keras
import tensorflow as tf

from ccfpse_tf.gan.losses import best_image_loss

# Importing this module registers every part, so that saved models can be loaded.
from ccfpse_tf.gan.one_player_model import OnePlayerModel
from ccfpse_tf.layers import layout  # noqa: F401
from ccfpse_tf.models.generators import crn  # noqa: F401
from ccfpse_tf.models.perceptual.class_distances import class_distances
from ccfpse_tf.ops.layout import Layout


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class CRN(OnePlayerModel):
    """A cascaded refinement network, trained by a perceptual loss alone.

    The method of Chen and Koltun 2017, "Photographic image synthesis with cascaded
    refinement networks". With one image the loss is the perceptual distance to the
    photograph. With several, every class counts by the image that is nearest to the
    photograph there, see :func:`ccfpse_tf.gan.losses.best_image_loss`.

    Args:
        layout_encoding: the :class:`LayoutEncoding` of the data set, without edges.
        generator: the :class:`ccfpse_tf.models.generators.crn.CRNGenerator`.
        discriminator: None.
        encoder: None.
        seed: of nothing, as there is no noise.
        average_decay: as :class:`ccfpse_tf.gan.ccfpse.CCFPSE`.
    """

    def _terms(self, data, training):
        real, semantics = self._unpack(data)
        generator = self.generator if training else self.drawing_generator
        images = generator.draw_all(semantics)
        if generator.images == 1:
            return {"perceptual": self.perceptual_loss(images[:, 0], real)}
        classes = semantics
        if isinstance(classes, Layout):
            classes = classes.one_hot(self.layout_encoding.semantic_channels)
        levels = class_distances(self.perceptual_loss, images, real, classes)
        return {"perceptual": best_image_loss(tf.add_n(levels))}
