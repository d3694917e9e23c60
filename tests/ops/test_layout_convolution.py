"""Looked-up convolutions against convolutions of the written-out one-hot map."""

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.ops.convolution import goes_by_strips
from ccfpse_tf.ops.layout import Layout
from ccfpse_tf.ops.layout_convolution import layout_convolutions, pooled_embedding
from tests.layers.contract import numbers

pytestmark = pytest.mark.usefixtures("either_way")

CLASSES = 5
WIDTHS = (3, 1, 4)


def layout(further, size=(6, 4)):
    label = np.random.default_rng(0).integers(0, CLASSES, (2, *size)).astype(np.int32)
    return Layout(
        tf.constant(label), tf.constant(numbers(1, 2, *size, further, dtype="float64"))
    )


def weights(further, kernel_size=3):
    channels = CLASSES + further
    kernels = [
        numbers(2 + i, kernel_size, kernel_size, channels, width, dtype="float64")
        for i, width in enumerate(WIDTHS)
    ]
    biases = [numbers(9 + i, width, dtype="float64") for i, width in enumerate(WIDTHS)]
    return [tf.constant(x) for x in kernels], [tf.constant(x) for x in biases]


def with_gradients(function, watched):
    with tf.GradientTape() as tape:
        tape.watch(watched)
        outputs = function()
        loss = tf.add_n([tf.reduce_sum(tf.sin(y)) for y in outputs])
    return outputs, tf.nest.flatten(tape.gradient(loss, watched))


def assert_same(found, expected):
    for ours, theirs in zip(*map(tf.nest.flatten, (found, expected)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("further", [0, 2])
def test_equals_convolutions_of_the_one_hot_map(further, relu):
    sparse, (kernels, biases) = layout(further), weights(further)
    dense = sparse.one_hot(CLASSES)

    def one_by_one():
        for kernel, bias in zip(kernels, biases, strict=True):
            y = tf.nn.bias_add(tf.nn.conv2d(dense, kernel, 1, "SAME"), bias)
            yield tf.nn.relu(y) if relu else y

    watched = [kernels, biases]
    expected = with_gradients(lambda: list(one_by_one()), watched)
    for form in (sparse, dense):
        found = with_gradients(
            lambda form=form: layout_convolutions(form, kernels, biases, relu), watched
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
    kernels = [
        random.normal(size=(3, 3, CLASSES + further, width)).astype(np.float32)
        for width in WIDTHS
    ]
    kernels[0][:, :, :CLASSES] = 0
    biases = [np.zeros(width, np.float32) for width in WIDTHS]
    kernels, biases = (list(map(tf.constant, x)) for x in (kernels, biases))
    dense, watched = sparse.one_hot(CLASSES), [sparse.features, kernels, biases]

    def convolved():
        maps = sparse.one_hot(CLASSES)
        for kernel, bias in zip(kernels, biases, strict=True):
            y = tf.nn.bias_add(tf.nn.conv2d(maps, kernel, 1, "SAME"), bias)
            yield tf.nn.relu(y)

    expected, expected_gradients = with_gradients(lambda: list(convolved()), watched)
    for form in (sparse, dense):
        found, gradients = with_gradients(
            lambda form=form: layout_convolutions(form, kernels, biases, relu=True),
            watched if form is sparse else watched[1:],
        )
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
        assert not np.any(found[0][:, :, 63:]) and np.any(found[0][:, :, 62])
        theirs = expected_gradients[-len(gradients) :]
        for one, other in zip(gradients, theirs, strict=True):
            largest = np.abs(other).max()
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * largest)


def test_gradient_reaches_the_further_channels():
    sparse, (kernels, biases) = layout(2), weights(2)
    run = lambda x: layout_convolutions(x, kernels, biases, True)  # noqa: E731
    _, [found] = with_gradients(lambda: run(sparse), [sparse.features])
    dense = sparse.one_hot(CLASSES)
    _, [expected] = with_gradients(lambda: run(dense), [dense])
    np.testing.assert_allclose(found, expected[..., CLASSES:], rtol=1e-10)


@pytest.mark.parametrize("further", [0, 1])
@pytest.mark.parametrize("size", [1, 2])
def test_pooled_embedding_is_the_pooled_convolution(size, further):
    sparse, (kernels, biases) = layout(further), weights(further, 1)
    kernel, bias = kernels[2], biases[2]

    def convolved_then_pooled():
        y = tf.nn.conv2d(sparse.one_hot(CLASSES), kernel, 1, "SAME") + bias
        return [tf.nn.avg_pool2d(y, size, size, "VALID")]

    expected = with_gradients(convolved_then_pooled, [kernel, bias])
    for form in (sparse, sparse.one_hot(CLASSES)):
        found = with_gradients(
            lambda form=form: [pooled_embedding(form, kernel, bias, size)],
            [kernel, bias],
        )
        assert_same(found, expected)


def test_a_label_that_is_no_class_counts_as_none():
    """As in a one-hot map; compiled graphs leave out the check of the labels."""
    sparse, (kernels, biases) = layout(1), weights(1)
    label = tf.tensor_scatter_nd_update(sparse.label, [[0, 1, 1], [1, 2, 2]], [5, -3])
    sparse = sparse._replace(label=label)
    expected = layout_convolutions(sparse.one_hot(CLASSES), kernels, biases)
    assert_same(layout_convolutions(sparse, kernels, biases), expected)
    [_, _, kernel], [_, _, bias] = weights(1, 1)
    expected = pooled_embedding(sparse.one_hot(CLASSES), kernel, bias, 2)
    assert_same(pooled_embedding(sparse, kernel, bias, 2), expected)


def test_unknown_sizes():
    """Batch and image size may be known only when the graph runs."""
    sparse, (kernels, biases) = layout(1), weights(1)

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, None), tf.int32),
            tf.TensorSpec((None, None, None, 1), tf.float64),
        ]
    )
    def run(label, features):
        return layout_convolutions(Layout(label, features), kernels, biases)

    expected = layout_convolutions(sparse, kernels, biases)
    assert_same(run(*sparse), expected)
