"""Convolution with a spectrally normalised kernel (Miyato et al. 2018)."""

import keras
import tensorflow as tf

from ccfpse_tf.layers.initializers import UnitVector, fan_in_uniform
from ccfpse_tf.layers.normalization import FIRST
from ccfpse_tf.ops.compilation import custom_gradient, traced_once
from ccfpse_tf.ops.layout_convolution import layout_convolutions


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class SpectralConv2D(keras.layers.Layer):
    """Bias-free convolution by ``kernel / sigma``, ``sigma = u^T M v``.

    ``M`` is the kernel as an ``(out, in * kh * kw)`` matrix. Every call in training
    mode does one power iteration, ``v = M^T u / |.|`` then ``u = M v / |.|``, and
    stores both; evaluation uses the stored vectors. Gradients flow through ``sigma``
    with ``u`` and ``v`` constant. ``keras.layers.SpectralNormalization`` instead
    overwrites the kernel in training, which is another algorithm.

    Args:
        filters: number of output channels.
        kernel_size: 1 or 3; 3 pads one zero on all four sides, at stride 2 as well.
        strides: 1 or 2.
        epsilon: lower bound of the norms that are divided by.

    Call shape: ``(batch, height, width, channels)``, at kernel size 3 and stride 1 a
    :class:`Layout` as well, to
    ``(batch, ceil(height / strides), ceil(width / strides), filters)``.
    """

    def __init__(self, filters, kernel_size, strides=1, epsilon=1e-12, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.epsilon = epsilon

    def build(self, input_shape):
        """Creates the kernel ``(kh, kw, in, out)`` and the two singular vectors."""
        k, channels = self.kernel_size, input_shape[-1]
        self.kernel = self.add_weight(
            shape=(k, k, channels, self.filters),
            initializer=fan_in_uniform(),
            autocast=False,
            name="kernel",
        )
        vector = {
            "initializer": UnitVector(),
            "trainable": False,
            "autocast": False,
            "aggregation": FIRST,
        }
        self.u = self.add_weight(shape=(self.filters,), name="u", **vector)
        # In the order of the kernel's own axes: (kh, kw, in).
        self.v = self.add_weight(shape=(k * k * channels,), name="v", **vector)

    def call(self, x, training=None):
        """Returns the convolution of ``x`` by the normalised kernel."""
        kernel = self.normalized_kernel(training)
        if self.kernel_size == 3 and self.strides == 1:
            no_bias = tf.zeros((self.filters,), self.compute_dtype)
            return layout_convolutions(x, [kernel], [no_bias])[0]
        pad = [self.kernel_size // 2] * 2
        return tf.nn.conv2d(x, kernel, self.strides, [[0, 0], pad, pad, [0, 0]])

    def normalized_kernel(self, training):
        """``kernel / sigma`` in the compute dtype; moves the vectors in training."""
        kernel = tf.convert_to_tensor(self.kernel)
        u, v = tf.convert_to_tensor(self.u), tf.convert_to_tensor(self.v)
        if training:
            u, v = _iterated(tf.stop_gradient(kernel), u, epsilon=self.epsilon)
            self.u.assign(u)
            self.v.assign(v)
        return tf.cast(_divided(kernel, u, v), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        """``(batch, ceil(height / strides), ceil(width / strides), filters)``."""
        batch, *size, _ = input_shape
        size = [None if n is None else -(-n // self.strides) for n in size]
        return (batch, *size, self.filters)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "epsilon": self.epsilon,
        }


def _matrix(kernel):
    """``M^T``: ``(kh, kw, in, out)`` to ``(kh * kw * in, out)``."""
    return tf.reshape(kernel, (-1, kernel.shape[-1]))


@traced_once
def _iterated(kernel, u, *, epsilon):
    """One power iteration: the new ``u (out,)`` and ``v (kh * kw * in,)``."""

    def normalize(vector):
        return vector / tf.maximum(tf.norm(vector), epsilon)

    matrix = _matrix(kernel)
    v = normalize(tf.linalg.matvec(matrix, u))
    return normalize(tf.linalg.matvec(matrix, v, transpose_a=True)), v


@custom_gradient
def _divided(kernel, u, v):
    """``kernel / sigma``, where ``u`` and ``v`` are constant."""

    def gradient(dy):
        return _divide_gradient(kernel, u, v, dy), None, None

    return _divide(kernel, u, v), gradient


@traced_once
def _divide(kernel, u, v):
    return kernel / _sigma(kernel, u, v)


@traced_once
def _divide_gradient(kernel, u, v, dy):
    sigma = _sigma(kernel, u, v)
    share = tf.reduce_sum(dy * kernel) / sigma
    outer = tf.reshape(v[:, None] * u, kernel.shape)
    return (dy - share * outer) / sigma


def _sigma(kernel, u, v):
    return tf.tensordot(v, tf.linalg.matvec(_matrix(kernel), u), 1)
