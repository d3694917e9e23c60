"""Adam with epsilon where PyTorch has it."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class Adam(keras.optimizers.Adam):
    """``w -= lr * m_hat / (sqrt(v_hat) + epsilon)`` (Kingma & Ba 2015, algorithm 1).

    Keras adds epsilon to the uncorrected ``sqrt(v)``, which at the first step with
    ``beta_2 = 0.9`` is as if it were 3.2 times as large; that is visible for gradients
    below 1e-6. Bias corrections are computed in float64: ``1 - 0.999`` has four digits
    in float32.

    Args: as ``keras.optimizers.Adam``; the defaults are CC-FPSE's for the generator.

    Raises:
        ValueError: with ``amsgrad``, which the method does not use.
    """

    def __init__(
        self, learning_rate=1e-4, beta_1=0.0, beta_2=0.9, epsilon=1e-8, **kwargs
    ):
        if kwargs.get("amsgrad"):
            raise ValueError("amsgrad is not supported: use keras.optimizers.Adam")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **kwargs)

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable and its two moments in place."""
        dtype = variable.dtype
        step = tf.cast(self.iterations + 1, tf.float64)
        correction_1 = 1 - tf.constant(self.beta_1, tf.float64) ** step
        correction_2 = tf.sqrt(1 - tf.constant(self.beta_2, tf.float64) ** step)
        rate = tf.cast(learning_rate, tf.float64) / correction_1
        rate, correction_2 = tf.cast(rate, dtype), tf.cast(correction_2, dtype)
        gradient = tf.cast(gradient, dtype)
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        self.assign(m, m * self.beta_1 + gradient * (1 - self.beta_1))
        self.assign(v, v * self.beta_2 + tf.square(gradient) * (1 - self.beta_2))
        denominator = tf.sqrt(v) / correction_2 + self.epsilon
        self.assign_sub(variable, rate * m / denominator)
