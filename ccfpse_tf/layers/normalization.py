"""Batch and instance normalisation with the reference's statistics."""

import keras
import tensorflow as tf

from ccfpse_tf.ops.batch_statistics import batch_normalization, running_statistics
from ccfpse_tf.ops.instance_normalization import instance_normalization
from ccfpse_tf.ops.resizing import upsample_nearest
from ccfpse_tf.ops.scaling import scaled

# How weights are read that hold the same values on all replicas once these have
# synchronised their statistics.
SAME_ON_ALL_REPLICAS = "only_first_replica"


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
        running = {
            "shape": shape,
            "trainable": False,
            "autocast": False,
            "aggregation": SAME_ON_ALL_REPLICAS,
        }
        self.moving_mean = self.add_weight(
            initializer="zeros", name="moving_mean", **running
        )
        self.moving_variance = self.add_weight(
            initializer="ones", name="moving_variance", **running
        )

    def call(self, x, training=None, activate=False, upsample=False):
        """Returns ``x`` normalised.

        Args:
            x: ``(batch, height, width, channels)``.
            training: whether to normalise by the batch's statistics, and note them.
            activate: whether leaky ReLU follows.
            upsample: whether it is then brought to twice its size (nearest). That is
                the same as normalising the larger map, of which every pixel is four.
        """
        gamma, beta = self._scale_and_offset()
        if training:
            y, moments = batch_normalization(x, gamma, beta, self.epsilon, activate)
            self._note(*moments, 4 if upsample else 1)
        else:
            factor = gamma * tf.math.rsqrt(self.moving_variance + self.epsilon)
            mean = tf.convert_to_tensor(self.moving_mean)
            y = scaled(x, mean, factor, beta, activate)
        return upsample_nearest(y) if upsample else y

    def _note(self, mean, variance, count, repeats):
        """Moves the running statistics towards a batch's."""
        running = [self.moving_mean, self.moving_variance]
        moved = running_statistics(
            *running, mean, variance, repeats * count, self.momentum
        )
        for variable, value in zip(running, moved, strict=True):
            variable.assign(value)

    def _scale_and_offset(self):
        """Both ``(channels,)``; 1 and 0 where nothing is learned."""
        if self.affine:
            return tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        shape = self.moving_mean.shape
        return tf.ones(shape, self.variable_dtype), tf.zeros(shape, self.variable_dtype)

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

    def call(self, x, activate=False):
        """Returns ``x`` normalised; leaky ReLU follows if ``activate``."""
        if x.shape[1:3] == (1, 1):
            raise ValueError(
                f"{self.name}: instance normalisation of a 1x1 feature map is always "
                "0; use larger images (the discriminator needs more than 32 pixels)"
            )
        dtype = x.dtype
        x = tf.cast(x, self.variable_dtype)
        return tf.cast(instance_normalization(x, self.epsilon, activate), dtype)

    def compute_output_shape(self, input_shape):
        """The input's shape."""
        return input_shape

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"epsilon": self.epsilon}
