"""What the layout predicts for every pixel: kernels, or attention."""

import keras

from ccfpse_tf.layers.plain_convolution import plain_convolution, weights_of
from ccfpse_tf.ops.convolution import convolution
from ccfpse_tf.ops.layout_features import layout_features


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
        hidden = layout_features(layout, *weights_of(self.shared))
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
