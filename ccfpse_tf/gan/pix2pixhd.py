"""pix2pixHD as a Keras model."""

import keras
import tensorflow as tf

# Importing this module registers every part, so that saved models can be loaded.
from ccfpse_tf.gan import optimizers, schedules  # noqa: F401
from ccfpse_tf.gan.adversarial_model import AdversarialModel
from ccfpse_tf.layers import layout  # noqa: F401
from ccfpse_tf.models import instance_features  # noqa: F401
from ccfpse_tf.models.discriminators import multiscale  # noqa: F401
from ccfpse_tf.models.generators import pix2pixhd  # noqa: F401
from ccfpse_tf.models.perceptual import loss  # noqa: F401


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class Pix2PixHD(AdversarialModel):
    """Generator, discriminator and feature encoder, trained against each other.

    The method of Wang et al. 2018, "High-resolution image synthesis and semantic
    manipulation with conditional GANs". Its step generates one image: the
    discriminator learns from the same one as the generator
    (``discriminator_fake="reuse"``). As neither network has running statistics or
    spectral vectors, and the generator's update leaves the discriminator as it is, that
    is the official code's single forward pass.

    With an encoder, the generator reads features of the image's instances in training,
    which the discriminator does not see. Where it draws they are those of clusters, see
    :class:`ccfpse_tf.models.instance_features.FeatureClusters`.

    Where the generator's optimiser restarts (``Adam(restart_at=N)``), only the
    outermost enhancer and the encoder are trained until then.

    Args:
        layout_encoding: the :class:`LayoutEncoding` of the data set.
        generator: the :class:`Pix2PixHDGenerator`.
        discriminator: the :class:`MultiscaleDiscriminator`.
        encoder: the :class:`InstanceFeatureEncoder`; None exactly if the generator
            reads no features.
        seed, average_decay: as of :class:`ccfpse_tf.gan.ccfpse.CCFPSE`.

    Raises:
        ValueError: parts that do not fit each other.
    """

    def _check_parts(self):
        super()._check_parts()
        if self.encoder is not None and self.encoder.pooling == "instance":
            if not self.layout_encoding.instances:
                raise ValueError("instance features need a layout with instances")
        made = 0 if self.encoder is None else self.encoder.features
        if made != self.generator.features:
            raise ValueError(
                f"the generator reads {self.generator.features} instance features, "
                f"the encoder makes {made}"
            )

    @tf.function(reduce_retracing=True)
    def instance_features(self, image, label, instance=None):
        """Features ``(batch, height, width, features)``, constant on every instance.

        Args:
            image: ``(batch, height, width, 3)`` in ``[-1, 1]``.
            label: ``(batch, height, width)`` class indices.
            instance: ``(batch, height, width)`` ids, if the model uses instances.
        """
        semantics = self.layout_encoding(label, instance)
        return self.encoder(image, semantics, training=False)

    def _generate(self, image, semantics, phase, training):
        """As the base class, with the features of the image's instances."""
        generator, features = self.generator, None
        if not training:
            generator = self.drawing_generator
        if self.encoder is not None:
            features = self.encoder(image, semantics, training=training)
        fake = generator(semantics, training=training, features=features)
        return fake, None, {}

    def _apply(self, optimizer, gradients, variables):
        restart = getattr(optimizers.unwrapped(optimizer), "restart_at", 0)
        if optimizer is self.optimizer and restart:
            gradients = self._of_outermost(gradients, variables, restart)
        return super()._apply(optimizer, gradients, variables)

    def _of_outermost(self, gradients, variables, restart):
        """Zeros for all but the outermost enhancer and the encoder, until the restart.

        Adam's moments stay 0 with them, and the variables what they are.
        """
        steps = optimizers.unwrapped(self.optimizer).iterations
        whole = tf.convert_to_tensor(steps) >= restart
        trained = {id(variable) for variable in self.generator.outermost_variables}
        if self.encoder is not None:
            trained |= {id(variable) for variable in self.encoder.trainable_variables}
        return [
            gradient
            if id(variable) in trained
            else gradient * tf.cast(whole, gradient.dtype)  # what is NaN stays it
            for gradient, variable in zip(gradients, variables, strict=True)
        ]
