"""What CC-FPSE's and SPADE's generators share: blocks from a coarse map to an image."""

import keras
import tensorflow as tf

from ccfpse_tf.layers.initializers import xavier_normal
from ccfpse_tf.layers.layout_pyramid import LayoutPyramid
from ccfpse_tf.layers.plain_convolution import plain_convolution, weights_of
from ccfpse_tf.models.generators.checks import check_depth, check_inputs, check_size
from ccfpse_tf.models.generators.image_generator import ImageGenerator
from ccfpse_tf.ops import activations
from ccfpse_tf.ops.convolution import convolution
from ccfpse_tf.ops.layout import Layout, extend_layout, resize_layout
from ccfpse_tf.ops.layout_convolution import layout_convolution
from ccfpse_tf.ops.recomputation import wait_for
from ccfpse_tf.ops.resizing import spatial_size


class BlockGenerator(ImageGenerator):
    """Residual blocks from coarse to fine, which read the layout at their resolution.

    A subclass has the attribute ``architecture`` and makes the blocks, by
    :meth:`make_block`. With a pyramid they read its features too.

    Args:
        semantic_channels: channels of the semantics (one-hot and edges).
        image_size: ``(height, width)``, multiples of ``2**depth``.
        ngf: base width; blocks have 16, 16, 16, 8, 4, 2 and 1 times as many channels,
            and an eighth one, at depth 7, half as many.
        depth: how often the resolution doubles, one of ``depths``.
        z_dim: length of the style code, 0 for a generator without.
        hidden: width of what the blocks make of the layout.
        recompute: whether training makes what comes from the layout a second time for
            the gradient instead of keeping it.
        pyramid: whether there is a :class:`LayoutPyramid`.

    Call shapes: ``semantics``, a :class:`Layout` or a dense tensor
    ``(batch, height, width, semantic_channels)``, and, with a
    style code, ``z (batch, z_dim)`` to images ``(batch, height, width, 3)`` in
    ``[-1, 1]``. Without a style code other multiples of ``2**depth`` are accepted too.

    Raises:
        ValueError: another depth; a size that the depth cannot make; a missing or
            unexpected ``z``.
    """

    depths = (5, 6)

    def __init__(
        self,
        semantic_channels,
        image_size,
        ngf,
        depth,
        z_dim,
        hidden,
        recompute,
        pyramid,
        **kwargs,
    ):
        super().__init__(semantic_channels, image_size, **kwargs)
        check_depth(depth, self.depths)
        self.ngf = ngf
        self.depth = depth
        self.z_dim = z_dim
        self.hidden = hidden
        self.recompute = recompute
        check_size(self.image_size, depth)
        dtype = self.dtype_policy
        self.latent_size = tuple(n // self.stride for n in self.image_size)
        self.pyramid = LayoutPyramid(ngf, depth, dtype=dtype) if pyramid else None
        if z_dim:
            rows, columns = self.latent_size
            self.latent = keras.layers.Dense(
                rows * columns * 16 * ngf,
                kernel_initializer=xavier_normal(),
                dtype=dtype,
            )
        else:
            self.latent = plain_convolution(16 * ngf, 3, dtype=dtype)
        widths = [16 * ngf] * 3 + [8 * ngf, 4 * ngf, 2 * ngf, ngf]
        if depth == 7:
            widths.append(ngf // 2)
        self.blocks = [
            self.make_block(width, upsample)
            for width, upsample in zip(widths, self.upsampled, strict=True)
        ]
        self.image_convolution = plain_convolution(3, 3, dtype=dtype)

    def make_block(self, filters: int, upsample: bool) -> keras.layers.Layer:
        """Returns a block, which is called with features and layout."""
        raise NotImplementedError

    @property
    def any_size(self) -> bool:
        """False for generators that draw images of their own size only."""
        return not self.z_dim

    @property
    def upsampled(self) -> tuple[bool, ...]:
        """Returns for each block whether its input is upsampled first.

        At depth 5 the second and third block share a resolution.
        """
        return (False, True, self.depth > 5) + (True,) * (max(self.depth, 6) - 2)

    def build(self, semantics_shape=None, z_shape=None):
        """Builds all layers; the constructor's arguments tell all their shapes."""
        size = (None, None, None)
        semantics = layout = (*size, self.semantic_channels)
        if self.pyramid is not None:
            self.pyramid.build(semantics)
            layout = (*size, self.semantic_channels + self.ngf)
        self.latent.build((None, self.z_dim) if self.z_dim else semantics)
        channels = 16 * self.ngf
        for block in self.blocks:
            block.build((*size, channels), layout)
            channels = block.filters
        self.image_convolution.build((*size, channels))
        self.built = True

    def call(self, semantics, z=None, training=None):
        """Returns images ``(batch, height, width, 3)`` in ``[-1, 1]``."""
        x = self._latent(semantics, z)
        maps, layout = None, semantics
        if self.pyramid is not None:
            maps = iter(self.pyramid(semantics, training=training))
        for number, block in enumerate(self.blocks):
            if maps is not None and (block.upsample or number == 0):
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

    def get_config(self):
        """Returns the arguments that the subclasses' constructors share."""
        return super().get_config() | {
            "ngf": self.ngf,
            "depth": self.depth,
            "z_dim": self.z_dim,
            "hidden": self.hidden,
        }
