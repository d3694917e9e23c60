"""Half precision is widened where it must be."""

import tensorflow as tf

from ccfpse_tf.ops.precision import at_least_float32


def test_sums_are_wide():
    for dtype, wide in (("float16", "float32"), ("float64", "float64")):
        assert at_least_float32(tf.ones(1, dtype)).dtype == wide
