"""The generator's block: two conditional convolutions steered by the layout."""

import keras
import tensorflow as tf

from ccfpse_tf.layers.layout_block import LayoutBlock
from ccfpse_tf.layers.layout_predictor import LayoutPredictor
from ccfpse_tf.layers.normalization import BatchNormalization
from ccfpse_tf.layers.plain_convolution import plain_convolution, weights_of
from ccfpse_tf.layers.spade import SPADE
from ccfpse_tf.layers.spectral_convolution import SpectralConv2D
from ccfpse_tf.ops import activations
from ccfpse_tf.ops.layout import resize_layout
from ccfpse_tf.ops.layout_features import apply_to_features
from ccfpse_tf.ops.predicted_convolution import predicted_convolution
from ccfpse_tf.ops.recomputation import wait_for
from ccfpse_tf.ops.resizing import spatial_size, upsample_nearest
from ccfpse_tf.ops.striped_convolution import (
    apply_to_convolution,
    pointwise_convolution,
)


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class ConditionalBlock(LayoutBlock):
    """CC block (section 3.2, figure 2): kernels and attention come from the layout.

    Twice: ``BN -> conditional convolution -> conv1x1 -> * attention -> leaky ReLU``,
    added to the input, or to a spectrally normalised ``conv1x1(SPADE(x))`` where the
    number of channels changes. Nothing follows the sum.

    Args:
        filters: channels of the output.
        hidden: width of every predictor (128 in the paper).
        recompute_kernels: whether training makes the predicted kernels, by far the
            largest tensors, and what else comes from the layout alone, a second time
            for the gradient instead of keeping them. Inference makes them part by part
            in any case, see
            :func:`ccfpse_tf.ops.predicted_convolution.predicted_convolution`.
        upsample: whether the input is brought to twice its size first (nearest).

    Call shapes: ``x (batch, height, width, channels)`` and ``layout``, a
    :class:`Layout` or ``(batch, H, W, layout channels)``, resized here (nearest) if
    larger, to ``(batch, height, width, filters)``, or twice that height and width.
    """

    def __init__(
        self, filters, hidden=128, recompute_kernels=True, upsample=False, **kwargs
    ):
        super().__init__(filters, hidden, upsample, **kwargs)
        self.recompute_kernels = recompute_kernels

    def build(self, x_shape, layout_shape):
        """Creates predictors, norms, convolutions and, if needed, the shortcut."""
        channels, filters = x_shape[-1], self.filters
        middle = min(channels, filters)
        dtype = self.dtype_policy

        def predictor(width, activation=None):
            layer = LayoutPredictor(width, self.hidden, activation, dtype=dtype)
            layer.build((*x_shape[:-1], layout_shape[-1]))
            return layer

        def built(layer, width):
            layer.build((*x_shape[:-1], width))
            return layer

        self.first_kernels = predictor(9 * channels)
        self.second_kernels = predictor(9 * middle)
        self.first_attention = predictor(middle, "sigmoid")
        self.second_attention = predictor(filters, "sigmoid")
        self.first_norm = built(BatchNormalization(dtype=dtype), channels)
        self.second_norm = built(BatchNormalization(dtype=dtype), middle)
        self.first_pointwise = built(
            plain_convolution(middle, 1, dtype=dtype), channels
        )
        self.second_pointwise = built(
            plain_convolution(filters, 1, dtype=dtype), middle
        )
        self.shortcut_norm = self.shortcut_pointwise = None
        if channels != filters:
            self.shortcut_norm = SPADE(self.hidden, dtype=dtype)
            self.shortcut_norm.build(x_shape, (*x_shape[:-1], layout_shape[-1]))
            self.shortcut_pointwise = built(
                SpectralConv2D(filters, 1, dtype=dtype), channels
            )

    def call(self, x, layout, training=None):
        """Returns the block's features."""
        upsample, recompute = self.upsample, self.recompute_kernels or not training

        h = self.first_norm(x, training=training, upsample=upsample)
        layout = resize_layout(layout, spatial_size(h))
        h = convolved(h, layout, self.first_kernels, recompute)
        h = attended(h, layout, self.first_pointwise, self.first_attention, recompute)

        h = self.second_norm(h, training=training)
        h = convolved(h, layout, self.second_kernels, recompute)
        h = attended(h, layout, self.second_pointwise, self.second_attention, recompute)

        [x] = wait_for([h], x)  # else both branches would be held at once
        if self.shortcut_norm is None:
            return (upsample_nearest(x) if upsample else x) + h
        options = {"training": training, "again": recompute, "upsample": upsample}
        x = self.shortcut_norm(x, layout, **options)
        return self.shortcut_pointwise(x, training=training) + h

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"recompute_kernels": self.recompute_kernels}


def convolved(x, layout, predictor, recompute):
    """Conditional convolution of ``x`` by the kernels predicted from the layout."""

    def convolve(hidden, x, kernel, bias):
        return predicted_convolution(x, hidden, kernel, bias, recompute)

    weights = weights_of(predictor.output_convolution)
    shared = weights_of(predictor.shared)
    return apply_to_features(convolve, layout, *shared, x, *weights, again=recompute)


def attended(x, layout, pointwise, attention, recompute):
    """``leaky ReLU(conv1x1(x) * attention)``, attention predicted from the layout."""

    def activate(hidden, x, kernel, bias, *weights):
        return apply_to_convolution(_activated, hidden, kernel, bias, x, *weights)

    weights = *weights_of(attention.output_convolution), *weights_of(pointwise)
    shared = weights_of(attention.shared)
    return apply_to_features(activate, layout, *shared, x, *weights, again=recompute)


def _activated(attention, x, kernel, bias):
    x = pointwise_convolution(x, kernel) + bias
    return activations.leaky_relu(x * tf.sigmoid(attention))
