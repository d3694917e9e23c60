"""The generator's block: two conditional convolutions steered by the layout."""

import keras

from ccfpse_tf.layers import activations
from ccfpse_tf.layers.conditional_convolution import ConditionalDepthwiseConvolution
from ccfpse_tf.layers.initializers import xavier_normal
from ccfpse_tf.layers.normalization import BatchNormalization
from ccfpse_tf.layers.resizing import resize_nearest, spatial_size
from ccfpse_tf.layers.spectral_convolution import SpectralConv2D


def plain_convolution(filters, kernel_size, **kwargs) -> keras.layers.Conv2D:
    """A biased convolution, zero padded, with the reference's initial values."""
    kwargs = {"padding": "same", "kernel_initializer": xavier_normal()} | kwargs
    return keras.layers.Conv2D(filters, kernel_size, **kwargs)


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class LayoutPredictor(keras.layers.Layer):
    """``conv3x3(hidden) -> ReLU -> conv3x3(filters)`` on the layout.

    Args:
        filters: channels predicted for every pixel.
        hidden: channels in between (128 in the paper).
        activation: applied to the prediction, ``"sigmoid"`` for attention.

    Call shape: ``(batch, height, width, layout channels)`` to
    ``(batch, height, width, filters)``.
    """

    def __init__(self, filters, hidden=128, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.hidden = hidden
        self.activation = activation
        dtype = self.dtype_policy
        self.shared = plain_convolution(hidden, 3, activation="relu", dtype=dtype)
        self.output_convolution = plain_convolution(
            filters, 3, activation=activation, dtype=dtype
        )

    def build(self, layout_shape):
        """Builds both convolutions."""
        self.shared.build(layout_shape)
        self.output_convolution.build((*layout_shape[:-1], self.hidden))

    def call(self, layout):
        """Returns the prediction for every pixel."""
        return self.output_convolution(self.shared(layout))

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

    Call shapes: ``x (batch, height, width, channels)`` and
    ``layout (batch, height, width, layout channels)`` to the shape of ``x``.
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
        for convolution in (self.gamma, self.beta):
            convolution.build((*layout_shape[:-1], self.hidden))

    def call(self, x, layout, training=None):
        """Returns the modulated features."""
        hidden = self.shared(layout)
        normalized = self.norm(x, training=training)
        return normalized * (1 + self.gamma(hidden)) + self.beta(hidden)

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

    Call shapes: ``x (batch, height, width, channels)`` and
    ``layout (batch, H, W, layout channels)``, resized here (nearest) if larger, to
    ``(batch, height, width, filters)``.
    """

    def __init__(self, filters, hidden=128, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.hidden = hidden

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
        self.conditional = ConditionalDepthwiseConvolution(dtype=dtype)
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
        layout = resize_nearest(layout, spatial_size(x))
        shortcut = x
        if self.shortcut_norm is not None:
            shortcut = self.shortcut_norm(x, layout, training=training)
            shortcut = self.shortcut_pointwise(shortcut, training=training)
        h = self.first_norm(x, training=training)
        h = self.conditional(h, self.first_kernels(layout))
        h = self.first_pointwise(h) * self.first_attention(layout)
        h = self.second_norm(activations.leaky_relu(h), training=training)
        h = self.conditional(h, self.second_kernels(layout))
        h = self.second_pointwise(h) * self.second_attention(layout)
        return shortcut + activations.leaky_relu(h)

    def compute_output_shape(self, x_shape, layout_shape):
        """``(*x_shape[:-1], filters)``."""
        return (*x_shape[:-1], self.filters)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"filters": self.filters, "hidden": self.hidden}
