"""The layout's feature pyramid: context for the predicted kernels (section 3.2)."""

import keras

from ccfpse_tf.layers.normalization import BatchNormalization
from ccfpse_tf.layers.normalized_convolution import NormalizedConvolution
from ccfpse_tf.layers.spectral_convolution import SpectralConv2D
from ccfpse_tf.ops.resizing import upsample_nearest


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class LayoutPyramid(keras.layers.Layer):
    """Bottom-up and top-down features of the layout, one map per resolution.

    Bottom-up: ``conv3x3`` at full size, then at stride 2, ``depth`` times. Top-down:
    the deepest feature as it is, then at each level nearest upsampling, plus a
    ``conv1x1`` lateral of the bottom-up feature of that size, then ``conv3x3``.

    Args:
        filters: channels of every map (``ngf``).
        depth: number of times that the resolution halves, 5 or 6.

    Call shape: ``(batch, height, width, semantic channels)``, both sizes multiples of
    ``2**depth``, to a list of ``depth + 1`` maps, coarsest first.
    """

    def __init__(self, filters, depth, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.depth = depth

        def convolution(kernel_size, strides=1):
            return NormalizedConvolution(
                SpectralConv2D(filters, kernel_size, strides, dtype=self.dtype_policy),
                BatchNormalization(dtype=self.dtype_policy),
                dtype=self.dtype_policy,
            )

        self.bottom_up = [convolution(3)] + [convolution(3, 2) for _ in range(depth)]
        # Both from coarse to fine, as they run.
        self.lateral = [convolution(1) for _ in range(depth)]
        self.top_down = [convolution(3) for _ in range(depth)]

    def build(self, semantics_shape):
        """Builds every convolution."""
        self.bottom_up[0].build(semantics_shape)
        features = (*semantics_shape[:-1], self.filters)
        for layer in (*self.bottom_up[1:], *self.lateral, *self.top_down):
            layer.build(features)

    def call(self, semantics, training=None):
        """Returns the pyramid's maps, coarsest first."""
        features = [self.bottom_up[0](semantics, training=training)]
        for layer in self.bottom_up[1:]:
            features.append(layer(features[-1], training=training))
        maps = [features.pop()]
        for lateral, top_down in zip(self.lateral, self.top_down, strict=True):
            x = upsample_nearest(maps[-1])
            x += lateral(features.pop(), training=training)
            maps.append(top_down(x, training=training))
        return maps

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"filters": self.filters, "depth": self.depth}
