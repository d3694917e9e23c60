"""The generator's block: two conditional convolutions steered by the layout."""

import itertools

import keras
import tensorflow as tf

from ccfpse_tf.layers import activations
from ccfpse_tf.layers.batch_statistics import normalizations
from ccfpse_tf.layers.convolution import convolution, uses_winograd
from ccfpse_tf.layers.initializers import xavier_normal
from ccfpse_tf.layers.layout import resize_layout
from ccfpse_tf.layers.layout_features import (
    is_large,
    layout_features,
    one_by_one,
    together,
)
from ccfpse_tf.layers.normalization import BatchNormalization
from ccfpse_tf.layers.predicted_convolution import predicted_convolution
from ccfpse_tf.layers.recomputing import in_turn
from ccfpse_tf.layers.resizing import spatial_size, upsample_nearest
from ccfpse_tf.layers.scaling import scaled
from ccfpse_tf.layers.spectral_convolution import SpectralConv2D
from ccfpse_tf.layers.striped import pointwise_convolution, striped


def plain_convolution(filters, kernel_size, **kwargs) -> keras.layers.Conv2D:
    """A biased convolution, zero padded, with the reference's initial values."""
    kwargs = {"padding": "same", "kernel_initializer": xavier_normal()} | kwargs
    return keras.layers.Conv2D(filters, kernel_size, **kwargs)


def weights_of(layer: keras.layers.Conv2D) -> tuple[tf.Tensor, tf.Tensor]:
    """Kernel and bias, in the compute dtype of the layer that is being called."""
    return tf.convert_to_tensor(layer.kernel), tf.convert_to_tensor(layer.bias)


# What a predictor's features are used for. Maps are upsampled and normalised in here,
# as what is used here is made again for the gradient.


def _convolve(hidden, x, mean, factor, offset, *weights, recompute, upsample):
    coefficients = mean, factor, offset
    return predicted_convolution(x, hidden, *weights, recompute, coefficients, upsample)


def _activate(hidden, x, kernel, bias, *pointwise):
    return _apply(_activated, hidden, kernel, bias, x, *pointwise)


def _modulate(hidden, x, mean, factor, offset, *weights, upsample):
    x = upsample_nearest(x) if upsample else x
    pairs = zip(weights[:2], weights[2:4], strict=True)
    kernel, bias = (tf.concat(pair, -1) for pair in pairs)
    others = (mean, factor, offset, *weights[4:])
    return _apply(_modulated, hidden, kernel, bias, x, *others)


def _apply(function, hidden, kernel, bias, *others):
    """``function(conv3x3(hidden), *others)``, by strips where they are used."""
    if uses_winograd(hidden, kernel.shape[-1]):
        return striped(function, hidden, kernel, bias, *others)
    return function(convolution(hidden, kernel, bias), *others)


def _activated(attention, x, pointwise_kernel, pointwise_bias):
    x = pointwise_convolution(x, pointwise_kernel) + pointwise_bias
    return activations.leaky_relu(x * tf.sigmoid(attention))


