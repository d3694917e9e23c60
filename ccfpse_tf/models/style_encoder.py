"""The style encoder, which maps an image to the distribution of its style code."""

import keras
import tensorflow as tf

from ccfpse_tf.layers.initializers import xavier_normal
from ccfpse_tf.layers.normalized_convolution import instance_normalized_convolution
from ccfpse_tf.ops.resizing import resize_bilinear

SIZE = (256, 256)  # of the images, as the flattened features need it


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class StyleEncoder(keras.Model):
    """Mean and log-variance of a style code (the encoder of SPADE's appendix A).

    Images of other sizes are resized to 256x256 first (bilinear, no antialiasing).

    Args:
        ngf: base width, the generator's.
        z_dim: length of the style code.

    Call shape: ``(batch, height, width, 3)`` in ``[-1, 1]`` to ``(mu, logvar)``, both
    ``(batch, z_dim)``.
    """

    def __init__(self, ngf=64, z_dim=256, **kwargs):
        super().__init__(**kwargs)
        self.ngf = ngf
        self.z_dim = z_dim
        dtype = self.dtype_policy
        self.widths = [ngf * n for n in (1, 2, 4, 8, 8, 8)]
        self.convolutions = [
            instance_normalized_convolution(width, 3, 2, dtype=dtype)
            for width in self.widths
        ]
        self.mean, self.log_variance = (
            keras.layers.Dense(z_dim, kernel_initializer=xavier_normal(), dtype=dtype)
            for _ in range(2)
        )

    def build(self, image_shape=None):
        """Builds all layers; the constructor's arguments tell all their shapes."""
        for layer, channels in zip(self.convolutions, (3, *self.widths), strict=False):
            layer.build((None, None, None, channels))
        pixels = (SIZE[0] // 2**6) * (SIZE[1] // 2**6)
        for dense in (self.mean, self.log_variance):
            dense.build((None, pixels * self.widths[-1]))
        self.built = True

    def call(self, image, training=None):
        """Returns ``(mu, logvar)`` in the variable dtype."""
        x = resize_bilinear(tf.cast(image, self.compute_dtype), SIZE)
        for layer in self.convolutions:
            x = layer(x, training=training)
        # The reference flattens (channel, row, column).
        x = tf.transpose(x, (0, 3, 1, 2))
        x = tf.reshape(x, (tf.shape(x)[0], self.mean.kernel.shape[0]))
        return tuple(
            tf.cast(dense(x), self.variable_dtype)
            for dense in (self.mean, self.log_variance)
        )

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"ngf": self.ngf, "z_dim": self.z_dim}


def sample_style(mu: tf.Tensor, logvar: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """``mu + noise * exp(logvar / 2)``: the reparametrisation trick, all ``(b, z)``."""
    return mu + noise * tf.exp(logvar / 2)
