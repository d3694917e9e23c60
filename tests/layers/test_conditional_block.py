"""SPADE and the CC block against NumPy, from their own weights."""

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.layers.conditional_block import ConditionalBlock
from ccfpse_tf.layers.layout_predictor import LayoutPredictor
from ccfpse_tf.layers.spade import SPADE
from ccfpse_tf.ops import activations, layout_features
from ccfpse_tf.ops.convolution import convolution_method
from ccfpse_tf.ops.layout import Layout
from ccfpse_tf.ops.resizing import upsample_nearest
from tests.layers import oracle
from tests.layers.contract import numbers, randomize

EXTRA = [[0, 0], [0, 0], [0, 0], [0, 4]]  # channels of a dense layout


def inputs(channels):
    x = numbers(0, 2, 3, 4, channels, dtype="float64")
    return x, numbers(1, 2, 3, 4, 5, dtype="float64")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_leaky_relu(dtype):
    y = activations.leaky_relu(tf.constant([-10, -1, 0, 3], dtype))
    assert y.dtype == dtype
    exact = np.array([-10 * 0.2, -0.2, 0, 3], dtype)
    np.testing.assert_allclose(y, exact, rtol=4 * np.finfo(dtype).eps)


def test_predictor():
    layer = LayoutPredictor(6, hidden=4, dtype="float64")
    _, layout = inputs(3)
    layer.build(layout.shape)
    randomize(layer)
    np.testing.assert_allclose(layer(layout), oracle.predictor(layer, layout), 1e-11)
    layer = LayoutPredictor(6, 4, "sigmoid", dtype="float64")
    layer.build(layout.shape)
    randomize(layer)
    expected = oracle.sigmoid(oracle.predictor(layer, layout))
    np.testing.assert_allclose(layer(layout), expected, 1e-11)


@pytest.mark.parametrize("training", [True, False])
def test_spade(training):
    x, layout = inputs(3)
    layer = SPADE(hidden=4, dtype="float64")
    layer.build(x.shape, layout.shape)
    randomize(layer)
    expected = oracle.spade(layer, x, layout, training)
    found = layer(x, layout, training=training)
    np.testing.assert_allclose(found, expected, atol=1e-11)
    # Its norm has statistics, but neither scale nor offset.
    assert [w.name for w in layer.norm.weights] == ["moving_mean", "moving_variance"]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("channels", "filters"), [(3, 3), (4, 2), (2, 3)])
