"""The evaluation networks, small ones, against a second computation in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.evaluation.networks import resampling
from ccfpse_tf.evaluation.networks.deeplab import DeepLabV2
from ccfpse_tf.evaluation.networks.drn import bilinear_kernel
from ccfpse_tf.evaluation.networks.input_rule import InputRule
from ccfpse_tf.evaluation.networks.upernet import INPUT_RULES, UPerNet
from ccfpse_tf.evaluation.networks.weights import load
from tests.evaluation.networks import segmenter_oracle as oracle
from tests.evaluation.networks.small_segmenters import NETWORKS

ORACLES = {
    "drn": oracle.drn,
    "upernet": oracle.upernet,
    "deeplab": lambda x, state: oracle.deeplab(x, state, factor=False),
    "deeplab factor": lambda x, state: oracle.deeplab(x, state, factor=True),
}


def images(height, width, seed=0):
    """One image as the networks read it."""
    shape = (1, height, width, 3)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def both(function, x, *args):
    """Our result and the oracle's, for an array ``(c, h, w)``."""
    x = tf.constant(np.moveaxis(x, 0, -1)[None])
    return np.moveaxis(np.asarray(function(x, *args))[0], -1, 0)


@pytest.mark.parametrize("kind", NETWORKS)
def test_equals_the_oracle_at_any_size(kind):
    network = NETWORKS[kind]()
    state = oracle.random_state(network)
    load(network, state)
    run = tf.function(network.call, input_signature=[tf.TensorSpec((1, None, None, 3))])
    for size in ((32, 48), (35, 50), (41, 66)):
        x = images(*size)
        expected = ORACLES[kind](np.moveaxis(x[0], -1, 0).astype(np.float64), state)
        error = np.abs(np.moveaxis(np.asarray(run(x))[0], -1, 0) - expected)
        assert error.max() < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_network_comes_back_from_its_configuration(kind):
    network = NETWORKS[kind]()
    state = oracle.random_state(network)
    again = type(network).from_config(network.get_config())
    for one in (network, again):
        load(one, state)
    x = images(17, 18)
    np.testing.assert_array_equal(network(x), again(x))
    assert network.trainable_variables == []


def test_weights_are_float32_under_another_policy():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = NETWORKS["drn"]()
    finally:
        keras.config.set_dtype_policy(before)
    load(network, oracle.random_state(network))
    assert network(images(16, 16)).dtype == tf.float32


@pytest.mark.parametrize("size", [(1, 2), (3, 4), (8, 9), (17, 16)])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_maxima_and_how_many(size, ceil_mode):
    x = np.random.default_rng(1).normal(size=(2, *size)).astype(np.float32) - 5
    expected = oracle.maximum(x, ceil_mode)
    np.testing.assert_array_equal(both(resampling.max_pool, x, ceil_mode), expected)
    sides = [
        {(1, 0): 1, (1, 1): 1, (2, 0): 1, (2, 1): 2}.get((n, ceil_mode)) for n in size
    ]
    for side, known in zip(expected.shape[1:], sides, strict=True):
        assert known in (side, None)


def test_how_many_maxima_the_publication_has():
    for size, count in {64: 33, 65: 33, 128: 65}.items():
        x = tf.zeros((1, size, size, 1))
        assert resampling.max_pool(x, ceil_mode=True).shape[1:3] == (count, count)


def test_bins_overlap_where_they_do_not_divide():
    row = np.arange(1.0, 6.0, dtype=np.float32).reshape(1, 1, 5, 1)  # 1 2 3 4 5
    found = np.asarray(resampling.adaptive_average_pool(row, 3))[0, 0, :, 0]
    np.testing.assert_allclose(found, [1.5, 3.0, 4.5])  # 1 2, 2 3 4, 4 5
    found = np.asarray(resampling.adaptive_average_pool(row[:, :, :2], 3))[0, 0, :, 0]
    np.testing.assert_allclose(found, [1.0, 1.5, 2.0])  # 1, 1 2, 2


@pytest.mark.parametrize("bins", [1, 2, 3, 6])
def test_adaptive_means(bins):
    x = np.random.default_rng(2).normal(size=(2, 4, 7)).astype(np.float32)
    found = both(resampling.adaptive_average_pool, x, bins)
    np.testing.assert_allclose(found, oracle.average(x, bins), atol=1e-6)


def test_the_old_rule_of_scales_reads_elsewhere():
    row = np.arange(5.0, dtype=np.float32).reshape(1, 1, 5, 1)

    def halved(step):
        found = resampling.resize_bilinear(row, (1, 2), step)
        return np.asarray(found)[0, 0, :, 0]

    np.testing.assert_allclose(halved(None), [0.75, 3.25])  # 5/2 pixels apart
    np.testing.assert_allclose(halved(2.0), [0.5, 2.5])
    even = tf.constant(row[:, :, :4])  # where sizes divide, both rules agree
    for step in (None, 2.0):
        found = resampling.resize_bilinear(even, (1, 2), step)
        np.testing.assert_allclose(np.asarray(found)[0, 0, :, 0], [0.5, 2.5])


def test_upsampling_spreads_and_fades_at_the_border():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2, 3, 5)).astype(np.float32)
    kernel = rng.normal(size=(2, 16, 16)).astype(np.float32)
    found = both(
        resampling.transposed_depthwise, x, tf.constant(kernel.transpose(1, 2, 0))
    )
    np.testing.assert_allclose(found, oracle.spread(x, kernel, 8), atol=1e-5)
    tents = bilinear_kernel(8)
    assert tents[0, 0] == 1 / 256 and tents[7, 7] == tents[8, 8] == (15 / 16) ** 2
    ones = tf.ones((1, 2, 2, 1))
    found = resampling.transposed_depthwise(ones, tf.constant(tents[..., None]))
    np.testing.assert_allclose(found[0, 4:-4, 4:-4, 0], 1, atol=1e-6)
    np.testing.assert_allclose(found[0, 8, :4, 0], np.array([9, 11, 13, 15]) / 16)


def test_input_rules():
    pixel = np.array([[[255, 0, 51]]], np.uint8)
    rule = InputRule("RGB", 1 / 255, (0.5, 0.5, 0.5), (0.5, 0.25, 0.1))
    np.testing.assert_allclose(rule(pixel)[0, 0], [1, -2, -3], rtol=1e-6)
    found = INPUT_RULES["caffe"](pixel)
    assert found.dtype == np.float32
    expected = [51 - 102.9801, -115.9465, 255 - 122.7717]
    np.testing.assert_allclose(found[0, 0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    "make", [lambda: UPerNet(normalisation="bgr"), lambda: DeepLabV2(scale_rule="old")]
)
def test_unknown_rules_are_refused(make):
    with pytest.raises(ValueError, match="choose from"):
        make()
