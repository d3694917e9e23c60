"""The pix2pixHD generators: the global one, and local enhancers around it."""

import keras
import tensorflow as tf

from ccfpse_tf.layers.gaussian_convolution import gaussian_convolution
from ccfpse_tf.layers.hourglass import Hourglass
from ccfpse_tf.layers.plain_convolution import weights_of
from ccfpse_tf.models.generators.checks import check_size, check_style
from ccfpse_tf.models.generators.image_generator import ImageGenerator
from ccfpse_tf.models.instance_features import FeatureClusters
from ccfpse_tf.ops.layout import Layout, downsample_layout, extend_layout
from ccfpse_tf.ops.reflected_convolution import reflected_convolution
from ccfpse_tf.ops.resizing import spatial_size


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class Pix2PixHDGenerator(ImageGenerator):
    """The generator of Wang et al. 2018 (section 3.1).

    Without enhancers it is the global generator: an hourglass of residual blocks, then
    a 7x7 convolution. Each enhancer works at twice the size of what is inside of it: it
    halves its input, adds the inner network's output, and doubles the sum again. What
    is inside sees the layout averaged down to its size, soft edges of classes included.

    Args:
        semantic_channels: channels of the semantics (one-hot and edges).
        image_size: ``(height, width)``, multiples of ``stride``, at least twice that.
        ngf: channels at full resolution; the global generator starts with
            ``ngf * 2**enhancers``.
        depth: halvings of the global generator.
        blocks: its residual blocks.
        enhancers: number of local enhancers.
        enhancer_blocks: residual blocks of each.
        features: instance features that are read after the semantics, 0 for none.
        feature_pooling, feature_seed: as of :class:`FeatureClusters`, which gives the
            features when none are passed.

    Call shapes: ``semantics``, a :class:`Layout` or a dense tensor
    ``(batch, height, width, semantic_channels)``, and maybe the instances' features
    ``(batch, height, width, features)``, to images ``(batch, height, width, 3)`` in
    ``[-1, 1]``; any sizes as above.

    Raises:
        ValueError: a size that cannot be halved so often, or would leave a map too
            small to be reflected; a style code.
    """

    def __init__(
        self,
        semantic_channels,
        image_size,
        ngf=64,
        depth=4,
        blocks=9,
        enhancers=0,
        enhancer_blocks=3,
        features=0,
        feature_pooling="instance",
        feature_seed=0,
        **kwargs,
    ):
        super().__init__(semantic_channels, image_size, **kwargs)
        self.ngf = ngf
        self.depth = depth
        self.blocks = blocks
        self.enhancers = enhancers
        self.enhancer_blocks = enhancer_blocks
        self.features = features
        self.feature_pooling = feature_pooling
        self.feature_seed = feature_seed
        check_reflection(self.image_size, depth + enhancers)
        dtype = self.dtype_policy
        channels = semantic_channels + features
        # From the inside out.
        self.hourglasses = [
            Hourglass(channels, ngf * 2**enhancers, depth, blocks, dtype=dtype)
        ] + [
            Hourglass(channels, ngf * 2**level, 1, enhancer_blocks, dtype=dtype)
            for level in reversed(range(enhancers))
        ]
        self.image_convolution = gaussian_convolution(ngf, 3, 7, dtype=dtype)
        self.clusters = None
        if features:
            self.clusters = FeatureClusters(
                semantic_channels,  # at least as many as there are classes
                features,
                feature_pooling,
                feature_seed,
                dtype=dtype,
            )

    @property
    def architecture(self) -> str:
        """The value of ``generator.architecture``."""
        return "pix2pixhd_local" if self.enhancers else "pix2pixhd"

    @property
    def stride(self) -> int:
        """Both edges of an image are multiples of this number of pixels."""
        return 2 ** (self.depth + self.enhancers)

    @property
    def least_edge(self) -> int:
        """The shortest edge of an image: the smallest map has to be reflected."""
        return 2 * self.stride

    @property
    def outermost_variables(self) -> list[keras.Variable]:
        """Trainable variables of the outermost enhancer and the last convolution."""
        outer = self.hourglasses[-1], self.image_convolution
        return [variable for part in outer for variable in part.trainable_variables]

    def build(self, semantics_shape=None, z_shape=None):
        """Builds all layers; the constructor's arguments tell all their shapes."""
        for hourglass in self.hourglasses:
            hourglass.build()
        self.image_convolution.build((None, None, None, self.ngf))
        if self.clusters is not None:
            self.clusters.build()
        self.built = True

    def call(self, semantics, z=None, training=None, features=None):
        """Returns images ``(batch, height, width, 3)`` in ``[-1, 1]``.

        Args:
            semantics: see the class.
            z: None.
            training: does not matter.
            features: of the instances; by default those of clusters.
        """
        check_style(self, z)
        label = semantics.label if isinstance(semantics, Layout) else semantics
        check_reflection(spatial_size(label), self.depth + self.enhancers)
        if self.features:
            features = self.clusters(semantics) if features is None else features
            features = tf.cast(features, self.compute_dtype)
            semantics = extend_layout(semantics, features)
        inputs = self._pyramid(semantics)
        x = self.hourglasses[0](inputs.pop())
        for hourglass in self.hourglasses[1:]:
            x = hourglass(inputs.pop(), x)
        x = reflected_convolution(x, *weights_of(self.image_convolution))
        return tf.tanh(tf.cast(x, self.variable_dtype))

    def _pyramid(self, semantics):
        """The input of every hourglass, the largest first."""
        inputs = [semantics]
        for _ in range(self.enhancers):
            channels = self.semantic_channels + self.features
            inputs.append(downsample_layout(inputs[-1], channels))
        return inputs

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "ngf": self.ngf,
            "depth": self.depth,
            "blocks": self.blocks,
            "enhancers": self.enhancers,
            "enhancer_blocks": self.enhancer_blocks,
            "features": self.features,
            "feature_pooling": self.feature_pooling,
            "feature_seed": self.feature_seed,
        }


def check_reflection(size: tuple, halvings: int) -> None:
    """Checks that an image leaves 2x2 pixels or more after so many halvings.

    Args:
        size: ``(height, width)``; edges that are not known yet are not checked.
        halvings: of the network.

    Raises:
        ValueError: a size that is not a multiple of ``2**halvings``, or too small.
    """
    check_size(size, halvings)
    least = 2 ** (halvings + 1)
    if any(isinstance(edge, int) and edge < least for edge in size):
        raise ValueError(
            f"image size {size[0]}x{size[1]} (height x width): after {halvings} "
            "halvings 2 pixels have to be left of each edge, as borders are reflected; "
            f"choose {least} or more, or fewer halvings"
        )