def test_block(channels, filters, training):
    x, layout = inputs(channels)
    layer = ConditionalBlock(filters, hidden=4, dtype="float64")
    layer.build(x.shape, layout.shape)
    randomize(layer)
    expected = oracle.block(layer, x, layout, training)
    found = layer(x, layout, training=training)
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_features_made_again_change_nothing(training, sparse, monkeypatch):
    x, dense = inputs(4)
    label = np.arange(24, dtype=np.int32).reshape(2, 3, 4) % 4

    def run(large):
        monkeypatch.setattr(layout_features, "LARGE", large)
        layer = ConditionalBlock(2, hidden=4, dtype="float64")
        layer.build(x.shape, (2, 3, 4, 7))
        randomize(layer)

        @tf.function
        def call(x, features):
            with tf.GradientTape() as tape:
                tape.watch((x, features))
                layout = Layout(label, features) if sparse else tf.pad(features, EXTRA)
                y = layer(x, layout, training=training)
                loss = tf.reduce_sum(y**3)
            weights = [weight.value for weight in layer.trainable_weights]
            return y, *tape.gradient(loss, [x, features, *weights])

        return call(tf.constant(x), tf.constant(dense[..., :3]))

    for found, kept in zip(run(large=1), run(large=10**9), strict=True):
        np.testing.assert_allclose(found, kept, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("large", [1, 10**9])
@pytest.mark.parametrize(("training", "filters"), [(False, 2), (True, 2), (True, 4)])
def test_upsampling_inside_is_upsampling_before(training, filters, large, monkeypatch):
    monkeypatch.setattr(layout_features, "LARGE", large)
    x = tf.constant(numbers(0, 2, 2, 3, 4, dtype="float64"))
    layout = tf.constant(numbers(1, 2, 4, 6, 5, dtype="float64"))

    def run(upsample):
        layer = ConditionalBlock(filters, hidden=4, upsample=upsample, dtype="float64")
        layer.build(x.shape, layout.shape)
        randomize(layer)
        with tf.GradientTape() as tape:
            tape.watch(x)
            read = x if upsample else upsample_nearest(x)
            y = layer(read, layout, training=training)
            loss = tf.reduce_sum(y**3)
        assert y.shape == layer.compute_output_shape(read.shape, layout.shape)
        weights = [weight.value for weight in layer.trainable_weights]
        return y, *tape.gradient(loss, [x, *weights]), *layer.non_trainable_weights

    for found, expected in zip(run(True), run(False), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("training", [False, True])
def test_strips_change_nothing(training):
    x = tf.constant(numbers(0, 2, 8, 4, 4, dtype="float64"))
    layout = tf.constant(numbers(1, 2, 8, 4, 5, dtype="float64"))

    def run(method):
        layer = ConditionalBlock(2, hidden=4, dtype="float64")
        layer.build(x.shape, layout.shape)
        randomize(layer)
        with convolution_method(method), tf.GradientTape() as tape:
            tape.watch((x, layout))
            y = layer(x, layout, training=training)
            loss = tf.reduce_sum(y**3)
        weights = [weight.value for weight in layer.trainable_weights]
        return y, *tape.gradient(loss, [x, layout, *weights])

    for found, plain in zip(run("winograd"), run("direct"), strict=True):
        np.testing.assert_allclose(found, plain, rtol=1e-9, atol=1e-9)


def test_block_resizes_a_larger_layout_by_nearest():
    x, _ = inputs(2)
    layout = numbers(2, 2, 6, 12, 5, dtype="float64")
    layer = ConditionalBlock(2, hidden=4, dtype="float64")
    layer.build(x.shape, layout.shape)
    randomize(layer)
    expected = oracle.block(layer, x, layout[:, ::2, ::3])
    np.testing.assert_allclose(layer(x, layout), expected, atol=1e-10)


def test_every_trained_weight_gets_a_gradient():
    x, layout = inputs(3)
    layer = ConditionalBlock(2, hidden=4, dtype="float64")
    layer.build(x.shape, layout.shape)
    randomize(layer)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x, layout, training=True) ** 2)
    variables = {weight.path: weight.value for weight in layer.trainable_weights}
    for path, gradient in tape.gradient(loss, variables).items():
        assert gradient is not None and np.abs(gradient).max() > 0, path


@pytest.mark.parametrize("part", ["x", "layout", "kernels"])
def test_block_gradient_by_finite_differences(part):
    x, layout = inputs(3)
    layer = ConditionalBlock(2, hidden=2, dtype="float64")
    layer.build(x.shape, layout.shape)
    randomize(layer)
    share = numbers(3, 2, 3, 4, 2, dtype="float64")
    bias = layer.second_kernels.output_convolution.bias
    values = {"x": x, "layout": layout, "kernels": oracle.weights_of(bias)}
    tensors = {"x": tf.constant(x), "layout": tf.constant(layout)}
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        y = layer(tensors["x"], tensors["layout"], training=False)
        loss = tf.reduce_sum(share * y**2)
    found = np.ravel(tape.gradient(loss, tensors | {"kernels": bias.value})[part])

    def value(moved):
        if part == "kernels":
            bias.assign(moved)
        arrays = values | {part: moved}
        y = oracle.block(layer, arrays["x"], arrays["layout"])
        return (share * y**2).sum()

    def difference(place):
        moved = [values[part].copy(), values[part].copy()]
        for array, step in zip(moved, (1e-6, -1e-6), strict=True):
            array[np.unravel_index(place, array.shape)] += step
        return (value(moved[0]) - value(moved[1])) / 2e-6

    for place in np.random.default_rng(4).integers(0, found.size, 8):
        np.testing.assert_allclose(found[place], difference(place), 1e-4, 1e-6)
