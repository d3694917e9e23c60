"""The convolution of cascaded refinement networks."""

import keras
import tensorflow as tf

from ccfpse_tf.ops.layer_normalization import layer_normalization
from ccfpse_tf.ops.layout_convolution import layout_convolution
from ccfpse_tf.ops.precision import at_least_float32


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class LayerNormalizedConvolution(keras.layers.Layer):
    """Convolution 3x3, normalisation of the whole image, leaky ReLU.

    ``y = leaky_relu(gamma * (c - mean) / sqrt(variance + epsilon) + beta)`` with
    ``c = conv3x3(x)``, which has no bias and is zero padded. Mean and variance are over
    height, width and channels of one image, so all its pixels depend on each other
    (Chen and Koltun 2017). Statistics are in float32 at least.

    Args:
        filters: number of output channels.
        epsilon: added to the variance.

    Call shape: ``(batch, height, width, channels)``, or a :class:`Layout` whose classes
    and features make so many channels, to ``(batch, height, width, filters)``.
    """

    def __init__(self, filters, epsilon=1e-12, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.epsilon = epsilon

    def build(self, input_shape):
        """Creates the kernel ``(3, 3, in, out)``, and gamma and beta ``(out,)``."""
        self.kernel = self.add_weight(
            shape=(3, 3, input_shape[-1], self.filters),
            initializer="glorot_uniform",
            name="kernel",
        )
        vector = {"shape": (self.filters,), "autocast": False}
        self.gamma = self.add_weight(initializer="ones", name="gamma", **vector)
        self.beta = self.add_weight(initializer="zeros", name="beta", **vector)

    def call(self, x):
        """Returns the activated features."""
        no_bias = tf.zeros((self.filters,), self.compute_dtype)
        x = layout_convolution(x, tf.convert_to_tensor(self.kernel), no_bias)
        vectors = (tf.convert_to_tensor(v) for v in (self.gamma, self.beta))
        y = layer_normalization(
            at_least_float32(x), *vectors, epsilon=self.epsilon, activate=True
        )
        return tf.cast(y, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        """``(batch, height, width, filters)``."""
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "filters": self.filters,
            "epsilon": self.epsilon,
        }
