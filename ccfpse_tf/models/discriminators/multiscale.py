"""The multi-scale patch discriminator of pix2pixHD and of SPADE."""

import keras
import tensorflow as tf

from ccfpse_tf.layers.initializers import default_bias, small_normal, xavier_normal
from ccfpse_tf.layers.normalization import InstanceNormalization
from ccfpse_tf.layers.normalized_convolution import (
    NormalizedConvolution,
    instance_normalized_convolution,
)
from ccfpse_tf.layers.plain_convolution import PaddedConv2D, weights_of
from ccfpse_tf.models.discriminators.discriminator import Discriminator
from ccfpse_tf.ops import activations
from ccfpse_tf.ops.layout import downsample_layout
from ccfpse_tf.ops.layout_convolution import joint_convolution
from ccfpse_tf.ops.resizing import downsample_mean

FORMS = {"spade": "multiscale", "pix2pixhd": "multiscale_pix2pixhd"}
KERNEL = 4
WIDEST = 512  # channels


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class MultiscaleDiscriminator(Discriminator):
    """Scores patches of layout and image at several scales (Wang et al. 2018).

    Every scale has a :class:`PatchDiscriminator` of its own; each sees means of 3x3
    pixels of what the one before saw. SPADE's (Park et al. 2019, figure 13) normalises
    kernels spectrally and has no bias where an instance norm follows; pix2pixHD's has
    plain kernels, biases everywhere, and starts with other values.

    Args:
        semantic_channels: channels of the semantics.
        ndf: channels of the first layer.
        scales: number of scales.
        form: ``"spade"`` or ``"pix2pixhd"``.

    Call shapes: ``image (batch, height, width, 3)`` in ``[-1, 1]`` and ``semantics``, a
    :class:`Layout` or a dense tensor ``(batch, height, width, semantic_channels)``; if
    its batch is half of the images', both halves have those semantics. Returns
    ``(features, scores)``, from the finest scale to the coarsest: for each a list of
    the maps of four layers, and a score map ``(batch, h, w, 1)``.

    Raises:
        ValueError: an unknown form.
    """

    def __init__(self, semantic_channels, ndf=64, scales=2, form="spade", **kwargs):
        super().__init__(**kwargs)
        if form not in FORMS:
            raise ValueError(f"form {form!r}: choose from {', '.join(FORMS)}")
        self.semantic_channels = semantic_channels
        self.ndf = ndf
        self.form = form
        self.scales = [
            PatchDiscriminator(semantic_channels, ndf, form, dtype=self.dtype_policy)
            for _ in range(scales)
        ]

    @property
    def architecture(self) -> str:
        """See the base class."""
        return FORMS[self.form]

    def build(self, image_shape=None, semantics_shape=None):
        """Builds all layers; the constructor's arguments tell all their shapes."""
        for scale in self.scales:
            scale.build((None, None, None, 3))
        self.built = True

    def call(self, image, semantics, training=None):
        """Returns ``(features, scores)``, finest first."""
        found = []
        for scale in self.scales:
            if found:
                image = downsample_mean(image)
                semantics = downsample_layout(semantics, self.semantic_channels)
            found.append(scale(image, semantics, training=training))
        features, scores = zip(*found, strict=True)
        return list(features), [tf.cast(x, self.variable_dtype) for x in scores]

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "semantic_channels": self.semantic_channels,
            "ndf": self.ndf,
            "scales": len(self.scales),
            "form": self.form,
        }


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class PatchDiscriminator(keras.layers.Layer):
    """Five 4x4 convolutions, strides 2, 2, 2, 1, 1, with leaky ReLUs between.

    Two zeros are padded on all sides, so an edge of 256 pixels becomes 129, 65, 33, 34
    and 35. An instance norm stands before the ReLU of the second to fourth layer.

    Args: as :class:`MultiscaleDiscriminator`.

    Call shapes: as there, to the maps of the first four layers, and the score map.
    """

    def __init__(self, semantic_channels, ndf=64, form="spade", **kwargs):
        super().__init__(**kwargs)
        self.semantic_channels = semantic_channels
        self.ndf = ndf
        self.form = form
        self.widths = [ndf, *(min(ndf * n, WIDEST) for n in (2, 4, 8))]
        self.first = self._plain(semantic_channels + 3, ndf, 2)
        self.hidden = [
            self._normalized(*widths, stride)
            for *widths, stride in zip(
                self.widths[:-1], self.widths[1:], (2, 2, 1), strict=True
            )
        ]
        self.score = self._plain(self.widths[-1], 1, 1)

    def _plain(self, channels, filters, stride):
        kernel, bias = xavier_normal(), "zeros"
        if self.form == "pix2pixhd":
            kernel, bias = small_normal(), default_bias(KERNEL**2 * channels)
        return PaddedConv2D(
            filters,
            KERNEL,
            stride,
            kernel_initializer=kernel,
            bias_initializer=bias,
            dtype=self.dtype_policy,
        )

    def _normalized(self, channels, filters, stride):
        dtype = self.dtype_policy
        if self.form == "spade":
            return instance_normalized_convolution(filters, KERNEL, stride, dtype)
        convolution = self._plain(channels, filters, stride)
        norm = InstanceNormalization(dtype=dtype)
        return NormalizedConvolution(convolution, norm, dtype=dtype)

    def build(self, image_shape, semantics_shape=None):
        """Builds all layers."""
        size = (None, None, None)
        self.first.build((*size, self.semantic_channels + image_shape[-1]))
        for layer, channels in zip(self.hidden, self.widths, strict=False):
            layer.build((*size, channels))
        self.score.build((*size, self.widths[-1]))
        self.built = True

    def call(self, image, semantics, training=None):
        """Returns ``(features, score)``."""
        features = [activations.leaky_relu(self._seen(image, semantics))]
        for layer in self.hidden:
            features.append(layer(features[-1], training=training))
        return features, self.score(features[-1])

    def _seen(self, image, semantics):
        kernel, bias = weights_of(self.first)
        return tf.nn.bias_add(joint_convolution(semantics, image, kernel, 2), bias)

    def compute_output_shape(self, image_shape, semantics_shape):
        """Shapes of ``(features, score)``."""
        shapes = [self.first.compute_output_shape(image_shape)]
        for layer in (*self.hidden, self.score):
            shapes.append(layer.compute_output_shape(shapes[-1]))
        return shapes[:-1], shapes[-1]

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "semantic_channels": self.semantic_channels,
            "ndf": self.ndf,
            "form": self.form,
        }
