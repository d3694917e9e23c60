"""Augmentation of labelled images beyond windows and flips, inside `tf.data`."""

import math

import tensorflow as tf


def zoom_batch(images, labels, seed: int, number, limit: float, fill: int):
    """Scales every image of a batch up or down by chance, at a random place.

    Args:
        images: float `(batch, height, width, 3)`.
        labels: int32 `(batch, height, width)`, moved exactly as the images are.
        seed, number: of the draws; number is the batch's place in its stream.
        limit: the factor is between 1 / limit and limit, uniform in its logarithm.
        fill: label of what lies outside of the image; the image is zero there.

    Returns:
        Images and labels of the same shapes and dtypes.
    """
    batch, height, width = tf.unstack(tf.shape(labels))
    draws = tf.random.stateless_uniform([3, batch], [seed, number])
    side = tf.exp((2 * draws[0] - 1) * math.log(limit))  # of the window, in images
    top, left = draws[1] * (1 - side), draws[2] * (1 - side)
    boxes = tf.stack([top, left, top + side, left + side], axis=1)

    def cut(maps, method, outside):
        return tf.image.crop_and_resize(
            maps,
            boxes,
            tf.range(batch),
            (height, width),
            method=method,
            extrapolation_value=outside,
        )

    moved = cut(tf.cast(labels[..., None], tf.float32), "nearest", fill)
    return (
        tf.ensure_shape(cut(images, "bilinear", 0), images.shape),
        tf.ensure_shape(tf.cast(moved[..., 0], tf.int32), labels.shape),
    )


def jitter_batch(images, seed: int, number, limit: float):
    """Changes contrast about each image's mean, and brightness, by up to `limit`.

    Args:
        images: float `(batch, height, width, 3)` in [-1, 1].
        seed, number: of the draws, as for `zoom_batch`.
        limit: part of the contrast, and of the range between black and white.

    Returns:
        Images of the same shape, clipped to [-1, 1].
    """
    shape = [2, tf.shape(images)[0], 1, 1, 1]
    # Never the numbers of the zoom, which counts batches upwards from 0.
    draws = tf.random.stateless_uniform(shape, [seed, -1 - number], -limit, limit)
    mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    changed = mean + (images - mean) * (1 + draws[0]) + 2 * draws[1]
    return tf.clip_by_value(changed, -1, 1)
