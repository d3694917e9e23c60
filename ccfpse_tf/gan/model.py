"""CC-FPSE as a Keras model: networks, losses and the two updates of a step."""

import math

import keras
import tensorflow as tf

from ccfpse_tf.config.checks import DISCRIMINATOR_FAKES
from ccfpse_tf.gan import averaging, losses
from ccfpse_tf.gan.optimizers import Adam, LossScaleOptimizer, SkipNonFinite
from ccfpse_tf.gan.synthesizer import Synthesizer
from ccfpse_tf.layers.normalization import SAME_ON_ALL_REPLICAS
from ccfpse_tf.models.style_encoder import sample_style
from ccfpse_tf.ops.noise import replica_noise

LOGGED = (
    "generator_loss",
    "gan",
    "feature_matching",
    "perceptual",
    "kl",
    "discriminator_loss",
    "d_fake",
    "d_real",
)


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class CCFPSE(Synthesizer):
    """Generator, FPSE discriminator and style encoder, trained against each other.

    Batches are dictionaries: ``image (batch, height, width, 3)`` in ``[-1, 1]``,
    ``label (batch, height, width)`` and, with instances, ``instance`` of that shape.

    One training step is the reference's: generator and encoder are updated first, then
    the discriminator, on an image generated anew (new noise, updated encoder and
    generator). All networks run in training mode twice, so their batch statistics and
    spectral vectors move twice. With ``discriminator_fake="reuse"`` the discriminator
    gets the image that the generator was just updated on: generator and encoder run,
    and move, once, and the discriminator sees a fake that is one update old.

    Noise is drawn from ``(seed, step)`` for the global batch, so a run does not depend
    on the number of replicas, nor on being resumed.

    An update with a loss or a gradient that is not finite, on any replica, is left out
    on all; ``skipped`` counts the steps where that happened, ``skipped_in_a_row`` those
    since the last one without.

    Args:
        layout_encoding: the :class:`LayoutEncoding` of the data set.
        generator: the :class:`Generator`.
        discriminator: the :class:`FPSEDiscriminator`.
        encoder: the :class:`StyleEncoder`; None exactly if the generator has no style.
        seed: of the style noise.
        average_decay: above 0, a running average of the generator's weights is kept
            (see :mod:`ccfpse_tf.gan.averaging`) and draws all images outside of
            training.

    Raises:
        ValueError: parts that do not fit each other.
    """

    def __init__(self, *parts, **options):
        super().__init__(*parts, **options)
        self.steps, self.skipped, self.skipped_in_a_row = (
            self.add_weight(
                shape=(),
                dtype="int64",
                initializer="zeros",
                trainable=False,
                aggregation=SAME_ON_ALL_REPLICAS,
                name=name,
            )
            for name in ("steps", "skipped", "skipped_in_a_row")
        )
        self._trackers = {name: keras.metrics.Mean(name) for name in LOGGED}
        self.built = True

    @property
    def metrics(self):
        """The running means of all losses."""
        return list(self._trackers.values())

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        gan_mode="hinge",
        loss_weights=None,
        perceptual_loss=None,
        discriminator_fake="regenerate",
        jit_compile=False,
        **kwargs,
    ):
        """Sets optimisers and losses.

        Under ``mixed_float16`` both optimisers get a loss scale of their own.

        Args:
            generator_optimizer: for generator and encoder; default Adam at 1e-4.
            discriminator_optimizer: default Adam at 4e-4 (TTUR, Heusel et al. 2017).
            gan_mode: a key of ``losses.GAN_MODES``.
            loss_weights: overrides of ``losses.WEIGHTS``.
            perceptual_loss: a :class:`PerceptualLoss`, or None to train without.
            discriminator_fake: ``"regenerate"`` or ``"reuse"``, see the class.
            jit_compile: compile the step with XLA (one device only). XLA leaves out
                assertions, such as the one that labels are classes.
            **kwargs: ``run_eagerly``, ``steps_per_execution`` as in Keras.

        Raises:
            ValueError: an unknown mode, loss or kind of fake; XLA on several replicas.
        """
        self.gan_mode = losses.check_gan_mode(gan_mode)
        self.loss_weights = losses.check_weights(loss_weights)
        self.perceptual_loss = perceptual_loss
        self.discriminator_fake = _checked_fake(discriminator_fake)
        self._check_jit(jit_compile)
        with self.distribute_strategy.scope():
            super().compile(
                self._guarded(generator_optimizer or Adam(1e-4)),
                jit_compile=jit_compile,
                **kwargs,
            )
            other = self._guarded(discriminator_optimizer or Adam(4e-4))
            self.discriminator_optimizer = other
            # Inside the strategy's scope, else two replicas die on a placeholder.
            self.optimizer.build(self._generator_variables())
            other.build(self.discriminator.trainable_variables)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Keeps Keras from building the model, which the constructor has done.

        With replicas it would use up a batch for it, and over several machines fail.
        """

    def _check_jit(self, jit_compile):
        replicas = self.distribute_strategy.num_replicas_in_sync
        if jit_compile and replicas > 1:
            raise ValueError(
                f"jit_compile with {replicas} replicas: one XLA program cannot reach "
                "the variables of several devices; train on one device or without it"
            )

    def _guarded(self, optimizer):
        optimizer = keras.optimizers.get(optimizer)
        if isinstance(optimizer, SkipNonFinite):
            return optimizer
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            # Keras's own looks at one replica only; a second one around it would scale
            # twice.
            return LossScaleOptimizer(
                optimizer.inner_optimizer,
                optimizer.initial_scale,
                optimizer.dynamic_growth_steps,
                name=optimizer.name,
            )
        if self.dtype_policy.name == "mixed_float16":
            return LossScaleOptimizer(optimizer, name=optimizer.name)
        return SkipNonFinite(optimizer, name=optimizer.name)

    @property
    def generator_optimizer(self):
        """The optimiser of generator and encoder."""
        return self.optimizer

    def _generator_variables(self):
        encoder = self.encoder.trainable_variables if self.encoder else []
        return self.generator.trainable_variables + encoder

    def train_step(self, data):
        """One update of the generator (and encoder), then one of the discriminator."""
        real, semantics = self._unpack(data)
        with tf.GradientTape() as tape:
            logs, _, fake = self._generator_losses(real, semantics, training=True)
            loss = self._scaled(self.optimizer, logs["generator_loss"])
        variables = self._generator_variables()
        bad = self._update(self.optimizer, tape, loss, variables)
        if self.average is not None:
            averaging.update(
                self.average,
                self.generator,
                self.average_decay,
                tf.convert_to_tensor(self.steps),
            )

        if self.discriminator_fake == "regenerate":
            fake, _ = self._generate(real, semantics, phase=1, training=True)
        with tf.GradientTape() as tape:
            scores = self._discriminate(fake, real, semantics, training=True)[1]
            logs |= self._discriminator_losses(*scores)
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
        logs, scores, _ = self._generator_losses(real, semantics, training=False)
        return self._track(logs | self._discriminator_losses(*scores))

    def _generator_losses(self, real, semantics, training):
        """Weighted losses with their sum, the (fake, real) score maps, the fake."""
        fake, terms = self._generate(real, semantics, phase=0, training=training)
        features, scores = self._discriminate(fake, real, semantics, training)
        terms["gan"] = losses.generator_gan_loss(scores[0], self.gan_mode)
        terms["feature_matching"] = losses.feature_matching_loss(*features)
        if self.perceptual_loss is not None:
            terms["perceptual"] = self.perceptual_loss(fake, real)
        logs = {
            name: self.loss_weights.get(name, 1.0) * value
            for name, value in terms.items()
        }
        return logs | {"generator_loss": tf.add_n(list(logs.values()))}, scores, fake

    def _discriminator_losses(self, fake_scores, real_scores):
        fake = losses.discriminator_fake_loss(fake_scores, self.gan_mode)
        real = losses.discriminator_real_loss(real_scores, self.gan_mode)
        return {"d_fake": fake, "d_real": real, "discriminator_loss": fake + real}

    def _generate(self, image, semantics, phase, training):
        """The fake image in the style of ``image``, and the encoder's own loss."""
        generator = self.generator if training else self.drawing_generator
        if self.encoder is None:
            return generator(semantics, training=training), {}
        mu, logvar = self.encoder(image, training=training)
        z = mu
        if training:
            z = sample_style(mu, logvar, self.style_noise(tf.shape(mu)[0], phase))
        fake = generator(semantics, z, training=training)
        return fake, {"kl": losses.kl_loss(mu, logvar)}

    def _discriminate(self, fake, real, semantics, training):
        """``(fake, real)`` features and ``(fake, real)`` scores, from one batch."""
        features, scores = self.discriminator(
            tf.concat([fake, tf.cast(real, fake.dtype)], 0),
            semantics,  # one for both halves
            training=training,
        )
        halves = [[tf.split(x, 2) for x in maps] for maps in (features, scores)]
        return [tuple(zip(*pairs, strict=True)) for pairs in halves]

    def style_noise(self, batch_size: tf.Tensor, phase: int) -> tf.Tensor:
        """This replica's rows of the global batch's noise, ``(batch_size, z_dim)``.

        Args:
            batch_size: images on this replica.
            phase: 0 in the generator's half of the step, 1 in the discriminator's.
        """
        counter = 2 * tf.convert_to_tensor(self.steps) + phase
        dtype = self.variable_dtype
        return replica_noise(self.seed, counter, batch_size, self.z_dim, dtype)

    def _scaled(self, optimizer, loss):
        # The one place that divides by replicas: optimisers SUM gradients over them.
        loss /= self.distribute_strategy.num_replicas_in_sync
        return optimizer.scale_loss(loss)

    def _update(self, optimizer, tape, loss, variables):
        """Differentiates and applies; returns whether the update was left out."""
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        # A loss that is not finite may have gradients that are: it spoils one of them.
        sizes = [math.prod(variable.shape) for variable in variables]
        smallest = sizes.index(min(sizes))
        gradients[smallest] += tf.cast(0 * loss, gradients[smallest].dtype)
        return self._apply(optimizer, gradients, variables)

    def _apply(self, optimizer, gradients, variables):
        before = tf.identity(optimizer.skipped.value)
        optimizer.apply(gradients, variables)
        return tf.not_equal(optimizer.skipped.value, before)

    def _count(self, bad):
        """Notes that a step is over, and whether (1) or not (0) it was left out."""
        self.steps.assign_add(1)
        self.skipped.assign_add(bad)
        row = tf.convert_to_tensor(self.skipped_in_a_row)
        self.skipped_in_a_row.assign(bad * (row + 1))

    def _track(self, logs):
        for name, value in logs.items():
            finite = tf.math.is_finite(value)
            self._trackers[name].update_state(
                tf.where(finite, value, 0), tf.cast(finite, value.dtype)
            )
        # Over several machines Keras averages logs along an axis: scalars have none.
        shape = (1,) if _several_machines(self.distribute_strategy) else ()
        return {name: tf.reshape(self._trackers[name].result(), shape) for name in logs}

    def get_compile_config(self):
        """Returns everything that ``compile`` was given, serialised."""
        if not self.compiled:
            return {}
        serialize = keras.saving.serialize_keras_object
        return {
            "generator_optimizer": serialize(self.generator_optimizer),
            "discriminator_optimizer": serialize(self.discriminator_optimizer),
            "perceptual_loss": serialize(self.perceptual_loss),
            "gan_mode": self.gan_mode,
            "loss_weights": self.loss_weights,
            "discriminator_fake": self.discriminator_fake,
            "jit_compile": self.jit_compile,
        }

    def compile_from_config(self, config):
        """Compiles as the saved model was."""
        config = keras.saving.deserialize_keras_object(config)
        self.compile(**config)


def _several_machines(strategy):
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def _checked_fake(kind):
    if kind not in DISCRIMINATOR_FAKES:
        raise ValueError(
            f"discriminator_fake {kind!r}: choose from {', '.join(DISCRIMINATOR_FAKES)}"
        )
    return kind
