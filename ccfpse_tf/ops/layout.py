"""Layouts as label maps, edges and context: look-up instead of one-hot maps."""

from typing import NamedTuple

import tensorflow as tf

from ccfpse_tf.ops.resizing import resize_nearest


class Layout(NamedTuple):
    """Semantics: one-hot classes, then further channels, kept apart.

    The one-hot channels, nearly all zeros, are not made where a look-up replaces them,
    see :func:`ccfpse_tf.ops.layout_convolution.layout_convolution`. A plain tensor
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

    Both sides of a boundary are edges; the border of the image is not an edge.

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
