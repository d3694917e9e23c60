"""Seeded normal numbers are TensorFlow's."""

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.export.philox import stateless_normal


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1, 2**40 + 3, -5, -(2**63)])
@pytest.mark.parametrize("count", [1, 4, 37])
def test_they_are_those_of_tensorflow(seed, count):
    key = tf.constant([seed, 0], tf.int64)
    wanted = tf.random.stateless_normal((count,), key, alg="philox")
    found = stateless_normal(seed, count)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=5e-6)
