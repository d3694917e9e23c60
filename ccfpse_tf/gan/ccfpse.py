"""CC-FPSE as a Keras model."""

import keras

# Importing this module registers every part, so that saved models can be loaded.
from ccfpse_tf.gan import schedules  # noqa: F401
from ccfpse_tf.gan.adversarial_model import AdversarialModel
from ccfpse_tf.layers import layout  # noqa: F401
from ccfpse_tf.models import style_encoder  # noqa: F401
from ccfpse_tf.models.discriminators import (  # noqa: F401
    fpse,
    fpse_plain,
    multiscale,
)
from ccfpse_tf.models.generators import ccfpse, ccfpse_compact, spade  # noqa: F401
from ccfpse_tf.models.perceptual import loss  # noqa: F401


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class CCFPSE(AdversarialModel):
    """Generator, FPSE discriminator and style encoder, trained against each other.

    The method of Liu et al. 2019, "Learning to predict layout-to-image conditional
    convolutions for semantic image synthesis". Training, batches and losses are
    described by :class:`ccfpse_tf.gan.adversarial_model.AdversarialModel`.

    Args:
        layout_encoding: the :class:`LayoutEncoding` of the data set.
        generator: the :class:`Generator`.
        discriminator: the :class:`FPSEDiscriminator`.
        encoder: the :class:`StyleEncoder`; None exactly if the generator has no style.
        seed: of the style noise.
        average_decay: above 0, a running average of the generator's weights is kept
            (see :mod:`ccfpse_tf.gan.averaging`) and makes all images outside of
            training.

    Raises:
        ValueError: parts that do not fit each other.
    """
