"""The cascaded refinement network (Chen and Koltun 2017)."""

import math

import keras
import tensorflow as tf

from ccfpse_tf.layers.layer_normalized_convolution import LayerNormalizedConvolution
from ccfpse_tf.models.generators.checks import check_inputs
from ccfpse_tf.models.generators.image_generator import ImageGenerator
from ccfpse_tf.ops.layout import Layout
from ccfpse_tf.ops.resizing import halve, resize_aligned, spatial_size

BASE = 4  # pixels, at least, of the shorter edge of the coarsest module's maps


def levels_of(image_size: tuple[int, int]) -> int:
    """How often the resolution doubles from the coarsest module to the image."""
    return max(0, int(math.log2(min(image_size) / BASE)))


def widths_of(image_size: tuple[int, int], ngf: int) -> tuple[int, ...]:
    """The modules' channels, coarsest first; with ``ngf`` 64 they are the paper's.

    They follow from the height of a module's maps: 1024 channels up to 64 rows, 512 up
    to 256, 128 up to 512, then 32.
    """
    height, levels = image_size[0], levels_of(image_size)
    return tuple(_width(height >> level, ngf) for level in range(levels, -1, -1))


def _width(rows, ngf):
    for most, width in ((64, 16 * ngf), (256, 8 * ngf), (512, 2 * ngf)):
        if rows <= most:
            return width
    return max(1, ngf // 2)


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class CRNGenerator(ImageGenerator):
    """Modules from coarse to fine, each of which refines what the one before made.

    Every module reads the layout at its own resolution, and the features of the module
    before, resized to it (bilinear, corners on corners); it is two
    :class:`LayerNormalizedConvolution`. The layout of a level is the mean of the
    one-hot layout over the pixels of a cell. A convolution 1x1 makes the images. There
    is neither noise nor style, and no activation at the end: images may leave
    ``[-1, 1]``.

    Args:
        semantic_channels: channels of the one-hot layout.
        image_size: ``(height, width)``; the last module draws it, and each one before
            has half the height and width.
        widths: channels of the modules, coarsest first; see :func:`widths_of`.
        images: drawn at once. Training has them all, see
            :class:`ccfpse_tf.gan.crn.CRN`; elsewhere the first one is the result.

    Call shapes: ``semantics``, a :class:`Layout` or a dense tensor
    ``(batch, height, width, semantic_channels)`` to images
    ``(batch, height, width, 3)`` where ``[-1, 1]`` is black to white. Other multiples
    of ``stride`` are accepted too.

    Raises:
        ValueError: a size that cannot be halved so often; a style code.
    """

    architecture = "crn"

    def __init__(self, semantic_channels, image_size, widths, images=1, **kwargs):
        super().__init__(semantic_channels, image_size, **kwargs)
        self.widths = tuple(widths)
        self.images = images
        self.depth = len(self.widths) - 1
        dtype = self.dtype_policy
        self.refinements = [
            [LayerNormalizedConvolution(width, dtype=dtype) for _ in range(2)]
            for width in self.widths
        ]
        self.image_convolution = keras.layers.Conv2D(3 * images, 1, dtype=dtype)

    def build(self, semantics_shape=None, z_shape=None):
        """Builds all layers; the constructor's arguments tell all their shapes."""
        size, before = (None, None, None), 0
        for (first, second), width in zip(self.refinements, self.widths, strict=True):
            first.build((*size, self.semantic_channels + before))
            second.build((*size, width))
            before = width
        self.image_convolution.build((*size, before))
        self.built = True

    def call(self, semantics, z=None, training=None):
        """Returns images ``(batch, height, width, 3)``, the first of those drawn."""
        return self.draw_all(semantics, z)[:, 0]

    def draw_all(self, semantics, z=None):
        """Returns all images, ``(batch, images, height, width, 3)``."""
        check_inputs(self, semantics, z)
        x = None
        for layout, (first, second) in zip(
            self._layouts(semantics), self.refinements, strict=True
        ):
            x = second(first(_joined(layout, x)))
        x = tf.cast(self.image_convolution(x), self.variable_dtype)
        # Image k of n has its red in channel k, green in n + k, blue in 2n + k.
        x = tf.stack(tf.split(x, 3, -1), -1)
        return tf.transpose(x, (0, 3, 1, 2, 4))

    def _layouts(self, semantics):
        """The layouts of all modules, coarsest first; the finest stays as it is."""
        layouts, dense = [semantics], semantics
        if isinstance(dense, Layout):
            dense = dense.one_hot(self.semantic_channels)
        dense = tf.cast(dense, self.compute_dtype)
        for _ in range(self.depth):
            dense = halve(dense)
            layouts.append(dense)
        return reversed(layouts)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "widths": self.widths,
            "images": self.images,
        }


def _joined(layout, x):
    """What a module reads: the layout's channels, then those of the module before."""
    if x is None:
        return layout
    dense = layout.label if isinstance(layout, Layout) else layout
    x = resize_aligned(x, spatial_size(dense))
    if isinstance(layout, Layout):
        return layout._replace(features=x)
    return tf.concat([layout, x], -1)
