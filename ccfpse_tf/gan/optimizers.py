"""Adam with epsilon where PyTorch has it, and wrappers that leave out bad steps."""

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class Adam(keras.optimizers.Adam):
    """``w -= lr * m_hat / (sqrt(v_hat) + epsilon)`` (Kingma & Ba 2015, algorithm 1).

    Keras adds epsilon to the uncorrected ``sqrt(v)``, which at the first step with
    ``beta_2 = 0.9`` is as if it were 3.2 times as large; that is visible for gradients
    below 1e-6.

    Every variable is updated in place by TensorFlow's own kernel, which reads and
    writes each number once: on two CPU cores a third of the time of the same update
    written out, and a few operations instead of forty. The kernel has Keras's epsilon
    and corrects the bias in the variable's dtype, where ``1 - 0.999`` has four digits.
    So it is told that the bias is corrected, and given a rate and an epsilon that are
    corrected already, in float64 and once for all variables.

    Args: as ``keras.optimizers.Adam``; the defaults are CC-FPSE's for the generator.
        restart_at: after so many steps, if not 0, it forgets its moments and counts
            anew for the bias correction, as a new one would; learning rates go on.

    Raises:
        ValueError: with ``amsgrad``, which the method does not use.
    """

    def __init__(
        self,
        learning_rate=1e-4,
        beta_1=0.0,
        beta_2=0.9,
        epsilon=1e-8,
        restart_at=0,
        **kwargs,
    ):
        if kwargs.get("amsgrad"):
            raise ValueError("amsgrad is not supported: use keras.optimizers.Adam")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **kwargs)
        self.restart_at = restart_at

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        dtypes = {tf.as_dtype(variable.dtype) for variable in trainable_variables}
        scalars = {
            dtype.name: self._scalars(dtype, learning_rate)
            for dtype in sorted(dtypes, key=lambda dtype: dtype.name)
        }
        if self.restart_at:
            scalars["restarts"] = tf.equal(self.iterations, self.restart_at)
        super()._backend_update_step(grads, trainable_variables, scalars)

    def _scalars(self, dtype, learning_rate):
        """Returns the numbers that the kernel takes for all variables of a dtype."""
        # The kernel takes 1 - beta from the rounded beta; corrected by the same one,
        # the estimates are weighted means to all digits.
        beta_1, beta_2 = (
            float(np.asarray(beta, dtype.as_numpy_dtype))
            for beta in (self.beta_1, self.beta_2)
        )
        step = tf.convert_to_tensor(self.iterations) + 1
        if self.restart_at:
            step -= tf.cast(step > self.restart_at, step.dtype) * self.restart_at
        step = tf.cast(step, tf.float64)
        correction_1 = 1 - tf.constant(beta_1, tf.float64) ** step
        correction_2 = tf.sqrt(1 - tf.constant(beta_2, tf.float64) ** step)
        rate = tf.cast(learning_rate, tf.float64) / correction_1 * correction_2
        scalars = {
            "lr": rate,
            "epsilon": self.epsilon * correction_2,
            "beta1": beta_1,
            "beta2": beta_2,
            "beta1_power": 0.0,
            "beta2_power": 0.0,
        }
        return {
            name: tf.cast(tf.convert_to_tensor(value, tf.float64), dtype)
            for name, value in scalars.items()
        }

    def update_step(self, gradient, variable, scalars):
        """Updates one variable and its two moments in place.

        Args:
            gradient: of the variable's shape; slices (of a lookup) are made dense, as
                moments decay also where there is no gradient.
            variable: the ``tf.Variable``.
            scalars: rate, epsilon and betas by name of the variable's dtype; whether
                it ``restarts`` at this step, where it ever does.
        """
        index = self._get_variable_index(variable)
        moments = self._momentums[index].value, self._velocities[index].value
        if self.restart_at:
            tf.cond(scalars["restarts"], lambda: _forget(moments), lambda: None)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=moments[0].handle,
            v=moments[1].handle,
            grad=tf.cast(tf.convert_to_tensor(gradient), variable.dtype),
            **scalars[variable.dtype.name],
        )

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"restart_at": self.restart_at}


