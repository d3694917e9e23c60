"""Layouts as label maps, edges and context: look-up instead of one-hot maps."""

from typing import NamedTuple

import tensorflow as tf

from ccfpse_tf.ops.resizing import (
    downsample_mean,
    resize_nearest,
    sizes,
    spatial_size,
)


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
        instance: ``(batch, height, width)`` ids of instances, for networks that treat
            each on its own; no channel. None without instances.
    """

    label: tf.Tensor
    features: tf.Tensor
    instance: tf.Tensor | None = None

    def resized(self, size: tuple) -> "Layout":
        """All maps resized by :func:`resize_nearest` to ``(height, width)``."""
        maps = self if self.instance is not None else self[:2]
        return Layout(*(resize_nearest(map_, size) for map_ in maps))

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


def pad_layout(
    layout: Layout | tf.Tensor, width: int, mode: str = "CONSTANT"
) -> Layout | tf.Tensor:
    """The layout with ``width`` more pixels on all four sides.

    Args:
        layout: a :class:`Layout` or ``(batch, height, width, channels)``.
        width: of the border, in pixels.
        mode: of ``tf.pad``; by ``"CONSTANT"`` the border has no class (label -1).
    """

    def padded(map_, value=0):
        border = [[0, 0], [width, width], [width, width], [0, 0]]
        # TensorFlow reflects no map without channels.
        by = "CONSTANT" if map_.shape[-1] == 0 else mode
        return tf.pad(map_, border[: len(map_.shape)], by, value)

    if isinstance(layout, Layout):
        return Layout(padded(layout.label, -1), padded(layout.features))
    return padded(layout)


def windows(map_: tf.Tensor, size: int, strides: int) -> list[tf.Tensor]:
    """The ``size**2`` pixels of every window of a map ``(batch, height, width)``.

    Row by row; each ``(batch, (height - size) // strides + 1, ...)``.
    """
    height, width = (
        (edge - size) // strides * strides + 1 for edge in spatial_size(map_)
    )
    return [
        map_[:, row : row + height : strides, column : column + width : strides]
        for row in range(size)
        for column in range(size)
    ]


def downsample_layout(layout: Layout | tf.Tensor, channels: int) -> tf.Tensor:
    """Means of a layout's channels, see :func:`downsample_mean`: soft labels.

    Args:
        layout: a :class:`Layout` or ``(batch, height, width, channels)``.
        channels: of the layout, one-hot ones counted.

    Returns:
        ``(batch, ceil(height / 2), ceil(width / 2), channels)``.
    """
    if not isinstance(layout, Layout):
        return downsample_mean(layout)
    features = layout.features
    dtype = tf.float64 if features.dtype == tf.float64 else tf.float32
    shares = _class_shares(layout.label, channels - features.shape[-1], dtype)
    shares = tf.cast(shares, features.dtype)
    if not features.shape[-1]:
        return shares
    return tf.concat([shares, downsample_mean(features)], -1)


def _class_shares(label, classes, dtype):
    """Shares of the classes in 3x3 pixels around every second one."""
    border = [[0, 0], [1, 1], [1, 1]]
    cells, inside = (
        tf.stack(windows(tf.pad(map_, border), 3, 2), -1)
        for map_ in (label, tf.ones_like(label, dtype))
    )
    known = (inside > 0) & (cells >= 0) & (cells < classes)
    share = tf.where(known, 1 / tf.reduce_sum(inside, -1, keepdims=True), 0)
    batch, height, width = sizes(cells, (0, 1, 2))
    pixel = tf.reshape(tf.range(batch * height * width), (batch, height, width, 1))
    place = pixel * classes + tf.where(known, cells, 0)
    total = batch * height * width * classes
    flat = tf.scatter_nd(tf.reshape(place, (-1, 1)), tf.reshape(share, (-1,)), [total])
    return tf.reshape(flat, (batch, height, width, classes))


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
