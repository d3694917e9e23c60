"""The residual block of SPADE's generator."""

import keras

from ccfpse_tf.layers.layout_block import LayoutBlock
from ccfpse_tf.layers.spade import SPADE
from ccfpse_tf.layers.spectral_convolution import SpectralConv2D
from ccfpse_tf.ops.layout import resize_layout
from ccfpse_tf.ops.recomputation import wait_for
from ccfpse_tf.ops.resizing import spatial_size, upsample_nearest


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class SpadeBlock(LayoutBlock):
    """SPADE ResBlk (Park et al. 2019, figure 4): the layout modulates the features.

    Twice: ``SPADE -> leaky ReLU -> conv3x3``, spectrally normalised and with bias,
    added to the input, or to a bias-free, spectrally normalised ``conv1x1(SPADE(x))``
    where the number of channels changes. Nothing follows the sum.

    Args:
        filters: channels of the output.
        hidden: channels inside the modulations (128 in the paper).
        recompute: whether training makes what comes from the layout alone a second time
            for the gradient instead of keeping it.
        upsample: whether the input is brought to twice its size first (nearest).

    Call shapes: ``x (batch, height, width, channels)`` and ``layout``, a
    :class:`Layout` or ``(batch, H, W, layout channels)``, resized here (nearest) if
    larger, to ``(batch, height, width, filters)``, or twice that height and width.
    """

    def __init__(self, filters, hidden=128, recompute=True, upsample=False, **kwargs):
        super().__init__(filters, hidden, upsample, **kwargs)
        self.recompute = recompute

    def build(self, x_shape, layout_shape):
        """Creates modulations, convolutions and, if needed, the shortcut."""
        channels, filters = x_shape[-1], self.filters
        middle = min(channels, filters)

        def modulation(width):
            layer = SPADE(self.hidden, dtype=self.dtype_policy)
            size = x_shape[:-1]
            layer.build((*size, width), (*size, layout_shape[-1]))
            return layer

        def convolution(width, filters, kernel_size, use_bias):
            layer = SpectralConv2D(
                filters, kernel_size, use_bias=use_bias, dtype=self.dtype_policy
            )
            layer.build((*x_shape[:-1], width))
            return layer

        self.first_norm = modulation(channels)
        self.first_convolution = convolution(channels, middle, 3, True)
        self.second_norm = modulation(middle)
        self.second_convolution = convolution(middle, filters, 3, True)
        self.shortcut_norm = self.shortcut_pointwise = None
        if channels != filters:
            self.shortcut_norm = modulation(channels)
            self.shortcut_pointwise = convolution(channels, filters, 1, False)

    def call(self, x, layout, training=None):
        """Returns the block's features."""
        upsample, again = self.upsample, self.recompute or not training
        factor = 2 if upsample else 1
        layout = resize_layout(layout, [factor * n for n in spatial_size(x)])
        options = {"training": training, "again": again}

        h = self.first_norm(x, layout, upsample=upsample, activate=True, **options)
        h = self.first_convolution(h, training=training)
        h = self.second_norm(h, layout, activate=True, **options)
        h = self.second_convolution(h, training=training)

        [x] = wait_for([h], x)  # else both branches would be held at once
        if self.shortcut_norm is None:
            return (upsample_nearest(x) if upsample else x) + h
        x = self.shortcut_norm(x, layout, upsample=upsample, **options)
        return self.shortcut_pointwise(x, training=training) + h

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"recompute": self.recompute}