def _forget(moments):
    for moment in moments:
        moment.assign(tf.zeros_like(moment))


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class TensorFlowAdam(Adam):
    """Adam with epsilon where TensorFlow 1 and Keras have it.

    ``w -= lr * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)``. Keras's
    own class corrects the bias by a beta that was rounded to float32, and averages by
    one that was not, so its steps are smaller by six millionths at ``beta_2 = 0.999``.

    The arguments are those of ``keras.optimizers.Adam``, the defaults those of cascaded
    refinement networks (Chen and Koltun 2017).
    """

    def __init__(
        self, learning_rate=1e-4, beta_1=0.9, beta_2=0.999, epsilon=1e-8, **kwargs
    ):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **kwargs)

    def _scalars(self, dtype, learning_rate):
        epsilon = tf.constant(self.epsilon, dtype)
        return super()._scalars(dtype, learning_rate) | {"epsilon": epsilon}


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class SkipNonFinite(keras.optimizers.LossScaleOptimizer):
    """Leaves a step out, on all replicas, whose gradients are not finite on any.

    Neither weights nor moments nor the count of ``iterations`` then change. Keras's
    loss scaling does this by itself, but checks the first replica's gradients only,
    before they are added up: an overflow on another one would reach all weights.

    Args: as ``keras.optimizers.LossScaleOptimizer``; the scale is 1 here.

    Attributes:
        skipped: the number of steps left out since the process began.
    """

    def build(self, variables):
        """Creates the inner optimiser's slots and the counter."""
        super().build(variables)
        self.skipped = self.add_variable(
            shape=(),
            dtype="int64",
            initializer="zeros",
            aggregation="none",
            name="skipped",
        )

    def check_finite(self, grads):
        """Returns, equally on all replicas, if the gradients of all are finite.

        A gradient above 1e19, whose square float32 does not hold, counts as infinite.
        """
        # Every number is read once and nothing is written, unlike with isfinite.
        dense = [tf.convert_to_tensor(g) for g in grads if g is not None]
        length = tf.add_n([tf.nn.l2_loss(g) for g in dense])
        bad = tf.cast(tf.logical_not(tf.math.is_finite(length)), tf.float32)
        replica = tf.distribute.get_replica_context()
        if replica is not None and replica.num_replicas_in_sync > 1:
            bad = replica.all_reduce(tf.distribute.ReduceOp.SUM, bad)
        return tf.equal(bad, 0)

    def scale_loss(self, loss):
        """Returns ``loss``."""
        return loss

    def _stateful_handle_finite_grads(self, grads, trainable_variables):
        self.inner_optimizer.apply(grads, trainable_variables)

    def _stateful_handle_non_finite_grads(self):
        self.skipped.assign_add(1)


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class LossScaleOptimizer(SkipNonFinite):
    """As :class:`SkipNonFinite`, with a loss scale for float16.

    The scale is halved when a step is left out, and doubled after
    ``dynamic_growth_steps`` good ones.

    Args: as ``keras.optimizers.LossScaleOptimizer``.
    """

    scale_loss = keras.optimizers.LossScaleOptimizer.scale_loss
    _stateful_handle_finite_grads = (
        keras.optimizers.LossScaleOptimizer._stateful_handle_finite_grads
    )

    def _stateful_handle_non_finite_grads(self):
        super()._stateful_handle_non_finite_grads()
        keras.optimizers.LossScaleOptimizer._stateful_handle_non_finite_grads(self)


def guarded(optimizer, scale_loss: bool) -> SkipNonFinite:
    """Returns an optimiser that leaves out steps that are not finite.

    Args:
        optimizer: a Keras optimiser, its name or its config. One with Keras's own loss
            scale gets ours in its place, as a second one around it would scale twice.
        scale_loss: whether it gets a loss scale.
    """
    optimizer = keras.optimizers.get(optimizer)
    if isinstance(optimizer, SkipNonFinite):
        return optimizer
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return LossScaleOptimizer(
            optimizer.inner_optimizer,
            optimizer.initial_scale,
            optimizer.dynamic_growth_steps,
            name=optimizer.name,
        )
    kind = LossScaleOptimizer if scale_loss else SkipNonFinite
    return kind(optimizer, name=optimizer.name)


def unwrapped(optimizer):
    """Returns the optimiser itself, without the wrappers around it."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def loss_scales(optimizer) -> dict[str, keras.Variable]:
    """Returns the variables of an optimiser's loss scale, none if it has no scale."""
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if not scaled or type(optimizer) is SkipNonFinite:
        return {}
    return {
        name: getattr(optimizer, name) for name in ("dynamic_scale", "step_counter")
    }
