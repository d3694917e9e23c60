"""The mean of a map over the pixels of each instance."""

import tensorflow as tf

from ccfpse_tf.ops.resizing import sizes


def reference(x: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
    """The equation: a mean over the pixels of the same image and id, for each pixel."""
    batch, height, width, channels = sizes(x)
    same = tf.reshape(ids, (batch, -1, 1)) == tf.reshape(ids, (batch, 1, -1))
    same = tf.cast(same, x.dtype)
    flat = tf.reshape(x, (batch, height * width, channels))
    means = same @ flat / tf.reduce_sum(same, -1, keepdims=True)
    return tf.reshape(means, (batch, height, width, channels))


def pool_instances(x: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
    """Replaces every pixel by the mean over its instance in its image.

    Args:
        x: ``(batch, height, width, channels)``.
        ids: ``(batch, height, width)`` of any 32-bit integers.

    Returns:
        In shape and dtype of ``x``. The gradient goes through the mean.
    """
    images = tf.range(tf.shape(ids)[0], dtype=tf.int64)[:, None, None]
    keys = tf.cast(ids, tf.int64) + images * 2**32
    found, place = tf.unique(tf.reshape(keys, (-1,)))
    pixels = tf.reshape(x, (-1, x.shape[-1]))
    means = tf.math.unsorted_segment_mean(pixels, place, tf.size(found))
    return tf.reshape(tf.gather(means, place), tf.shape(x))
