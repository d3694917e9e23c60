"""From label and instance maps to the semantics that every network reads."""

from typing import NamedTuple

import keras
import tensorflow as tf

from ccfpse_tf.layers.resizing import resize_nearest


class Layout(NamedTuple):
    """Semantics: one-hot classes, then further channels, kept apart.

    The one-hot channels, nearly all zeros, are never made where a look-up does: see
    :func:`ccfpse_tf.layers.layout_convolution.layout_convolutions`. A plain tensor
    ``(batch, height, width, channels)`` is accepted wherever a Layout is, for instance
    for soft labels.

    Attributes:
        label: ``(batch, height, width)`` class indices, int32.
        features: ``(batch, height, width, further channels)``: instance edges, if the
            data set has them (else no channel), and what networks add.
    """

    label: tf.Tensor
    features: tf.Tensor

    def resized(self, size: tuple) -> "Layout":
        """Both maps resized by :func:`resize_nearest` to ``(height, width)``."""
        return Layout(*(resize_nearest(map_, size) for map_ in self))

    def with_features(self, features: tf.Tensor) -> "Layout":
        """With ``(batch, height, width, more channels)`` after the present ones."""
        features = tf.concat([tf.cast(self.features, features.dtype), features], -1)
        return self._replace(features=features)

    def one_hot(self, classes: int) -> tf.Tensor:
        """``(batch, height, width, classes + further channels)``, all written out."""
        one_hot = tf.one_hot(self.label, classes, dtype=self.features.dtype)
        return tf.concat([one_hot, self.features], -1)


def resize_layout(layout: Layout | tf.Tensor, size: tuple) -> Layout | tf.Tensor:
    """Nearest copy of a layout at ``(height, width)``."""
    if isinstance(layout, Layout):
        return layout.resized(size)
    return resize_nearest(layout, size)


def extend_layout(layout: Layout | tf.Tensor, features: tf.Tensor):
    """The layout with further channels after its own."""
    if isinstance(layout, Layout):
        return layout.with_features(features)
    return tf.concat([tf.cast(layout, features.dtype), features], -1)


def instance_edges(instance: tf.Tensor) -> tf.Tensor:
    """Marks pixels whose instance id differs from a 4-neighbour's.

    Both sides of a boundary are edges; the image border is none.

    Args:
        instance: ``(batch, height, width)`` of any integer ids.

    Returns:
        Boolean ``(batch, height, width)``.
    """
    vertical = instance[:, 1:] != instance[:, :-1]
    horizontal = instance[:, :, 1:] != instance[:, :, :-1]
    up = tf.pad(vertical, [[0, 0], [1, 0], [0, 0]])
    down = tf.pad(vertical, [[0, 0], [0, 1], [0, 0]])
    left = tf.pad(horizontal, [[0, 0], [0, 0], [1, 0]])
    right = tf.pad(horizontal, [[0, 0], [0, 0], [0, 1]])
    return up | down | left | right


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class LayoutEncoding(keras.layers.Layer):
    """Labels and, if the data set has instances, one channel of their edges.

    Args:
        label_channels: number of classes, plus one if the data set has a don't-care
            index (the last channel).
        instances: whether an edge channel follows.

    Call shapes: ``label (batch, height, width)`` with ids ``0..label_channels-1`` and
    ``instance (batch, height, width)`` (None without instances) to a :class:`Layout` of
    ``semantic_channels`` channels, one-hot ones counted.

    Raises:
        tf.errors.InvalidArgumentError: a label outside the range (it would silently
            count as no class at all). Graphs compiled by XLA do not check.
        ValueError: instances missing, or given where the data set has none.
    """

    def __init__(self, label_channels, instances=False, **kwargs):
        super().__init__(**kwargs)
        self.label_channels = label_channels
        self.instances = instances

    @property
    def semantic_channels(self) -> int:
        """Channels of the result."""
        return self.label_channels + int(self.instances)

    def call(self, label, instance=None):
        """Returns the layout, features in the layer's compute dtype."""
        if self.instances != (instance is not None):
            raise ValueError(
                f"this model {'needs' if self.instances else 'has no'} instance maps, "
                f"and {'none was' if instance is None else 'one was'} given"
            )
        label = tf.cast(label, tf.int32)
        message = f"label outside 0..{self.label_channels - 1}; remap the labels"
        checks = [
            tf.debugging.assert_non_negative(label, message),
            tf.debugging.assert_less(label, self.label_channels, message),
        ]
        with tf.control_dependencies([check for check in checks if check is not None]):
            label = tf.identity(label)
        if instance is None:
            return Layout(
                label, tf.zeros((*tf.unstack(tf.shape(label)), 0), self.compute_dtype)
            )
        edges = tf.cast(instance_edges(instance), self.compute_dtype)
        return Layout(label, edges[..., None])

    def compute_output_shape(self, label_shape, instance_shape=None):
        """A :class:`Layout` of shapes."""
        return Layout(label_shape, (*label_shape, int(self.instances)))

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "label_channels": self.label_channels,
            "instances": self.instances,
        }
