"""Looked-up convolutions against convolutions of the written-out one-hot map."""

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.ops.convolution import goes_by_strips
from ccfpse_tf.ops.layout import Layout
from ccfpse_tf.ops.layout_convolution import (
    layout_convolution,
    pooled_embedding,
    reference,
)
from tests.layers.contract import numbers

pytestmark = pytest.mark.usefixtures("either_way")

CLASSES = 5
WIDTH = 3


def layout(further, size=(6, 4)):
    label = np.random.default_rng(0).integers(0, CLASSES, (2, *size)).astype(np.int32)
    return Layout(
        tf.constant(label), tf.constant(numbers(1, 2, *size, further, dtype="float64"))
    )


def weights(further, kernel_size=3):
    channels = CLASSES + further
    kernel = numbers(2, kernel_size, kernel_size, channels, WIDTH, dtype="float64")
    return tf.constant(kernel), tf.constant(numbers(9, WIDTH, dtype="float64"))


def with_gradients(function, watched):
    with tf.GradientTape() as tape:
        tape.watch(watched)
        output = function()
        loss = tf.reduce_sum(tf.sin(output))
    return output, tf.nest.flatten(tape.gradient(loss, watched))


def assert_same(found, expected):
    for ours, theirs in zip(*map(tf.nest.flatten, (found, expected)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("further", [0, 2])
def test_equals_convolutions_of_the_one_hot_map(further, relu):
    sparse, (kernel, bias) = layout(further), weights(further)
    watched = [kernel, bias]
    expected = with_gradients(lambda: reference(sparse, kernel, bias, relu), watched)
    for form in (sparse, sparse.one_hot(CLASSES)):
        found = with_gradients(
            lambda form=form: layout_convolution(form, kernel, bias, relu), watched
        )
        assert_same(found, expected)


def test_large_maps_go_by_strips_and_zeros_stay_zero():
    """Many features: TensorFlow would unfold the map to more than is allowed."""
    random, size, further = np.random.default_rng(0), (64, 128), 60
    label = random.integers(0, CLASSES, (2, *size)).astype(np.int32)
    features = random.normal(size=(2, *size, further)).astype(np.float32)
    features[:, :, 62:] = 0
    sparse = Layout(tf.constant(label), tf.constant(features))
    assert goes_by_strips(sparse.features)
    kernel = random.normal(size=(3, 3, CLASSES + further, WIDTH)).astype(np.float32)
    kernel[:, :, :CLASSES] = 0
    kernel, bias = tf.constant(kernel), tf.zeros(WIDTH)
    dense, watched = sparse.one_hot(CLASSES), [sparse.features, kernel, bias]
    expected, expected_gradients = with_gradients(
        lambda: reference(sparse, kernel, bias, relu=True), watched
    )
    for form in (sparse, dense):
        found, gradients = with_gradients(
            lambda form=form: layout_convolution(form, kernel, bias, relu=True),
            watched if form is sparse else watched[1:],
        )
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
        assert not np.any(found[:, :, 63:]) and np.any(found[:, :, 62])
        theirs = expected_gradients[-len(gradients) :]
        for one, other in zip(gradients, theirs, strict=True):
            largest = np.abs(other).max()
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * largest)


def test_gradient_reaches_the_further_channels():
    sparse, (kernel, bias) = layout(2), weights(2)
    run = lambda x: layout_convolution(x, kernel, bias, True)  # noqa: E731
    _, [found] = with_gradients(lambda: run(sparse), [sparse.features])
    dense = sparse.one_hot(CLASSES)
    _, [expected] = with_gradients(lambda: run(dense), [dense])
    np.testing.assert_allclose(found, expected[..., CLASSES:], rtol=1e-10)


@pytest.mark.parametrize("further", [0, 1])
@pytest.mark.parametrize("size", [1, 2])
def test_pooled_embedding_is_the_pooled_convolution(size, further):
    sparse, (kernel, bias) = layout(further), weights(further, 1)

    def convolved_then_pooled():
        y = tf.nn.conv2d(sparse.one_hot(CLASSES), kernel, 1, "SAME") + bias
        return tf.nn.avg_pool2d(y, size, size, "VALID")

    expected = with_gradients(convolved_then_pooled, [kernel, bias])
    for form in (sparse, sparse.one_hot(CLASSES)):
        found = with_gradients(
            lambda form=form: pooled_embedding(form, kernel, bias, size),
            [kernel, bias],
        )
        assert_same(found, expected)


def test_a_label_that_is_no_class_counts_as_none():
    """As in a one-hot map; compiled graphs leave out the check of the labels."""
    sparse, (kernel, bias) = layout(1), weights(1)
    label = tf.tensor_scatter_nd_update(sparse.label, [[0, 1, 1], [1, 2, 2]], [5, -3])
    sparse = sparse._replace(label=label)
    expected = layout_convolution(sparse.one_hot(CLASSES), kernel, bias)
    assert_same(layout_convolution(sparse, kernel, bias), expected)
    kernel, bias = weights(1, 1)
    expected = pooled_embedding(sparse.one_hot(CLASSES), kernel, bias, 2)
    assert_same(pooled_embedding(sparse, kernel, bias, 2), expected)


def test_unknown_sizes():
    """Batch and image size may be known only when the graph runs."""
    sparse, (kernel, bias) = layout(1), weights(1)

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, None), tf.int32),
            tf.TensorSpec((None, None, None, 1), tf.float64),
        ]
    )
    def run(label, features):
        return layout_convolution(Layout(label, features), kernel, bias)

    expected = layout_convolution(sparse, kernel, bias)
    assert_same(run(*sparse[:2]), expected)
