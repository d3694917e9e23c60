"""Convolution with a spectrally normalised kernel (Miyato et al. 2018)."""

import keras
import tensorflow as tf

from ccfpse_tf.layers.initializers import UnitVector, fan_in_uniform
from ccfpse_tf.layers.normalization import SAME_ON_ALL_REPLICAS
from ccfpse_tf.layers.plain_convolution import padded_convolution
from ccfpse_tf.ops.layout_convolution import layout_convolution
from ccfpse_tf.ops.spectral_normalization import (
    power_iteration,
    spectrally_normalized,
)


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class SpectralConv2D(keras.layers.Layer):
    """Convolution by ``kernel / sigma``, ``sigma = u^T M v``.

    ``M`` is the kernel as an ``(out, in * kh * kw)`` matrix. Every call in training
    mode does one power iteration, ``v = M^T u / |.|`` then ``u = M v / |.|``, and
    stores both; evaluation uses the stored vectors. Gradients flow through ``sigma``
    with ``u`` and ``v`` constant. ``keras.layers.SpectralNormalization`` instead
    overwrites the kernel in training, which is another algorithm.

    Args:
        filters: number of output channels.
        kernel_size: of both sides; half of it, rounded down, is padded with zeros on
            all four sides, at every stride.
        strides: in both directions.
        epsilon: lower bound of the norms that are divided by.
        use_bias: whether a bias is added, which starts at 0.

    Call shape: ``(batch, height, width, channels)``, at kernel size 3 and stride 1 a
    :class:`Layout` as well, to
    ``(batch, ceil(height / strides), ceil(width / strides), filters)``; kernels of even
    size make ``floor(height / strides) + 1`` rows, and columns likewise.
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        epsilon=1e-12,
        use_bias=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.epsilon = epsilon
        self.use_bias = use_bias

    def build(self, input_shape):
        """Creates the kernel ``(kh, kw, in, out)``, bias and singular vectors."""
        k, channels = self.kernel_size, input_shape[-1]
        self.kernel = self.add_weight(
            shape=(k, k, channels, self.filters),
            initializer=fan_in_uniform(),
            autocast=False,
            name="kernel",
        )
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.filters,), initializer="zeros", name="bias"
            )
        vector = {
            "initializer": UnitVector(),
            "trainable": False,
            "autocast": False,
            "aggregation": SAME_ON_ALL_REPLICAS,
        }
        self.u = self.add_weight(shape=(self.filters,), name="u", **vector)
        # In the order of the kernel's own axes: (kh, kw, in).
        self.v = self.add_weight(shape=(k * k * channels,), name="v", **vector)

    def call(self, x, training=None):
        """Returns the convolution of ``x`` by the normalised kernel."""
        kernel = self.normalized_kernel(training)
        if self.use_bias:
            bias = tf.convert_to_tensor(self.bias)
        else:
            bias = tf.zeros((self.filters,), self.compute_dtype)
        if self.kernel_size == 3 and self.strides == 1:
            return layout_convolution(x, kernel, bias)
        y = padded_convolution(x, kernel, self.strides)
        return tf.nn.bias_add(y, bias) if self.use_bias else y

    def normalized_kernel(self, training):
        """``kernel / sigma`` in the compute dtype; moves the vectors in training."""
        kernel = tf.convert_to_tensor(self.kernel)
        u, v = tf.convert_to_tensor(self.u), tf.convert_to_tensor(self.v)
        if training:
            u, v = power_iteration(tf.stop_gradient(kernel), u, epsilon=self.epsilon)
            self.u.assign(u)
            self.v.assign(v)
        return tf.cast(spectrally_normalized(kernel, u, v), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        """``(batch, height, width, filters)`` of the result."""
        batch, *size, _ = input_shape
        padded = 2 * (self.kernel_size // 2)
        size = [
            None if n is None else (n + padded - self.kernel_size) // self.strides + 1
            for n in size
        ]
        return (batch, *size, self.filters)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "epsilon": self.epsilon,
            "use_bias": self.use_bias,
        }
