"""A method that differs from CC-FPSE in everything that a row can say."""

import keras
import tensorflow as tf

from ccfpse_tf.gan.adversarial_model import AdversarialModel
from ccfpse_tf.gan.adversaries import Adversary
from ccfpse_tf.gan.losses import AdversarialLosses
from ccfpse_tf.gan.method import Method
from ccfpse_tf.models.discriminators.discriminator import (
    Discriminator,
    DiscriminatorOutput,
)


@keras.saving.register_keras_serializable(package="tests")
class OneConvolution(keras.Model):
    """A generator of one layer, for edges that are multiples of 4."""

    architecture = "one_convolution"
    stride = 4
    any_size = True
    z_dim = 0

    def __init__(self, semantic_channels, image_size, **kwargs):
        super().__init__(**kwargs)
        self.semantic_channels = semantic_channels
        self.image_size = tuple(image_size)
        self.convolution = keras.layers.Conv2D(
            3, 3, padding="same", activation="tanh", dtype=self.dtype_policy
        )

    def build(self, *shapes):
        """Builds the layer."""
        self.convolution.build((None, None, None, self.semantic_channels))
        self.built = True

    def call(self, semantics, z=None, training=None):
        """Returns images."""
        assert z is None
        edges = semantics.features.shape[-1]
        return self.convolution(semantics.one_hot(self.semantic_channels - edges))

    def get_config(self):
        """Returns the constructor's arguments."""
        own = {"semantic_channels": self.semantic_channels}
        return super().get_config() | own | {"image_size": self.image_size}


class TwoScales(Discriminator):
    """Patch scores at two scales, two features each; sees fake and real apart."""

    architecture = "two_scales"

    def __init__(self, semantic_channels, **kwargs):
        super().__init__(**kwargs)
        self.semantic_channels = semantic_channels
        self.scales = [
            [keras.layers.Conv2D(width, 3, 2, "same") for width in (2, 4, 1)]
            for _ in range(2)
        ]

    def build(self, *shapes):
        """Builds all layers."""
        for scale in self.scales:
            for layer, width in zip(scale, (3, 2, 4), strict=True):
                layer.build((None, None, None, width))
        self.built = True

    def compare(self, fake, real, semantics, training=None):
        """Returns ``(features, scores)`` of each, features nested by scale."""
        return self._seen(fake), self._seen(real)

    def _seen(self, image):
        found = []
        for first, second, last in self.scales:
            a = first(image)
            b = second(a)
            found.append(([a, b], last(b)))
            image = tf.nn.avg_pool2d(image, 2, 2, "SAME")
        features, scores = zip(*found, strict=True)
        return DiscriminatorOutput(list(features), list(scores))


def _matching(fake, real):
    """The sum over both scales, which FPSE's mean over levels could not read."""
    flat = zip(keras.tree.flatten(fake), keras.tree.flatten(real), strict=True)
    return tf.add_n([tf.reduce_mean(tf.abs(a - tf.stop_gradient(b))) for a, b in flat])


def _sum(sign):
    def loss(scores, mode):
        return tf.add_n([sign * tf.reduce_mean(score) for score in scores])

    return loss


EDGES = "height", "width"
LOSSES = AdversarialLosses(_matching, _sum(-1), _sum(1), _sum(-1))

ROW = Method(
    title="One convolution",
    logged=(
        "generator_loss",
        "gan",
        "feature_matching",
        "discriminator_loss",
        "d_fake",
        "d_real",
    ),
    model=lambda: AdversarialModel,
    generator=lambda config, channels: OneConvolution(channels, config.data.image_size),
    encoder=lambda config: None,
    adversaries={
        "two_scales": Adversary(
            network=lambda config, channels: TwoScales(channels),
            losses=lambda: LOSSES,
            problems=lambda config: {},
        )
    },
    optimizers=lambda config, steps: [keras.optimizers.SGD(0.1) for _ in range(2)],
    problems=lambda config: {
        edge: f"data.image_size has {edge} {length}; choose a multiple of 4"
        for edge, length in zip(EDGES, config.data.image_size, strict=True)
        if length % 4
    },
    z_dim=lambda config: 0,
    summary=lambda config: "one layer",
)
