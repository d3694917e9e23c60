"""The compact CC-FPSE generator: 1.5 GMAC at 256x256, where the paper's has 357."""

import math

import keras
import tensorflow as tf

from ccfpse_tf.layers.compact_block import CompactBlock
from ccfpse_tf.layers.initializers import EqualPixels
from ccfpse_tf.layers.layout_pyramid import LayoutPyramid
from ccfpse_tf.layers.plain_convolution import plain_convolution
from ccfpse_tf.models.generators.checks import check_depth, check_inputs, check_size
from ccfpse_tf.models.generators.image_generator import ImageGenerator
from ccfpse_tf.ops import activations
from ccfpse_tf.ops.layout import Layout

CELL = 2  # pixels, of both edges: the largest maps have one place for such a cell
PIXEL = 8  # channels of the pixels that a cell is taken apart into


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class CompactGenerator(ImageGenerator):
    """CC-FPSE with mixed kernels, on maps of half the image's size.

    Three changes to :class:`ccfpse_tf.models.generators.ccfpse.Generator`:

    - The kernel of a pixel and channel is a mixture of a few learned ones, and one
      predictor serves a whole block: see
      :class:`ccfpse_tf.layers.compact_block.CompactBlock`.
    - The classes are embedded first, so nothing that follows grows with their number.
    - The largest maps have one place for a cell of 2x2 pixels, which holds the
      embeddings of its four pixels. Only the last convolution, of a few channels, works
      on pixels. On CPUs the time of a small network is that of its largest maps.

    The style code reaches every block, and the coarsest map is made by convolution: so
    images of any multiple of the stride can be drawn, with style code too.

    Args:
        semantic_channels: channels of the semantics (one-hot and edges).
        image_size: ``(height, width)``, multiples of ``2**depth``.
        ngf: base width; blocks have 8, ..., 8, 4, 2 and 1 times as many channels.
        depth: how often the resolution halves between image and coarsest map, 5 or 6.
        z_dim: length of the style code, 0 for a generator without.
        hidden: width of the pyramid and of the predictors inside the blocks.
        mixed: learned kernels of every channel.
        embedding: channels of the embedded classes.

    Call shapes: as :class:`ccfpse_tf.models.generators.ccfpse.Generator`, in any
    multiple of ``2**depth``.

    Raises:
        ValueError: another depth; a size that the depth cannot make; a missing or
            unexpected ``z``.
    """

    architecture = "ccfpse_compact"
    depths = (5, 6)

    def __init__(
        self,
        semantic_channels,
        image_size,
        ngf=32,
        depth=5,
        z_dim=64,
        hidden=32,
        mixed=4,
        embedding=16,
        **kwargs,
    ):
        super().__init__(semantic_channels, image_size, **kwargs)
        check_depth(depth, self.depths)
        self.ngf = ngf
        self.depth = depth
        self.z_dim = z_dim
        self.hidden = hidden
        self.mixed = mixed
        self.embedding = embedding
        check_size(self.image_size, depth)
        dtype = self.dtype_policy
        levels = depth - int(math.log2(CELL))
        # Blocks from coarse to fine, one for each map of the pyramid.
        widths = [min(8, 2**n) * ngf for n in range(levels, -1, -1)]
        self.embed = keras.layers.Dense(embedding, use_bias=False, dtype=dtype)
        self.pyramid = LayoutPyramid(hidden, levels, dtype=dtype)
        self.latent = keras.layers.Conv2D(widths[0], 3, padding="same", dtype=dtype)
        self.style = keras.layers.Dense(widths[0], dtype=dtype) if z_dim else None
        self.blocks = [
            CompactBlock(width, hidden, mixed, upsample=number > 0, dtype=dtype)
            for number, width in enumerate(widths)
        ]
        self.cell_convolution = keras.layers.Conv2D(
            PIXEL * CELL**2,
            3,
            padding="same",
            kernel_initializer=EqualPixels(CELL),
            dtype=dtype,
        )
        # Starts with grey images, as the paper's, on which no discriminator wins.
        self.image_convolution = plain_convolution(3, 3, dtype=dtype)

    def build(self, semantics_shape=None, z_shape=None):
        """Builds all layers; the constructor's arguments tell all their shapes."""
        size = (None, None, None)
        self.embed.build((*size, self.semantic_channels))
        self.pyramid.build((*size, CELL**2 * self.embedding))
        context, z = (*size, self.hidden), None
        self.latent.build(context)
        if self.style is not None:
            z = (None, self.z_dim)
            self.style.build(z)
        channels = self.latent.filters
        for block in self.blocks:
            block.build((*size, channels), context, z)
            channels = block.filters
        self.cell_convolution.build((*size, channels))
        self.image_convolution.build((*size, PIXEL))
        self.built = True

    def call(self, semantics, z=None, training=None):
        """Returns images ``(batch, height, width, 3)`` in ``[-1, 1]``."""
        check_inputs(self, semantics, z)
        cells = tf.nn.space_to_depth(self._embedded(semantics), CELL)
        maps = self.pyramid(cells, training=training)
        x = self.latent(maps[0])
        if self.style is not None:
            x += self.style(z)[:, None, None]
        for block, context in zip(self.blocks, maps, strict=True):
            x = block(x, context, z, training=training)
        x = self.cell_convolution(activations.leaky_relu(x))
        x = activations.leaky_relu(tf.nn.depth_to_space(x, CELL))
        x = self.image_convolution(x)
        return tf.tanh(tf.cast(x, self.variable_dtype))

    def _embedded(self, semantics):
        """``(batch, height, width, embedding)``: a look-up where labels are known."""
        if not isinstance(semantics, Layout):
            return self.embed(semantics)
        table = tf.convert_to_tensor(self.embed.kernel)
        classes = self.semantic_channels - semantics.features.shape[-1]
        x = tf.gather(table[:classes], semantics.label)
        if classes < self.semantic_channels:
            x += tf.tensordot(semantics.features, table[classes:], 1)
        return x

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "ngf": self.ngf,
            "depth": self.depth,
            "z_dim": self.z_dim,
            "hidden": self.hidden,
            "mixed": self.mixed,
            "embedding": self.embedding,
        }
