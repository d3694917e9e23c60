"""Spectral normalisation against a power iteration in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.layers.spectral_convolution import SpectralConv2D
from tests.layers import oracle
from tests.layers.contract import numbers

# The kernel as (out, in * kh * kw) in the order out, kh, kw, in: any fixed order of the
# columns gives the same sigma, as long as v follows it.


def matrix_of(kernel):
    return kernel.reshape(-1, kernel.shape[-1]).T


@pytest.fixture
def layer():
    layer = SpectralConv2D(4, 3, 2, dtype="float64")
    layer.build((None, None, None, 2))
    return layer


@pytest.fixture
def x():
    return numbers(0, 2, 5, 6, 2, dtype="float64")


def test_training_iterates_once_per_call(layer, x):
    kernel = oracle.weights_of(layer.kernel)
    u = oracle.weights_of(layer.u)
    for _ in range(3):
        y = layer(tf.constant(x), training=True)
        u, v = oracle.power_iteration(matrix_of(kernel), u)
        np.testing.assert_allclose(layer.u, u, atol=1e-12)
        np.testing.assert_allclose(layer.v, v, atol=1e-12)
        sigma = u @ matrix_of(kernel) @ v
        expected = oracle.convolve(x, kernel / sigma, 0.0, 2)
        np.testing.assert_allclose(y, expected, atol=1e-12)
    np.testing.assert_array_equal(layer.kernel, kernel)


def test_evaluation_uses_the_stored_vectors(layer, x):
    rng = np.random.default_rng(1)
    u, v = rng.normal(size=4), rng.normal(size=18)  # not even unit vectors
    layer.u.assign(u)
    layer.v.assign(v)
    kernel = oracle.weights_of(layer.kernel)
    expected = oracle.convolve(x, kernel / (u @ matrix_of(kernel) @ v), 0.0, 2)
    for training in (False, None):
        np.testing.assert_allclose(layer(x, training=training), expected, rtol=1e-10)
    np.testing.assert_array_equal(layer.u, u)
    np.testing.assert_array_equal(layer.v, v)


def test_many_iterations_find_the_largest_singular_value(layer, x):
    kernel = oracle.weights_of(layer.kernel)
    kernel[..., 0] *= 4  # so that one singular value leads clearly
    layer.kernel.assign(kernel)
    for _ in range(20):
        layer(x, training=True)
    largest = np.linalg.svd(matrix_of(kernel), compute_uv=False)[0]
    expected = oracle.convolve(x, kernel / largest, 0.0, 2)
    np.testing.assert_allclose(layer(x), expected, atol=1e-8)


@pytest.mark.parametrize("training", [False, True])
def test_gradient_flows_through_sigma_with_fixed_vectors(layer, x, training):
    kernel = oracle.weights_of(layer.kernel)
    u, v = oracle.power_iteration(matrix_of(kernel), oracle.weights_of(layer.u))
    if not training:
        layer.u.assign(u)
        layer.v.assign(v)
    share = numbers(2, 2, 3, 3, 4, dtype="float64")

    def value(kernel):
        normalized = kernel / (u @ matrix_of(kernel) @ v)
        return (share * oracle.convolve(x, normalized, 0.0, 2)).sum()

    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(share * layer(tf.constant(x), training=training))
    found = tape.gradient(loss, layer.kernel.value)
    expected = oracle.numerical_gradient(value, kernel)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    # kernel / sigma does not depend on the kernel's scale; with a constant sigma this
    # sum would be the loss itself.
    assert abs(np.sum(found * kernel)) < 1e-9 < 1e-3 < abs(loss)


def test_zero_kernel_does_not_divide_by_zero_norms(layer, x):
    layer.kernel.assign(np.zeros(layer.kernel.shape))
    layer(x, training=True)
    np.testing.assert_array_equal(layer.u, np.zeros(4))
    np.testing.assert_array_equal(layer.v, np.zeros(18))


@pytest.mark.parametrize(
    ("size", "strides", "height", "width"),
    [(3, 2, 6, 4), (3, 2, 5, 7), (3, 1, 4, 5), (1, 1, 3, 2), (3, 2, 1, 2)],
)
def test_pads_one_zero_on_all_four_sides(size, strides, height, width):
    layer = SpectralConv2D(3, size, strides, dtype="float64")
    x = numbers(3, 1, height, width, 2, dtype="float64")
    y = layer(x)
    np.testing.assert_allclose(y, oracle.spectral(layer, x), rtol=1e-9, atol=1e-9)
    assert tuple(y.shape) == layer.compute_output_shape(x.shape)


@pytest.mark.parametrize("size", range(1, 6))
@pytest.mark.parametrize("strides", [1, 2, 3])
def test_output_shape_is_that_of_a_call(size, strides):
    layer = SpectralConv2D(3, size, strides)
    for height, width in ((5, 6), (7, 8), (9, 5)):
        x = tf.zeros((1, height, width, 2))
        expected = layer.compute_output_shape(x.shape)
        assert tuple(layer(x).shape) == expected
    unknown = layer.compute_output_shape((None, None, None, 2))
    assert unknown == (None, None, None, 3)


def test_bias_free_and_only_the_kernel_is_trained(layer):
    assert [weight.name for weight in layer.trainable_weights] == ["kernel"]
    assert [weight.name for weight in layer.non_trainable_weights] == ["u", "v"]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_sigma_in_float32_under_mixed_precision(policy):
    layer = SpectralConv2D(4, 3, dtype=policy)
    layer.build((None, None, None, 2))
    kernel = oracle.weights_of(layer.kernel)
    u, v = oracle.power_iteration(matrix_of(kernel), oracle.weights_of(layer.u))
    x = np.zeros((1, 3, 3, 2), np.float32)
    x[0, 1, 1] = 1, 0
    y = layer(x, training=True)
    np.testing.assert_allclose(layer.u, u, atol=1e-6)
    np.testing.assert_allclose(layer.v, v, atol=1e-6)
    # The centre pixel's response is one kernel row: rounded once, after the division.
    half = y.dtype
    expected = tf.cast(kernel[1, 1, 0] / (u @ matrix_of(kernel) @ v), tf.float32)
    np.testing.assert_array_equal(y[0, 1, 1], tf.cast(expected, half))
