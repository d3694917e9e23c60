"""The training of a generator against a discriminator, as a Keras model."""

import keras
import tensorflow as tf

from ccfpse_tf.gan import losses
from ccfpse_tf.gan.two_player_model import TwoPlayerModel
from ccfpse_tf.models.style_encoder import sample_style
from ccfpse_tf.ops.noise import replica_noise


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class AdversarialModel(TwoPlayerModel):
    """Generator, discriminator and style encoder, trained against each other.

    The architectures of the networks name their rows in :mod:`ccfpse_tf.gan.methods`,
    which hold the logged losses and the functions from features and scores to losses.

    Batches are dictionaries: ``image (batch, height, width, 3)`` in ``[-1, 1]``,
    ``label (batch, height, width)`` and, with instances, ``instance`` of that shape.

    One training step is that of SPADE's and CC-FPSE's official code: generator and
    encoder are updated first, then the discriminator, on an image generated anew (new
    noise, updated encoder and generator). All networks run in training mode twice, so
    their batch statistics and spectral vectors move twice. With
    ``discriminator_fake="reuse"`` the discriminator gets the image that the generator
    was just updated on: generator and encoder run, and move, once, and the
    discriminator sees a fake that is one update old.

    Noise is drawn from ``(seed, step)`` for the global batch, so a run does not depend
    on the number of replicas, nor on being resumed.

    An update with a loss or a gradient that is not finite, on any replica, is left out
    on all; ``skipped`` counts the steps where that happened, ``skipped_in_a_row`` those
    since the last one without.

    Args: as :class:`ccfpse_tf.gan.ccfpse.CCFPSE`, with the networks of any method.

    Raises:
        ValueError: parts that do not fit each other.
    """

    def __init__(self, *parts, **options):
        super().__init__(*parts, **options)
        self._adversarial = _adversary(self._method, self.discriminator).losses()

    def train_step(self, data):
        """One update of the generator (and encoder), then one of the discriminator."""
        real, semantics = self._unpack(data)
        with tf.GradientTape() as tape:
            logs, _, fake = self._generator_losses(real, semantics, training=True)
            loss = self._scaled(self.optimizer, logs["generator_loss"])
        variables = self._generator_variables()
        bad = self._update(self.optimizer, tape, loss, variables)
        self._update_average()
        if self.discriminator_fake == "regenerate":
            fake, *_ = self._generate(real, semantics, phase=1, training=True)
        with tf.GradientTape() as tape:
            outputs = self.discriminator.compare(fake, real, semantics, training=True)
            logs |= self._discriminator_losses(*outputs)
            loss = self._scaled(
                self.discriminator_optimizer, logs["discriminator_loss"]
            )
        variables = self.discriminator.trainable_variables
        bad |= self._update(self.discriminator_optimizer, tape, loss, variables)
        self._count(tf.cast(bad, tf.int64))
        return self._track(logs)

    def test_step(self, data):
        """All losses in evaluation mode, with the mean of the encoder's style."""
        real, semantics = self._unpack(data)
        logs, outputs, _ = self._generator_losses(real, semantics, training=False)
        return self._track(logs | self._discriminator_losses(*outputs))

    def _generator_losses(self, real, semantics, training):
        """Weighted losses with their sum, D's outputs for fake and real, the fake."""
        fake, z, terms = self._generate(real, semantics, phase=0, training=training)
        if training and self._teacher is not None:
            real = self._teacher.draw(semantics, z)
            terms["imitation"] = losses.imitation_loss(fake, real)
        outputs = self.discriminator.compare(fake, real, semantics, training=training)
        of_fake, of_real = outputs
        terms["gan"] = self._adversarial.generator(of_fake.scores, self.gan_mode)
        terms["feature_matching"] = self._adversarial.feature_matching(
            of_fake.features, of_real.features
        )
        if self.perceptual_loss is not None:
            terms["perceptual"] = self.perceptual_loss(fake, real)
        logs = {
            name: self.loss_weights.get(name, 1.0) * value
            for name, value in terms.items()
        }
        return logs | {"generator_loss": tf.add_n(list(logs.values()))}, outputs, fake

    def _discriminator_losses(self, of_fake, of_real):
        fake = self._adversarial.discriminator_fake(of_fake.scores, self.gan_mode)
        real = self._adversarial.discriminator_real(of_real.scores, self.gan_mode)
        return {"d_fake": fake, "d_real": real, "discriminator_loss": fake + real}

    def _generate(self, image, semantics, phase, training):
        """The fake image in the style of ``image``, its code, the encoder's loss."""
        generator = self.generator if training else self.drawing_generator
        if self.encoder is None:
            return generator(semantics, training=training), None, {}
        trained = training and self._teacher is None
        mu, logvar = self.encoder(image, training=trained)
        z = mu
        if training:
            z = sample_style(mu, logvar, self.style_noise(tf.shape(mu)[0], phase))
        fake = generator(semantics, z, training=training)
        kl = {} if self._teacher is not None else {"kl": losses.kl_loss(mu, logvar)}
        return fake, z, kl

    def style_noise(self, batch_size: tf.Tensor, phase: int) -> tf.Tensor:
        """This replica's rows of the global batch's noise, ``(batch_size, z_dim)``.

        Args:
            batch_size: images on this replica.
            phase: 0 in the generator's half of the step, 1 in the discriminator's.
        """
        counter = 2 * tf.convert_to_tensor(self.steps) + phase
        dtype = self.variable_dtype
        return replica_noise(self.seed, counter, batch_size, self.z_dim, dtype)


def _adversary(method, discriminator):
    if discriminator.architecture not in method.adversaries:
        raise ValueError(
            f"{method.title} is not trained with the discriminator "
            f"{discriminator.architecture!r}; it has {', '.join(method.adversaries)}"
        )
    return method.adversaries[discriminator.architecture]
