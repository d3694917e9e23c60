"""Half-precision values, added up in float32."""

import tensorflow as tf


def at_least_float32(x: tf.Tensor) -> tf.Tensor:
    """``x`` in float32, or as it is in float64.

    A sum over a feature map has more digits than half precision, and in float16 may
    leave its range.
    """
    return x if x.dtype == tf.float64 else tf.cast(x, tf.float32)
