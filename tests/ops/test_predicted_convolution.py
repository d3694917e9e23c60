"""Prediction and application in one, against the two one after the other."""

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.ops import predicted_convolution as module
from ccfpse_tf.ops.convolution import convolution_method
from ccfpse_tf.ops.predicted_convolution import predicted_convolution, reference
from tests.layers.contract import numbers

pytestmark = pytest.mark.usefixtures("either_way")

SIZE = (2, 12, 8)  # batch, height, width
CHANNELS = 6


@pytest.fixture
def operands():
    shapes = (*SIZE, CHANNELS), (*SIZE, 3), (3, 3, 3, 9 * CHANNELS), (9 * CHANNELS,)
    arrays = [numbers(i, *shape, dtype="float64") for i, shape in enumerate(shapes)]
    return [tf.constant(array) for array in arrays]


def with_gradients(function, operands):
    with tf.GradientTape() as tape:
        tape.watch(operands)
        y = function(*operands)
        loss = tf.reduce_sum(tf.sin(y))
    return y, *tape.gradient(loss, operands)


def assert_same(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("method", ["direct", "winograd"])
def test_equals_the_two_steps(operands, method, recompute):
    with convolution_method("direct"):
        expected = with_gradients(reference, operands)
    with convolution_method(method):
        found = with_gradients(
            lambda *x: predicted_convolution(*x, recompute=recompute), operands
        )
    assert_same(found, expected)


@pytest.mark.parametrize("groups", [2, 3, 6])
@pytest.mark.parametrize("method", ["direct", "winograd"])
def test_groups_of_channels_in_graphs(operands, method, groups, monkeypatch):
    expected = with_gradients(reference, operands)
    strips = method == "winograd"
    x, hidden = operands[:2]
    # Per channel: kernels of all pixels, or the transformed kernel.
    whole = 9 * CHANNELS * 8 * (36 * hidden.shape[-1] if strips else np.prod(SIZE))
    monkeypatch.setattr(module, "GROUP_BYTES", whole // groups)
    with convolution_method(method):
        assert module._group_count(x, hidden, strips) == groups
        run = tf.function(lambda *x: with_gradients(predicted_convolution, list(x)))
        assert_same(run(*operands), expected)


@pytest.mark.parametrize("strips", [False, True])
def test_a_group_has_a_channel_at_least(operands, strips, monkeypatch):
    monkeypatch.setattr(module, "GROUP_BYTES", 1)
    assert module._group_count(*operands[:2], strips) == CHANNELS
