"""Batch and instance normalisation with the reference's statistics."""

import math

import keras
import tensorflow as tf

from ccfpse_tf.ops import activations
from ccfpse_tf.ops.batch_statistics import normalizations
from ccfpse_tf.ops.compilation import custom_gradient, fused, traced_once
from ccfpse_tf.ops.resizing import spatial_size
from ccfpse_tf.ops.scaling import (
    scaled,
    short_sums,
    short_sums_of_map,
    short_sums_of_squares,
    total_of_instances,
)

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

    def call(self, x, training=None, activate=False):
        """Returns ``x`` normalised; leaky ReLU follows if ``activate``."""
        x, [coefficients] = normalizations([self], x, training)
        return scaled(x, *coefficients, activate=activate)

    def scale_and_offset(self):
        """Both ``(channels,)``; 1 and 0 where nothing is learned."""
        if self.affine:
            return tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        shape = self.moving_mean.shape
        return tf.ones(shape, self.variable_dtype), tf.zeros(shape, self.variable_dtype)

    def running_coefficients(self):
        """Mean, factor and offset of evaluation, for :func:`scaled`."""
        gamma, beta = self.scale_and_offset()
        scale = tf.math.rsqrt(self.moving_variance + self.epsilon)
        return tf.convert_to_tensor(self.moving_mean), scale * gamma, beta

    def update(self, mean, variance, count):
        """Moves the running statistics towards a batch's."""
        running = [self.moving_mean, self.moving_variance]
        moved = _moved(
            *map(tf.convert_to_tensor, (*running, mean, variance, count)),
            tf.convert_to_tensor(self.momentum, mean.dtype),
        )
        for variable, value in zip(running, moved, strict=True):
            variable.assign(value)

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


@traced_once
def _moved(mean, variance, new_mean, new_variance, count, momentum):
    """The running statistics, moved towards a batch's."""
    unbiased = new_variance * (count / tf.maximum(count - 1, 1))
    moved = []
    for old, new in ((mean, new_mean), (variance, unbiased)):
        mixed = momentum * old + (1 - momentum) * new
        # A step that overflows is left out by the optimisers; one value would
        # stay here for ever.
        moved.append(tf.where(tf.math.is_finite(mixed), mixed, old))
    return moved


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
        return tf.cast(_normalize_instances(x, self.epsilon, activate), dtype)

    def compute_output_shape(self, input_shape):
        """The input's shape."""
        return input_shape

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"epsilon": self.epsilon}


def _normalize_instances(x, epsilon, activate):
    @custom_gradient
    def normalize(x):
        y, scale = _instances(x, epsilon=epsilon, activate=activate)
        # The gradient from the result alone, which the next layer keeps in any case
        # (Rota Bulo et al. 2018, "In-place activated batchnorm").
        return y, lambda dy: _instances_gradient(y, dy, scale, activate=activate)

    return normalize(x)


@traced_once
def _instances(x, *, epsilon, activate):
    """The normalised map and ``(batch, 1, 1, channels)``, what it was scaled by."""
    pixels = _pixels(x)
    mean = total_of_instances(short_sums_of_map(x), x.dtype) / pixels
    squares = short_sums_of_squares(x, mean)
    variance = total_of_instances(squares, x.dtype) / pixels
    scale = tf.math.rsqrt(variance + epsilon)
    return _scale_instances(x, mean, scale, activate=activate), scale


@traced_once
def _instances_gradient(y, dy, scale, *, activate):
    sums = _instance_sums(y, dy, activate=activate)
    means = [total_of_instances(part, y.dtype) / _pixels(y) for part in sums]
    return _instance_gradient(y, dy, scale, *means, activate=activate)


def _pixels(x):
    return tf.cast(math.prod(spatial_size(x)), x.dtype)


@fused
def _scale_instances(x, mean, scale, *, activate):
    y = (x - mean) * scale
    return activations.leaky_relu(y) if activate else y


def _before_activation(y, dy, activate):
    """The normalised map and the gradient with respect to it."""
    if not activate:
        return y, dy
    positive, slope = y > 0, activations.SLOPE
    return tf.where(positive, y, y / slope), tf.where(positive, dy, slope * dy)


@fused
def _instance_sums(y, dy, *, activate):
    y, dy = _before_activation(y, dy, activate)
    return short_sums(dy), short_sums(dy * y)


@fused
def _instance_gradient(y, dy, scale, mean, product, *, activate):
    y, dy = _before_activation(y, dy, activate)
    return scale * (dy - mean - y * product)
