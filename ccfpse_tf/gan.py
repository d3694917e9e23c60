"""CC-FPSE as a Keras model: networks, losses and the two updates of a step."""

import keras
import tensorflow as tf

from ccfpse_tf import losses
from ccfpse_tf.layers.normalization import FIRST
from ccfpse_tf.limits import DISCRIMINATOR_FAKES
from ccfpse_tf.models.encoder import sample_style
from ccfpse_tf.optimizers import Adam, LossScaleOptimizer

PARTS = ("layout_encoding", "generator", "discriminator", "encoder")
LOSS_WEIGHTS = {"feature_matching": 20.0, "perceptual": 10.0, "kl": 0.1}
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
class CCFPSE(keras.Model):
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

    Args:
        layout_encoding: the :class:`LayoutEncoding` of the data set.
        generator: the :class:`Generator`.
        discriminator: the :class:`FPSEDiscriminator`.
        encoder: the :class:`StyleEncoder`; None exactly if the generator has no style.
        seed: of the style noise.

    Raises:
        ValueError: parts that do not fit each other.
    """

    def __init__(
        self, layout_encoding, generator, discriminator, encoder=None, seed=0, **kwargs
    ):
        super().__init__(**kwargs)
        self.layout_encoding = layout_encoding
        self.generator = generator
        self.discriminator = discriminator
        self.encoder = encoder
        self.seed = seed
        self._check_parts()
        for part in (generator, discriminator, encoder):
            if part is not None and not part.built:
                part.build()
        self.steps = self.add_weight(
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation=FIRST,
            name="steps",
        )
        self._trackers = {name: keras.metrics.Mean(name) for name in LOGGED}
        self.built = True

    def _check_parts(self):
        channels = self.layout_encoding.semantic_channels
        for part in (self.generator, self.discriminator):
            if part.semantic_channels != channels:
                raise ValueError(
                    f"{part.name} expects {part.semantic_channels} semantic channels, "
                    f"but the layout encoding makes {channels}"
                )
        z_dim = 0 if self.encoder is None else self.encoder.z_dim
        if z_dim != self.generator.z_dim:
            raise ValueError(
                f"the generator's style code has {self.generator.z_dim} values, "
                f"the encoder's {z_dim}"
            )

    @property
    def z_dim(self) -> int:
        """Length of the style code, 0 without."""
        return self.generator.z_dim

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
            loss_weights: overrides of ``LOSS_WEIGHTS``.
            perceptual_loss: a :class:`PerceptualLoss`, or None to train without.
            discriminator_fake: ``"regenerate"`` or ``"reuse"``, see the class.
            jit_compile: compile the step with XLA (one device only). XLA leaves out
                assertions, such as the one that labels are classes.
            **kwargs: ``run_eagerly``, ``steps_per_execution`` as in Keras.

        Raises:
            ValueError: an unknown mode, loss or kind of fake; XLA on several replicas.
        """
        self.gan_mode = losses.check_gan_mode(gan_mode)
        self.loss_weights = LOSS_WEIGHTS | _checked_weights(loss_weights)
        self.perceptual_loss = perceptual_loss
        self.discriminator_fake = _checked_fake(discriminator_fake)
        self._check_jit(jit_compile)
        with self.distribute_strategy.scope():
            super().compile(
                self._loss_scaled(generator_optimizer or Adam(1e-4)),
                jit_compile=jit_compile,
                **kwargs,
            )
            other = self._loss_scaled(discriminator_optimizer or Adam(4e-4))
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

    def _loss_scaled(self, optimizer):
        optimizer = keras.optimizers.get(optimizer)
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if self.dtype_policy.name == "mixed_float16" and not scaled:
            return LossScaleOptimizer(optimizer)
        return optimizer

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
        self._update(self.optimizer, tape, loss, self._generator_variables())

        if self.discriminator_fake == "regenerate":
            fake, _ = self._generate(real, semantics, phase=1, training=True)
        with tf.GradientTape() as tape:
            scores = self._discriminate(fake, real, semantics, training=True)[1]
            logs |= self._discriminator_losses(*scores)
            loss = self._scaled(
                self.discriminator_optimizer, logs["discriminator_loss"]
            )
        variables = self.discriminator.trainable_variables
        self._update(self.discriminator_optimizer, tape, loss, variables)
        self.steps.assign_add(1)
        return self._track(logs)

    def test_step(self, data):
        """All losses in evaluation mode, with the mean of the encoder's style."""
        real, semantics = self._unpack(data)
        logs, scores, _ = self._generator_losses(real, semantics, training=False)
        return self._track(logs | self._discriminator_losses(*scores))

    def _unpack(self, data):
        batch, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        semantics = self.layout_encoding(batch["label"], batch.get("instance"))
        return batch["image"], semantics

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
        if self.encoder is None:
            return self.generator(semantics, training=training), {}
        mu, logvar = self.encoder(image, training=training)
        z = mu
        if training:
            z = sample_style(mu, logvar, self.style_noise(tf.shape(mu)[0], phase))
        fake = self.generator(semantics, z, training=training)
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
        replica = tf.distribute.get_replica_context()
        rows = batch_size * replica.num_replicas_in_sync
        counter = 2 * tf.convert_to_tensor(self.steps) + phase
        noise = tf.random.stateless_normal(
            (rows, self.z_dim),
            [self.seed, counter],
            dtype=self.variable_dtype,
            alg="philox",  # XLA would choose another one, and give other numbers
        )
        start = replica.replica_id_in_sync_group * batch_size
        return noise[start : start + batch_size]

    def _scaled(self, optimizer, loss):
        # The one place that divides by replicas: optimisers SUM gradients over them.
        loss /= self.distribute_strategy.num_replicas_in_sync
        return optimizer.scale_loss(loss)

    def _update(self, optimizer, tape, loss, variables):
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        optimizer.apply(gradients, variables)

    def _track(self, logs):
        for name, value in logs.items():
            self._trackers[name].update_state(value)
        # Over several machines Keras averages logs along an axis: scalars have none.
        shape = (1,) if _several_machines(self.distribute_strategy) else ()
        return {name: tf.reshape(self._trackers[name].result(), shape) for name in logs}

    def call(self, inputs, training=False):
        """Images ``(batch, height, width, 3)`` of a batch dictionary.

        The style is ``inputs["z"]``, or the mean style of ``inputs["image"]``.
        """
        semantics = self.layout_encoding(inputs["label"], inputs.get("instance"))
        z = inputs.get("z")
        if z is None and self.encoder is not None:
            z, _ = self.encoder(inputs["image"], training=training)
        return self.generator(semantics, z, training=training)

    @tf.function(reduce_retracing=True)
    def synthesize(self, label, instance=None, z=None):
        """Images in evaluation mode.

        Args:
            label: ``(batch, height, width)`` class indices.
            instance: ``(batch, height, width)`` ids, if the model uses instances.
            z: ``(batch, z_dim)`` style codes, if the model has style.

        Returns:
            ``(batch, height, width, 3)`` in ``[-1, 1]``.
        """
        semantics = self.layout_encoding(label, instance)
        return self.generator(semantics, z, training=False)

    @tf.function(reduce_retracing=True)
    def encode(self, image):
        """``(mu, logvar)``, each ``(batch, z_dim)``, of images in ``[-1, 1]``.

        Raises:
            ValueError: a model without style code.
        """
        if self.encoder is None:
            raise ValueError("this model has no style encoder (z_dim is 0)")
        return self.encoder(image, training=False)

    def get_config(self):
        """Returns the constructor's arguments, parts serialised."""
        serialize = keras.saving.serialize_keras_object
        parts = {name: serialize(getattr(self, name)) for name in PARTS}
        return super().get_config() | parts | {"seed": self.seed}

    @classmethod
    def from_config(cls, config):
        """Rebuilds the model with its parts."""
        for name in PARTS:
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)

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


def _checked_weights(weights):
    unknown = set(weights or {}) - set(LOSS_WEIGHTS)
    if unknown:
        raise ValueError(
            f"loss_weights {sorted(unknown)}: choose from {', '.join(LOSS_WEIGHTS)}"
        )
    return weights or {}


def _checked_fake(kind):
    if kind not in DISCRIMINATOR_FAKES:
        raise ValueError(
            f"discriminator_fake {kind!r}: choose from {', '.join(DISCRIMINATOR_FAKES)}"
        )
    return kind
