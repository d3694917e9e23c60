"""The CC-FPSE generator, which maps a layout (and a style) to an image."""

import keras
import tensorflow as tf

from ccfpse_tf.layers.conditional_block import ConditionalBlock
from ccfpse_tf.layers.initializers import xavier_normal
from ccfpse_tf.layers.layout_pyramid import LayoutPyramid
from ccfpse_tf.layers.plain_convolution import plain_convolution, weights_of
from ccfpse_tf.models.generators.checks import check_inputs, check_size
from ccfpse_tf.ops import activations
from ccfpse_tf.ops.convolution import convolution
from ccfpse_tf.ops.layout import Layout, extend_layout, resize_layout
from ccfpse_tf.ops.layout_convolution import layout_convolution
from ccfpse_tf.ops.recomputation import wait_for
from ccfpse_tf.ops.resizing import spatial_size


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class Generator(keras.Model):
    """Seven conditional blocks from coarse to fine (section 3.2, figure 2).

    Args:
        semantic_channels: channels of the semantics (one-hot and edges).
        image_size: ``(height, width)``, multiples of ``2**depth``.
        ngf: base width; blocks have 16, 16, 16, 8, 4, 2 and 1 times as many channels.
        depth: how often the resolution doubles: 5, or 6 (the paper's choice for
            512x256 images).
        z_dim: length of the style code, 0 for a generator without.
        hidden: width of the predictors inside the blocks.
        recompute_kernels: whether training recomputes predicted kernels instead of
            keeping them, see :class:`ConditionalBlock`.

    Call shapes: ``semantics``, a :class:`Layout` or a dense tensor
    ``(batch, height, width, semantic_channels)``, and, with a
    style code, ``z (batch, z_dim)`` to images ``(batch, height, width, 3)`` in
    ``[-1, 1]``. Without a style code other multiples of ``2**depth`` are accepted too.

    Raises:
        ValueError: a size that the depth cannot make; a missing or unexpected ``z``.
    """

    architecture = "ccfpse"

    def __init__(
        self,
        semantic_channels,
        image_size,
        ngf=64,
        depth=5,
        z_dim=256,
        hidden=128,
        recompute_kernels=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if depth not in (5, 6):
            raise ValueError(f"depth {depth}: the generator has 5 or 6 upsamplings")
        self.semantic_channels = semantic_channels
        self.image_size = tuple(image_size)
        self.ngf = ngf
        self.depth = depth
        self.z_dim = z_dim
        self.hidden = hidden
        self.recompute_kernels = recompute_kernels
        check_size(self.image_size, depth)
        dtype = self.dtype_policy
        self.latent_size = tuple(n // self.stride for n in self.image_size)
        self.pyramid = LayoutPyramid(ngf, depth, dtype=dtype)
        if z_dim:
            rows, columns = self.latent_size
            self.latent = keras.layers.Dense(
                rows * columns * 16 * ngf,
                kernel_initializer=xavier_normal(),
                dtype=dtype,
            )
        else:
            self.latent = plain_convolution(16 * ngf, 3, dtype=dtype)
        widths = (16, 16, 16, 8, 4, 2, 1)
        self.blocks = [
            ConditionalBlock(
                width * ngf, hidden, recompute_kernels, upsample, dtype=dtype
            )
            for width, upsample in zip(widths, self.upsampled, strict=True)
        ]
        self.image_convolution = plain_convolution(3, 3, dtype=dtype)

    @property
    def stride(self) -> int:
        """Both edges of an image are multiples of this number of pixels."""
        return 2**self.depth

    @property
    def any_size(self) -> bool:
        """False for generators that draw images of their own size only."""
        return not self.z_dim

    @property
    def upsampled(self) -> tuple[bool, ...]:
        """Returns for each block whether its input is upsampled first.

        At depth 5 the second and third block share a resolution.
        """
        return (False, True, self.depth == 6, True, True, True, True)

    def build(self, semantics_shape=None, z_shape=None):
        """Builds all layers; the constructor's arguments tell all their shapes."""
        size = (None, None, None)
        semantics = (*size, self.semantic_channels)
        self.pyramid.build(semantics)
        self.latent.build((None, self.z_dim) if self.z_dim else semantics)
        channels = 16 * self.ngf
        for block in self.blocks:
            block.build((*size, channels), (*size, self.semantic_channels + self.ngf))
            channels = block.filters
        self.image_convolution.build((*size, channels))
        self.built = True

    def call(self, semantics, z=None, training=None):
        """Returns images ``(batch, height, width, 3)`` in ``[-1, 1]``."""
        x = self._latent(semantics, z)
        maps = iter(self.pyramid(semantics, training=training))
        layout = None
        for block in self.blocks:
            if block.upsample or layout is None:
                [context] = wait_for([x], next(maps))
                small = resize_layout(semantics, spatial_size(context))
                layout = extend_layout(small, context)
            x = block(x, layout, training=training)
        x = convolution(activations.leaky_relu(x), *weights_of(self.image_convolution))
        return tf.tanh(tf.cast(x, self.variable_dtype))

    def _latent(self, semantics, z):
        check_inputs(self, semantics, z)
        label = semantics.label if isinstance(semantics, Layout) else semantics
        height, width = spatial_size(label)
        if not self.z_dim:
            size = (height // self.stride, width // self.stride)
            small = resize_layout(semantics, size)
            return layout_convolution(small, *weights_of(self.latent))
        if isinstance(height, int) and (height, width) != self.image_size:
            raise ValueError(
                f"layout of {height}x{width}: a generator with style code makes images "
                f"of its own size only, {self.image_size[0]}x{self.image_size[1]}"
            )
        x = self.latent(z)
        # The reference's order is (channel, row, column).
        x = tf.reshape(x, (-1, 16 * self.ngf, *self.latent_size))
        return tf.transpose(x, (0, 2, 3, 1))

    def compute_output_shape(self, semantics_shape, z_shape=None):
        """``(batch, height, width, 3)``."""
        return (*semantics_shape[:-1], 3)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "semantic_channels": self.semantic_channels,
            "image_size": self.image_size,
            "ngf": self.ngf,
            "depth": self.depth,
            "z_dim": self.z_dim,
            "hidden": self.hidden,
            "recompute_kernels": self.recompute_kernels,
        }
