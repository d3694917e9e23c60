"""Batch and instance normalisation with the reference's statistics."""

import keras
import tensorflow as tf

from ccfpse_tf.layers.compiled import custom_gradient

FIRST = "only_first_replica"  # after synchronisation all replicas hold the same value


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class BatchNormalization(keras.layers.Layer):
    """Batch normalisation over all replicas (Ioffe & Szegedy 2015).

    Differs from ``keras.layers.BatchNormalization(synchronized=True)`` in two ways
    that the reference's numbers need: the running variance takes the unbiased estimate
    ``n / (n - 1)``, and the variance is accumulated around the global mean instead of
    as ``E[x^2] - E[x]^2``, which loses digits. Statistics are kept in the variable
    dtype (float32 under mixed precision).

    Args:
        affine: whether to learn scale (starts at 1) and offset (0). SPADE's has none.
        momentum: weight of the old running value, 0.9 (PyTorch calls this 0.1).
        epsilon: added to the variance.

    Call shape: ``(batch, height, width, channels)`` to the same.
    """

    def __init__(self, affine=True, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.affine = affine
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape):
        """Creates running statistics and, if ``affine``, scale and offset."""
        shape = (input_shape[-1],)
        if self.affine:
            self.gamma = self.add_weight(
                shape=shape, initializer="ones", autocast=False, name="gamma"
            )
            self.beta = self.add_weight(
                shape=shape, initializer="zeros", autocast=False, name="beta"
            )
        running = {"shape": shape, "trainable": False, "autocast": False}
        self.moving_mean = self.add_weight(
            initializer="zeros", aggregation=FIRST, name="moving_mean", **running
        )
        self.moving_variance = self.add_weight(
            initializer="ones", aggregation=FIRST, name="moving_variance", **running
        )

    def call(self, x, training=None):
        """Returns ``x`` normalised, in the dtype of ``x``."""
        dtype = x.dtype
        x = tf.cast(x, self.variable_dtype)
        gamma, beta = self._scale_and_offset(x)
        if training:
            y, mean, variance, count = _normalize_batch(x, gamma, beta, self.epsilon)
            self._update(mean, variance, count)
        else:
            scale = tf.math.rsqrt(self.moving_variance + self.epsilon)
            y = (x - self.moving_mean) * (scale * gamma) + beta
        return tf.cast(y, dtype)

    def _scale_and_offset(self, x):
        if self.affine:
            return tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        return tf.ones(x.shape[-1:], x.dtype), tf.zeros(x.shape[-1:], x.dtype)

    def _update(self, mean, variance, count):
        unbiased = variance * (count / tf.maximum(count - 1, 1))
        for running, new in (
            (self.moving_mean, mean),
            (self.moving_variance, unbiased),
        ):
            old = tf.convert_to_tensor(running)
            mixed = self.momentum * old + (1 - self.momentum) * new
            # A step that overflows is left out by the optimisers; one value would
            # stay here for ever.
            running.assign(tf.where(tf.math.is_finite(mixed), mixed, old))

    def compute_output_shape(self, input_shape):
        """The input's shape."""
        return input_shape

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "affine": self.affine,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }


def _normalize_batch(x, gamma, beta, epsilon):
    """Normalises by the global batch's statistics, with its gradient written out.

    Returns the result, and mean, biased variance ``(channels,)`` and pixel count.
    """

    @tf.custom_gradient
    def normalize(x, gamma, beta):
        mean, variance, count = _moments_over_replicas(x)
        scale = tf.math.rsqrt(variance + epsilon)
        normalized = (x - mean) * scale

        def gradient(dy, *_):
            dbeta = _channel_sum(dy)
            dgamma = _channel_sum(dy * normalized)
            # Every replica's output depends on every replica's input.
            mean_dy, mean_product = tf.unstack(
                _add_over_replicas(tf.stack([dbeta, dgamma])) / count
            )
            dx = (gamma * scale) * (dy - mean_dy - normalized * mean_product)
            return dx, dgamma, dbeta

        return (normalized * gamma + beta, mean, variance, count), gradient

    return normalize(x, gamma, beta)


def _moments_over_replicas(x):
    """Mean, biased variance ``(channels,)`` and pixel count over the global batch."""
    # Replicas may hold different numbers of samples, so sums are added, not means.
    count = tf.cast(tf.reduce_prod(tf.shape(x)[:3]), x.dtype)
    total = _add_over_replicas(tf.concat([_channel_sum(x), count[None]], 0))
    count = total[-1]
    mean = total[:-1] / count
    variance = _add_over_replicas(_channel_sum(tf.square(x - mean))) / count
    return mean, variance, count


def _channel_sum(x):
    """Sum over ``(batch, height, width)``, one axis after the other.

    Three short sums round off far less than one over all pixels: with the long one,
    float32 training drifts from the reference (which adds in float64) fifty times as
    fast.
    """
    return tf.reduce_sum(tf.reduce_sum(tf.reduce_sum(x, 2), 1), 0)


def _add_over_replicas(value):
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return value
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, value)


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class InstanceNormalization(keras.layers.Layer):
    """Per image and channel zero mean, unit variance (Ulyanov et al. 2016), no affine.

    The same in training and evaluation. Biased variance, in float32 at least.

    Args:
        epsilon: added to the variance.

    Call shape: ``(batch, height, width, channels)`` to the same.

    Raises:
        ValueError: at 1x1 pixels, where every value would become 0.
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, x):
        """Returns ``x`` normalised, in the dtype of ``x``."""
        if x.shape[1:3] == (1, 1):
            raise ValueError(
                f"{self.name}: instance normalisation of a 1x1 feature map is always "
                "0; use larger images (the discriminator needs more than 32 pixels)"
            )
        dtype = x.dtype
        x = tf.cast(x, self.variable_dtype)
        return tf.cast(_normalize_instances(x, self.epsilon), dtype)

    def compute_output_shape(self, input_shape):
        """The input's shape."""
        return input_shape

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"epsilon": self.epsilon}


def _normalize_instances(x, epsilon):
    @custom_gradient
    def normalize(x):
        centered = x - _spatial_mean(x)
        scale = tf.math.rsqrt(_spatial_mean(tf.square(centered)) + epsilon)
        y = centered * scale

        def gradient(dy):
            return scale * (dy - _spatial_mean(dy) - y * _spatial_mean(dy * y))

        return y, gradient

    return normalize(x)


def _spatial_mean(x):
    # One axis after the other, for the digits: see _channel_sum.
    return tf.reduce_mean(tf.reduce_mean(x, 2, keepdims=True), 1, keepdims=True)
