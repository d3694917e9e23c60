"""A model with two optimisers: their updates, the steps, and the saved state."""

import math

import keras
import tensorflow as tf

from ccfpse_tf.config.sections import DISCRIMINATOR_FAKES
from ccfpse_tf.gan import losses, methods, optimizers
from ccfpse_tf.gan.optimizers import Adam
from ccfpse_tf.gan.synthesizer import Synthesizer
from ccfpse_tf.gan.teacher import Teacher
from ccfpse_tf.layers.normalization import SAME_ON_ALL_REPLICAS

OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")


class TwoPlayerModel(Synthesizer):
    """Generator and discriminator, each with its optimiser; a subclass has the step.

    An update with a loss or a gradient that is not finite, on any replica, is left out
    on all.

    Args: as :class:`ccfpse_tf.gan.ccfpse.CCFPSE`.

    Attributes:
        steps: training steps done.
        skipped: how many of them had an update that was left out.
        skipped_in_a_row: how many of these since the last step without.
    """

    def __init__(self, *parts, **options):
        super().__init__(*parts, **options)
        self._method = methods.METHODS[self.generator.architecture]
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
        self._teacher = None
        self._trackers = {name: keras.metrics.Mean(name) for name in self.logged}
        self.built = True

    @property
    def logged(self) -> tuple[str, ...]:
        """Names of the losses; see :attr:`ccfpse_tf.gan.methods.Method.logged`."""
        return self._method.logged

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
        scale = self.dtype_policy.name == "mixed_float16"
        with self.distribute_strategy.scope():
            super().compile(
                optimizers.guarded(generator_optimizer or Adam(1e-4), scale),
                jit_compile=jit_compile,
                **kwargs,
            )
            other = optimizers.guarded(discriminator_optimizer or Adam(4e-4), scale)
            self.discriminator_optimizer = other
            # Inside the strategy's scope, else two replicas die on a placeholder.
            self.optimizer.build(self._generator_variables())
            other.build(self.discriminator.trainable_variables)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: the constructor has built the model.

        Keras would use up a batch to build it, and fail over several machines.
        """

    def _check_jit(self, jit_compile):
        replicas = self.distribute_strategy.num_replicas_in_sync
        if jit_compile and replicas > 1:
            raise ValueError(
                f"jit_compile with {replicas} replicas: one XLA program cannot reach "
                "the variables of several devices; train on one device or without it"
            )

    @property
    def generator_optimizer(self):
        """The optimiser of generator and encoder."""
        return self.optimizer

    def learn_from(self, teacher: Synthesizer) -> None:
        """Makes the generator learn what a trained model draws (distillation).

        In training, the teacher's image of the same layout and style code takes the
        photograph's place in the perceptual and feature-matching losses, and the mean
        absolute difference to it is one loss more, ``imitation``. The discriminator
        tells the generator's images from photographs, as always. The style encoder
        becomes the teacher's and is not trained, so a code means the same to both.

        The teacher is not part of the model: it is neither trained nor saved.

        Args:
            teacher: for the same semantics, with a style code of the same length.

        Raises:
            ValueError: a teacher for other semantics or style codes, or with another
                style encoder.
        """
        self._teacher = Teacher(teacher, self)
        self._trackers["imitation"] = keras.metrics.Mean("imitation")

    def _generator_variables(self):
        trained = self.encoder is not None and self._teacher is None
        encoder = self.encoder.trainable_variables if trained else []
        return self.generator.trainable_variables + encoder

    def _scaled(self, optimizer, loss):
        # The one place that divides by replicas: optimisers SUM gradients over them.
        loss /= self.distribute_strategy.num_replicas_in_sync
        return optimizer.scale_loss(loss)

    def _update(self, optimizer, tape, loss, variables):
        """Differentiates and applies; returns True if the update was left out."""
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        # A loss that is not finite may have finite gradients, so one is made NaN.
        sizes = [math.prod(variable.shape) for variable in variables]
        smallest = sizes.index(min(sizes))
        gradients[smallest] += tf.cast(0 * loss, gradients[smallest].dtype)
        return self._apply(optimizer, gradients, variables)

    def _apply(self, optimizer, gradients, variables):
        before = tf.identity(optimizer.skipped.value)
        optimizer.apply(gradients, variables)
        return tf.not_equal(optimizer.skipped.value, before)

    def _count(self, bad):
        """Notes that a step is over; ``bad`` is 1 if it was left out, else 0."""
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
        # Over several machines Keras averages logs along an axis; scalars lack one.
        shape = (1,) if _several_machines(self.distribute_strategy) else ()
        return {name: tf.reshape(self._trackers[name].result(), shape) for name in logs}

    def checkpoint_variables(self) -> dict[str, list[keras.Variable]]:
        """Returns the whole state that a resumed training goes on from, by owner.

        It is the same in every precision: the loss scales of float16 are apart, see
        :meth:`loss_scales`.
        """
        adams = {name: optimizers.unwrapped(getattr(self, name)) for name in OPTIMIZERS}
        return {"model": self.weights} | {
            name: adam.variables for name, adam in adams.items()
        }

    def loss_scales(self) -> dict[str, keras.Variable]:
        """Returns the variables of the loss scales, none where nothing is scaled."""
        return {
            f"{name}_{scale}": variable
            for name in OPTIMIZERS
            for scale, variable in optimizers.loss_scales(getattr(self, name)).items()
        }

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
