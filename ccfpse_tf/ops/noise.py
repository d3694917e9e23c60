"""Noise that does not depend on the number of replicas, nor on XLA."""

import numpy as np
import tensorflow as tf


def replica_noise(seed: int, counter, rows, z_dim: int, dtype) -> tf.Tensor:
    """This replica's rows ``(rows, z_dim)`` of the global batch's noise.

    The noise is a function of ``(seed, counter)`` and the size of the global batch, so
    it depends neither on the number of replicas nor on whether a run was resumed.

    Args:
        seed: of the run.
        counter: never the same twice in a run, a scalar tensor.
        rows: images on this replica, the same on all.
        z_dim: size of the style code.
        dtype: of the noise.
    """
    replica = tf.distribute.get_replica_context()
    shape = (rows * replica.num_replicas_in_sync, z_dim)
    noise = tf.cast(stateless_normal(shape, [seed, counter]), dtype)
    start = replica.replica_id_in_sync_group * rows
    return noise[start : start + rows]


def stateless_normal(shape, seed) -> tf.Tensor:
    """``tf.random.stateless_normal`` in float32 that XLA gives the same numbers.

    XLA draws the same bits (with ``alg="philox"``), but makes other numbers of them.
    These are TensorFlow's: pairs by Box and Muller's transformation.

    Args:
        shape: ``(rows, columns)``; rows may be a scalar tensor.
        seed: two integers, or a tensor ``(2,)``.

    Returns:
        float32 in that shape.
    """
    rows, columns = shape
    bits = tf.random.stateless_uniform(
        ((rows * columns + 1) // 2, 2),
        seed,
        minval=None,
        maxval=None,
        dtype=tf.uint32,
        alg="philox",
    )
    # 23 bits behind the point of a number from 1 to 2.
    one_to_two = (bits & (2**23 - 1)) | (127 << 23)
    first, second = tf.unstack(tf.bitcast(one_to_two, tf.float32) - 1, axis=-1)
    radius = tf.sqrt(-2 * tf.math.log(tf.maximum(first, 1e-7)))
    angle = 2 * np.pi * second
    pairs = tf.stack([radius * tf.sin(angle), radius * tf.cos(angle)], -1)
    return tf.reshape(tf.reshape(pairs, [-1])[: rows * columns], shape)
