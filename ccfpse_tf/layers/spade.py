"""Normalisation that the layout modulates."""

import itertools

import keras
import tensorflow as tf

from ccfpse_tf.layers.normalization import BatchNormalization
from ccfpse_tf.layers.plain_convolution import plain_convolution, weights_of
from ccfpse_tf.ops.batch_statistics import normalizations
from ccfpse_tf.ops.layout_features import together
from ccfpse_tf.ops.resizing import upsample_nearest
from ccfpse_tf.ops.scaling import scaled
from ccfpse_tf.ops.striped_convolution import of_convolution, pointwise_convolution


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class SPADE(keras.layers.Layer):
    """``BN(x) * (1 + gamma(layout)) + beta(layout)`` (Park et al. 2019, equation 1).

    Args:
        hidden: channels of the convolution that gamma and beta share.

    Call shapes: ``x (batch, height, width, channels)`` and ``layout``, a
    :class:`Layout` or ``(batch, height, width, layout channels)``, to the shape of
    ``x``.
    """

    def __init__(self, hidden=128, **kwargs):
        super().__init__(**kwargs)
        self.hidden = hidden
        self.norm = BatchNormalization(affine=False, dtype=self.dtype_policy)
        self.shared = plain_convolution(
            hidden, 3, activation="relu", dtype=self.dtype_policy
        )

    def build(self, x_shape, layout_shape):
        """Creates the gamma and beta convolutions for the channels of ``x``."""
        self.norm.build(x_shape)
        self.shared.build(layout_shape)
        self.gamma = plain_convolution(x_shape[-1], 3, dtype=self.dtype_policy)
        self.beta = plain_convolution(x_shape[-1], 3, dtype=self.dtype_policy)
        for modulation in (self.gamma, self.beta):
            modulation.build((*layout_shape[:-1], self.hidden))

    def call(self, x, layout, training=None):
        """Returns the modulated features."""
        [read] = together(layout, [weights_of(self.shared)])
        x, [coefficients] = normalizations([self.norm], x, training)
        return self.modulate(x, coefficients, read)

    def modulate(self, x, coefficients, read, *pointwise_kernels, upsample=False):
        """The second half, in the shape of ``x``.

        Args:
            x: ``(batch, height, width, channels)``.
            coefficients: of the norm, from
                :func:`ccfpse_tf.ops.batch_statistics.normalizations`.
            read: one of :func:`ccfpse_tf.ops.layout_features.together` or
                ``one_by_one``, for the weights of ``shared``.
            *pointwise_kernels: ``(1, 1, in, out)`` of convolutions that follow.
            upsample: whether ``x`` is brought to twice its size first.
        """
        weights = map(weights_of, (self.gamma, self.beta))
        return read(
            _modulate,
            x,
            *coefficients,
            *itertools.chain(*weights),
            *pointwise_kernels,
            upsample=upsample,
        )

    def compute_output_shape(self, x_shape, layout_shape):
        """The shape of ``x``."""
        return x_shape

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"hidden": self.hidden}


# The map is upsampled and normalised in here, as what is used here is made again for
# the gradient.
def _modulate(hidden, x, mean, factor, offset, *weights, upsample):
    x = upsample_nearest(x) if upsample else x
    pairs = zip(weights[:2], weights[2:4], strict=True)
    kernel, bias = (tf.concat(pair, -1) for pair in pairs)
    others = (mean, factor, offset, *weights[4:])
    return of_convolution(_modulated, hidden, kernel, bias, x, *others)


def _modulated(gamma_and_beta, x, mean, factor, offset, *pointwise_kernels):
    gamma, beta = tf.split(gamma_and_beta, 2, -1)
    y = scaled(x, mean, factor, offset) * (1 + gamma) + beta
    for kernel in pointwise_kernels:
        y = pointwise_convolution(y, kernel)
    return y
