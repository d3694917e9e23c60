"""The parity runner's copy of TensorFlow 1's training."""

import functools
import types

import keras
import numpy as np
import tensorflow as tf

from ccfpse_tf.gan.optimizers import TensorFlowAdam
from ccfpse_tf.gan.schedules import LinearDecay
from ccfpse_tf.layers.layer_normalized_convolution import LayerNormalizedConvolution
from tests.parity import tensorflow1

HEAD = functools.partial(keras.layers.Conv2D, kernel_size=1)


def trained(early, others=(), make=LayerNormalizedConvolution):
    """A layer's gradient to its input in the second step, and its kernel before it."""
    x = tf.constant(np.random.default_rng(0).normal(size=(1, 5, 4, 2)))
    layer = make(3, dtype="float64")
    layer.build(x.shape)
    value = np.random.default_rng(1).normal(size=layer.kernel.shape)
    layer.kernel.assign(value)
    optimizer = TensorFlowAdam(LinearDecay(0.1, 1, 0, 1))
    optimizer.build([layer.kernel])
    model = types.SimpleNamespace(optimizer=optimizer)

    def step():
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x) ** 3)
        by_x, by_kernel = tape.gradient(loss, [x, layer.kernel.value])
        optimizer.apply([by_kernel], [layer.kernel])
        return by_x

    step()
    before = np.array(layer.kernel)
    if early:
        with tensorflow1.early_updates(model, others or [layer]):
            by_x = step()
    else:
        by_x = step()
    return layer, x, before, by_x


def test_a_gradient_passes_the_updated_kernel_of_the_layers_named():
    layer, x, before, by_x = trained(early=True)
    plain, _, _, plainly = trained(early=False)
    np.testing.assert_array_equal(layer.kernel, plain.kernel)
    assert not np.allclose(by_x, plainly, rtol=1e-3)
    *_, of_others = trained(early=True, others=[plain])
    np.testing.assert_array_equal(of_others, plainly)
    # The convolution is linear: its gradient takes the other kernel, no more.
    with tf.GradientTape() as tape:
        output = tf.nn.conv2d(x, before, 1, "SAME")
        tape.watch(output)
        centred = output - tf.reduce_mean(output)
        deviation = tf.sqrt(tf.reduce_mean(centred**2) + layer.epsilon)
        y = centred / deviation  # gamma is 1 and beta 0
        loss = tf.reduce_sum(tf.maximum(y, 0.2 * y) ** 3)
    by_output = tape.gradient(loss, output)
    expected = tf.nn.conv2d_transpose(
        by_output, np.array(layer.kernel), x.shape, 1, "SAME"
    )
    np.testing.assert_allclose(by_x, expected, rtol=1e-9, atol=1e-9)


def test_so_does_the_gradient_of_a_head():
    layer, x, before, by_x = trained(early=True, make=HEAD)
    plain, _, _, plainly = trained(early=False, make=HEAD)
    np.testing.assert_array_equal(layer.kernel, plain.kernel)
    by_output = 3 * tf.nn.conv2d(x, before, 1, "SAME") ** 2
    for found, kernel in ((by_x, layer.kernel), (plainly, before)):
        kernel = np.array(kernel)
        expected = tf.nn.conv2d_transpose(by_output, kernel, x.shape, 1, "SAME")
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_adam_of_tensorflow_1_has_rounded_numbers():
    beta_1, beta_2, rate = (float(np.float32(x)) for x in (0.9, 0.999, 1e-4))
    power_1, power_2 = np.float32(0.9), np.float32(0.999)
    weight = keras.Variable(np.array([1.0, -2.0, 0.5]), dtype="float64")
    optimizer = tensorflow1.RoundedAdam(LinearDecay(1e-4, 1, 0, 1))
    optimizer.build([weight])
    expected, mean, square = np.array(weight), 0, 0
    for step in range(3):
        gradient = np.array([0.3, -4.0, 1e-7]) * (step + 1)
        optimizer.apply([tf.constant(gradient)], [weight])
        mean += (gradient - mean) * (1 - beta_1)
        square += (gradient**2 - square) * (1 - beta_2)
        scale = rate * np.sqrt(1 - float(power_2)) / (1 - float(power_1))
        expected -= scale * mean / (np.sqrt(square) + float(np.float32(1e-8)))
        power_1, power_2 = power_1 * np.float32(0.9), power_2 * np.float32(0.999)
        np.testing.assert_allclose(weight, expected, rtol=1e-14)
