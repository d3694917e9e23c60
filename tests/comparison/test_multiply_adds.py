"""Multiply-adds that are counted are those of the equations."""

import numpy as np
import tensorflow as tf

from benchmarks import arithmetic
from benchmarks.models import Network
from ccfpse_tf.comparison.multiply_adds import multiply_adds
from ccfpse_tf.layers.layout import LayoutEncoding
from ccfpse_tf.models.generators.ccfpse import Generator


def test_convolutions_and_products():
    x = tf.ones((2, 8, 6, 3))
    cases = {
        2 * 8 * 6 * 5 * 27: lambda: tf.nn.conv2d(x, tf.ones((3, 3, 3, 5)), 1, "SAME"),
        2 * 4 * 3 * 5 * 48: lambda: tf.nn.conv2d(x, tf.ones((4, 4, 3, 5)), 2, "SAME"),
        2 * 8 * 6 * 3 * 9: lambda: tf.nn.depthwise_conv2d(
            x, tf.ones((3, 3, 3, 1)), (1, 1, 1, 1), "SAME"
        ),
        2 * 8 * 6 * 3 * 9 * 7: lambda: tf.nn.conv2d_transpose(
            x, tf.ones((3, 3, 7, 3)), (2, 16, 12, 7), 2
        ),
        3 * 4 * 6: lambda: tf.ones((3, 4)) @ tf.ones((4, 6)),
        5 * 3 * 4 * 6: lambda: tf.matmul(
            tf.ones((5, 4, 3)), tf.ones((5, 4, 6)), transpose_a=True
        ),
        0: lambda: tf.nn.relu(x * x),
    }
    for expected, call in cases.items():
        assert multiply_adds(tf.function(call)) == expected


def test_a_generator_needs_what_its_equations_say():
    network = Network(12, (64, 64), 4, 4)
    generator = Generator(13, (64, 64), ngf=4, z_dim=0, hidden=network.hidden)
    generator.build()
    label = np.arange(64 * 64).reshape(1, 64, 64) % 12
    semantics = LayoutEncoding(12, True)(label, label)
    counted = multiply_adds(lambda: generator(semantics, training=False))
    parts = arithmetic.generator_parts(network)
    # Kernels that are predicted already are applied by products of equal shapes.
    expected = sum(parts.values()) - parts["conditional convolutions"]
    np.testing.assert_allclose(counted, expected, rtol=1e-3)
