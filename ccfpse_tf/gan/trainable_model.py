"""A model that is trained: its updates, its steps, and the state that is saved."""

import math

import keras
import tensorflow as tf

from ccfpse_tf.gan import averaging, methods, optimizers
from ccfpse_tf.gan.synthesizer import Synthesizer
from ccfpse_tf.gan.with_presets import WithPresets
from ccfpse_tf.layers.normalization import SAME_ON_ALL_REPLICAS


class TrainableModel(WithPresets, Synthesizer):
    """Networks with their optimisers; a subclass has the losses and the step.

    An update with a loss or a gradient that is not finite, on any replica, is left out
    on all.

    Args: as :class:`ccfpse_tf.gan.ccfpse.CCFPSE`.

    Attributes:
        optimizer_names: of the attributes that hold its optimisers.
        steps: training steps done.
        skipped: how many of them had an update that was left out.
        skipped_in_a_row: how many of these since the last step without.
    """

    optimizer_names = ("generator_optimizer",)

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

    def _generator_variables(self):
        encoder = [] if self.encoder is None else self.encoder.trainable_variables
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

    def _update_average(self):
        """Moves the averaged generator, if there is one, towards the trained one."""
        if self.average is not None:
            averaging.update(
                self.average,
                self.generator,
                self.average_decay,
                tf.convert_to_tensor(self.steps),
            )

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
        :meth:`loss_scales`. A model that is not compiled has no optimisers.
        """
        adams = {
            name: optimizers.unwrapped(getattr(self, name))
            for name in self._optimizers_at_hand()
        }
        return {"model": self.weights} | {
            name: adam.variables for name, adam in adams.items()
        }

    def loss_scales(self) -> dict[str, keras.Variable]:
        """Returns the variables of the loss scales, none where nothing is scaled."""
        return {
            f"{name}_{scale}": variable
            for name in self._optimizers_at_hand()
            for scale, variable in optimizers.loss_scales(getattr(self, name)).items()
        }

    def _optimizers_at_hand(self):
        return self.optimizer_names if self.compiled else ()

    def compile_from_config(self, config):
        """Compiles as the saved model was."""
        config = keras.saving.deserialize_keras_object(config)
        self.compile(**config)


def _several_machines(strategy):
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
