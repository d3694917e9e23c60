"""pix2pixHD's instance features: a few numbers for each instance of an image.

In training they come from the image, so that the generator learns what they mean; when
it draws, every instance gets those of a cluster of its class.
"""

import keras
import numpy as np
import tensorflow as tf

from ccfpse_tf.layers.gaussian_convolution import gaussian_convolution
from ccfpse_tf.layers.hourglass import Hourglass
from ccfpse_tf.layers.plain_convolution import weights_of
from ccfpse_tf.ops.instance_pooling import pool_instances
from ccfpse_tf.ops.layout import Layout
from ccfpse_tf.ops.reflected_convolution import reflected_convolution

CLUSTERS = 10  # of a class, at most
POOLINGS = ("instance", "label")
_PRIME = 2**31 - 1


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class InstanceFeatureEncoder(keras.Model):
    """Features of an image, averaged over each instance (section 3.4).

    Args:
        features: channels of the result.
        ngf: base width.
        depth: number of halvings.
        pooling: ``"instance"``, or ``"label"`` to average over each class.

    Call shapes: ``image (batch, height, width, 3)`` in ``[-1, 1]``, sizes multiples of
    ``2**depth``, and the :class:`Layout` of the image; to
    ``(batch, height, width, features)`` within ``[-1, 1]``, constant on every instance.

    Raises:
        ValueError: a layout without instances, where they are needed.
    """

    z_dim = 0  # no style code comes of it

    def __init__(self, features=3, ngf=16, depth=4, pooling="instance", **kwargs):
        super().__init__(**kwargs)
        self.features = features
        self.ngf = ngf
        self.depth = depth
        self.pooling = check_pooling(pooling)
        dtype = self.dtype_policy
        self.trunk = Hourglass(3, ngf, depth, 0, dtype=dtype)
        self.last = gaussian_convolution(ngf, features, 7, dtype=dtype)

    def build(self, image_shape=None, layout_shape=None):
        """Builds all layers; the constructor's arguments tell all their shapes."""
        self.trunk.build()
        self.last.build((None, None, None, self.ngf))
        self.built = True

    def call(self, image, layout, training=None):
        """Returns the pooled features in the variable dtype."""
        return pool_instances(self.unpooled(image), segments(layout, self.pooling))

    def unpooled(self, image):
        """Features of every pixel, ``(batch, height, width, features)``."""
        x = self.trunk(tf.cast(image, self.compute_dtype))
        x = reflected_convolution(x, *weights_of(self.last))
        return tf.tanh(tf.cast(x, self.variable_dtype))

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "features": self.features,
            "ngf": self.ngf,
            "depth": self.depth,
            "pooling": self.pooling,
        }


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class FeatureClusters(keras.layers.Layer):
    """Features of instances for images that are drawn, one cluster's for each.

    Which of its class's clusters an instance gets depends on its id and the seed alone,
    so that it keeps its look when the layout changes elsewhere. Classes without
    clusters have features of 0.

    Args:
        classes: number of classes, don't care counted.
        features: number of features.
        pooling: as of :class:`InstanceFeatureEncoder`.
        seed: of the choice.

    Call shape: a :class:`Layout` ``(batch, height, width)`` to
    ``(batch, height, width, features)`` in the variable dtype.

    Raises:
        ValueError: a layout without instances, where they are needed.
    """

    def __init__(self, classes, features, pooling="instance", seed=0, **kwargs):
        super().__init__(**kwargs)
        self.classes = classes
        self.features = features
        self.pooling = check_pooling(pooling)
        self.seed = seed

    def build(self, input_shape=None):
        """Creates the clusters, none for any class."""
        fixed = {"initializer": "zeros", "trainable": False, "autocast": False}
        self.centers = self.add_weight(
            shape=(self.classes, CLUSTERS, self.features), name="centers", **fixed
        )
        self.counts = self.add_weight(
            shape=(self.classes,), dtype="int32", name="counts", **fixed
        )

    def call(self, layout):
        """Returns the features of a cluster for every pixel."""
        ids = tf.cast(segments(layout, self.pooling), tf.int64)
        # Carter & Wegman 1979: a random linear function modulo a prime.
        factor, offset = np.random.default_rng(self.seed).integers(1, _PRIME, 2)
        number = (ids % _PRIME * factor + offset) % _PRIME
        counts = tf.convert_to_tensor(self.counts)
        counts = tf.cast(tf.gather(counts, layout.label), tf.int64)
        cluster = tf.cast(number % tf.maximum(counts, 1), tf.int32)
        place = tf.stack([tf.cast(layout.label, tf.int32), cluster], -1)
        return tf.gather_nd(tf.convert_to_tensor(self.centers), place)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "classes": self.classes,
            "features": self.features,
            "pooling": self.pooling,
            "seed": self.seed,
        }


def check_pooling(pooling: str) -> str:
    """Returns ``pooling``; raises ValueError, naming both, for another word."""
    if pooling not in POOLINGS:
        raise ValueError(f"pooling {pooling!r}: choose from {', '.join(POOLINGS)}")
    return pooling


def segments(layout: Layout, pooling: str) -> tf.Tensor:
    """The map ``(batch, height, width)`` of ids over which features are averaged.

    Raises:
        ValueError: a layout without instances, where they are needed.
    """
    if pooling == "label":
        return layout.label
    if layout.instance is None:
        raise ValueError(
            "instance features need instance maps, and these data have none; pool by "
            "label, or leave the features out"
        )
    return layout.instance
