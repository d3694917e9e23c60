"""The refinement network of semi-parametric image synthesis (Qi et al. 2018)."""

import keras
import tensorflow as tf

from ccfpse_tf.layers.layer_normalized_convolution import LayerNormalizedConvolution
from ccfpse_tf.models.generators.checks import check_inputs
from ccfpse_tf.models.generators.image_generator import ImageGenerator
from ccfpse_tf.ops.layout import Layout, extend_layout
from ccfpse_tf.ops.resizing import resize_aligned, spatial_size

CONVOLUTIONS = (2, 2, 3, 3, 3, 3)  # of the encoder's stages
CANVAS = 4  # channels that follow the classes: colours in [0, 1], and their mask


def widths_of(ngf: int) -> tuple[int, ...]:
    """The channels of the encoder's stages; with ``ngf`` 64 they are the paper's."""
    return tuple(min(8, 2**stage) * ngf for stage in range(len(CONVOLUTIONS)))


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class RefinementNetwork(ImageGenerator):
    """An encoder and a decoder that turn a canvas of pasted segments into an image.

    The encoder's stages are convolutions of :class:`LayerNormalizedConvolution` and a
    mean over 3x3 pixels, stride 2. Every stage of the decoder reads the network's input
    at its resolution, the encoder's map of that resolution and what the stage before
    made; its two convolutions are followed by a doubling of the resolution. All
    resizing is bilinear with corners on corners. Two heads make the image, which has no
    activation at its end and may leave ``[-1, 1]``, and scores of the classes, which
    only the training needs.

    The fine form draws images of twice the size: all of that happens at half the
    resolution, where the heads are replaced by a doubling and two convolutions more.

    Args:
        semantic_channels: channels of the one-hot layout.
        image_size: ``(height, width)``, multiples of ``stride``.
        widths: channels of the encoder's six stages; see :func:`widths_of`. The decoder
            has the last one's, at its end the third one's; the fine form ends with the
            second one's.
        fine: whether this is the form for images of twice the size.

    Call shapes: a :class:`Layout` whose features are colours in ``[0, 1]`` and their
    mask, ``(batch, height, width, 4)``, or both as a dense tensor
    ``(batch, height, width, semantic_channels + 4)``, to images
    ``(batch, height, width, 3)`` where ``[-1, 1]`` is black to white.

    Raises:
        ValueError: a size that is no multiple of ``stride``; a style code.
    """

    architecture = "sims"
    any_size = False  # segments of the memory bank have places in images of one size

    def __init__(self, semantic_channels, image_size, widths, fine=False, **kwargs):
        super().__init__(semantic_channels, image_size, **kwargs)
        self.widths = tuple(widths)
        self.fine = fine
        self.depth = len(CONVOLUTIONS) + int(fine)
        self.encoder = [
            self._stage(width, count)
            for width, count in zip(self.widths, CONVOLUTIONS, strict=True)
        ]
        coarse, end = self.widths[-1], self.widths[2]
        # Coarsest first.
        self.decoder = [self._stage(coarse) for _ in CONVOLUTIONS[1:]]
        self.decoder.append(self._stage(end))
        self.final = [self._stage(end)]
        if fine:
            self.final.append(self._stage(self.widths[1]))
        dtype = self.dtype_policy
        self.image_convolution = keras.layers.Conv2D(3, 1, dtype=dtype)
        self.score_convolution = keras.layers.Conv2D(semantic_channels, 1, dtype=dtype)

    def _stage(self, width, count=2):
        return [
            LayerNormalizedConvolution(width, dtype=self.dtype_policy)
            for _ in range(count)
        ]

    def build(self, semantics_shape=None, z_shape=None):
        """Builds all layers; the constructor's arguments tell all their shapes."""
        given = self.semantic_channels + CANVAS
        before = given
        for stage in self.encoder:
            before = _build(stage, before)
        before = 0
        for stage, width in zip(self.decoder, reversed(self.widths), strict=True):
            before = _build(stage, given + width + before)
        for stage in self.final:
            before = _build(stage, given + before)
        for head in (self.image_convolution, self.score_convolution):
            head.build((None, None, None, before))
        self.built = True

    def call(self, semantics, z=None, training=None):
        """Returns images ``(batch, height, width, 3)``."""
        return self.draw_with_scores(semantics, z)[0]

    def draw_with_scores(self, semantics, z=None):
        """Returns images, and scores ``(batch, height, width, semantic_channels)``."""
        check_inputs(self, semantics, z)
        given = semantics
        if isinstance(given, Layout):
            given = given.one_hot(self.semantic_channels)
        given = tf.cast(given, self.compute_dtype)
        height, width = spatial_size(given)
        size = (height // 2, width // 2) if self.fine else (height, width)
        maps = self._encoded(resize_aligned(given, size) if self.fine else semantics)
        x = None
        for stage, pooled in zip(self.decoder, reversed(maps), strict=True):
            parts = [resize_aligned(given, spatial_size(pooled)), pooled]
            x = _passed(stage, tf.concat(parts + ([] if x is None else [x]), -1))
            x = _doubled(x)
        *coarse, last = self.final
        for stage in coarse:
            small = resize_aligned(given, spatial_size(x))
            x = _doubled(_passed(stage, tf.concat([small, x], -1)))
        x = _passed(last, extend_layout(semantics, x))
        return tuple(
            tf.cast(head(x), self.variable_dtype)
            for head in (self.image_convolution, self.score_convolution)
        )

    def _encoded(self, x):
        """The pooled maps of all stages, the finest one first."""
        maps = []
        for stage in self.encoder:
            # The mean leaves out what is padded.
            x = tf.nn.avg_pool2d(_passed(stage, x), 3, 2, "SAME")
            maps.append(x)
        return maps

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "widths": self.widths,
            "fine": self.fine,
        }


def _build(stage, channels):
    for convolution in stage:
        convolution.build((None, None, None, channels))
        channels = convolution.filters
    return channels


def _passed(stage, x):
    for convolution in stage:
        x = convolution(x)
    return x


def _doubled(x):
    height, width = spatial_size(x)
    return resize_aligned(x, (2 * height, 2 * width))
