"""The one activation of CC-FPSE."""

import tensorflow as tf

SLOPE = 0.2


def leaky_relu(x: tf.Tensor) -> tf.Tensor:
    """``x`` where positive, else ``0.2 * x``."""
    if x.dtype == tf.float64:
        # TensorFlow's operation keeps its slope in float32, good to eight digits.
        return tf.where(x > 0, x, SLOPE * x)
    return tf.nn.leaky_relu(x, SLOPE)
