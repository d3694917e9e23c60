"""Normalisation that the layout modulates."""

import keras
import tensorflow as tf

from ccfpse_tf.layers.normalization import BatchNormalization
from ccfpse_tf.layers.plain_convolution import plain_convolution, weights_of
from ccfpse_tf.ops import activations
from ccfpse_tf.ops.layout_features import apply_to_features
from ccfpse_tf.ops.striped_convolution import apply_to_convolution


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

    def call(
        self, x, layout, training=None, again=False, upsample=False, activate=False
    ):
        """Returns the modulated features.

        Args:
            x: ``(batch, height, width, channels)``.
            layout: of the result's size.
            training: whether to normalise by the batch's statistics, and note them.
            again: whether what comes from the layout is made again for the gradient
                instead of being kept.
            upsample: whether ``x`` is brought to twice its size first (nearest).
            activate: whether leaky ReLU follows.
        """
        x = self.norm(x, training=training, upsample=upsample)
        weights = *weights_of(self.gamma), *weights_of(self.beta)
        shared = weights_of(self.shared)
        modulate = modulate_and_activate if activate else _modulate
        return modulate(layout, *shared, x, *weights, again=again)

    def compute_output_shape(self, x_shape, layout_shape):
        """The shape of ``x``."""
        return x_shape

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"hidden": self.hidden}


def _modulate(*tensors, again):
    return apply_to_features(_by(_modulated), *tensors, again=again)


def modulate_and_activate(*tensors, again):
    """Leaky ReLU of the modulated features; :meth:`SPADE.call` has the arguments."""
    return apply_to_features(_by(_activated), *tensors, again=again)


def _by(function):
    def modulate(hidden, x, *weights):
        pairs = zip(weights[:2], weights[2:], strict=True)
        kernel, bias = (tf.concat(pair, -1) for pair in pairs)
        return apply_to_convolution(function, hidden, kernel, bias, x)

    return modulate


def _modulated(gamma_and_beta, x):
    gamma, beta = tf.split(gamma_and_beta, 2, -1)
    return x * (1 + gamma) + beta


def _activated(gamma_and_beta, x):
    return activations.leaky_relu(_modulated(gamma_and_beta, x))