def _modulated(gamma_and_beta, x, mean, factor, offset, *pointwise_kernels):
    gamma, beta = tf.split(gamma_and_beta, 2, -1)
    y = scaled(x, mean, factor, offset) * (1 + gamma) + beta
    for kernel in pointwise_kernels:
        y = pointwise_convolution(y, kernel)
    return y


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class LayoutPredictor(keras.layers.Layer):
    """``conv3x3(hidden) -> ReLU -> conv3x3(filters)`` on the layout.

    Args:
        filters: channels predicted for every pixel.
        hidden: channels in between (128 in the paper).
        activation: applied to the prediction, ``"sigmoid"`` for attention.

    Call shape: ``(batch, height, width, layout channels)``, dense or a
    :class:`Layout`, to ``(batch, height, width, filters)``.
    """

    def __init__(self, filters, hidden=128, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.hidden = hidden
        self.activation = activation
        dtype = self.dtype_policy
        self.shared = plain_convolution(hidden, 3, activation="relu", dtype=dtype)
        self.output_convolution = plain_convolution(filters, 3, dtype=dtype)

    def build(self, layout_shape):
        """Builds both convolutions."""
        self.shared.build(layout_shape)
        self.output_convolution.build((*layout_shape[:-1], self.hidden))

    def call(self, layout):
        """Returns the prediction for every pixel."""
        [hidden] = layout_features(layout, weights_of(self.shared))
        y = convolution(hidden, *weights_of(self.output_convolution))
        return keras.activations.get(self.activation)(y)

    def compute_output_shape(self, layout_shape):
        """``(*layout_shape[:-1], filters)``."""
        return (*layout_shape[:-1], self.filters)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "filters": self.filters,
            "hidden": self.hidden,
            "activation": self.activation,
        }


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
                :func:`ccfpse_tf.layers.batch_statistics.normalizations`.
            read: one of :func:`ccfpse_tf.layers.layout_features.together` or
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


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class ConditionalBlock(keras.layers.Layer):
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
            :func:`ccfpse_tf.layers.predicted_convolution.predicted_convolution`.
        upsample: whether the input is brought to twice its size first (nearest). Then
            only the small map is kept for the gradient, if kernels are not.

    Call shapes: ``x (batch, height, width, channels)`` and ``layout``, a
    :class:`Layout` or ``(batch, H, W, layout channels)``, resized here (nearest) if
    larger, to ``(batch, height, width, filters)``, or twice that height and width.
    """

    def __init__(
        self, filters, hidden=128, recompute_kernels=True, upsample=False, **kwargs
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.hidden = hidden
        self.recompute_kernels = recompute_kernels
        self.upsample = upsample

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
        upsample, times = self.upsample, 2 if self.upsample else 1
        size = tuple(times * n for n in spatial_size(x))
        layout = resize_layout(layout, size)
        recompute = self.recompute_kernels or not training
        again = recompute and is_large(*size)
        read = one_by_one if again else together
        readers = [
            self.first_kernels,
            self.first_attention,
            self.second_kernels,
            self.second_attention,
        ]
        if self.shortcut_norm is not None:
            readers.append(self.shortcut_norm)
        reads = read(layout, [weights_of(reader.shared) for reader in readers])

        def half(h, coefficients, kernels, attention, pointwise, upsample=False):
            h = next(reads)(
                _convolve,
                h,
                *coefficients,
                *weights_of(kernels.output_convolution),
                recompute=recompute,
                upsample=upsample,
            )
            weights = map(weights_of, (attention.output_convolution, pointwise))
            return next(reads)(_activate, h, *itertools.chain(*weights))

        norms = [self.first_norm]
        if self.shortcut_norm is not None:
            norms.append(self.shortcut_norm.norm)
        x, (first, *shortcut) = normalizations(norms, x, training, times**2)
        if upsample and not again:
            x, upsample = upsample_nearest(x), False
        h = half(
            x,
            first,
            self.first_kernels,
            self.first_attention,
            self.first_pointwise,
            upsample,
        )
        h, [second] = normalizations([self.second_norm], h, training)
        h = half(
            h, second, self.second_kernels, self.second_attention, self.second_pointwise
        )
        for coefficients in shortcut:
            h, x = in_turn(h, x)
            kernel = self.shortcut_pointwise.normalized_kernel(training)
            x = self.shortcut_norm.modulate(
                x, coefficients, next(reads), kernel, upsample=upsample
            )
            upsample = False
        return (upsample_nearest(x) if upsample else x) + h

    def compute_output_shape(self, x_shape, layout_shape):
        """``(batch, height, width, filters)``, twice as large if ``upsample``."""
        batch, *size, _ = x_shape
        if self.upsample:
            size = [None if n is None else 2 * n for n in size]
        return (batch, *size, self.filters)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "filters": self.filters,
            "hidden": self.hidden,
            "recompute_kernels": self.recompute_kernels,
            "upsample": self.upsample,
        }
