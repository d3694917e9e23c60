"""Winograd's form against the convolution that it replaces, in both directions."""

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.ops import winograd
from ccfpse_tf.ops.convolution import convolution, convolution_method, uses_winograd
from tests.layers.contract import numbers

pytestmark = pytest.mark.usefixtures("either_way")

SIZES = [(4, 4), (8, 12), (24, 4), (64, 64)]


def results(method, x, kernel, bias, cotangent):
    with convolution_method(method), tf.GradientTape() as tape:
        tape.watch((x, kernel, bias))
        y = convolution(x, kernel, bias)
    return y, *tape.gradient(y, (x, kernel, bias), cotangent)


def operands(size, dtype):
    x = numbers(0, 2, *size, 3, dtype=dtype)
    kernel = numbers(1, 3, 3, 3, 5, dtype=dtype)
    return x, kernel, numbers(2, 5, dtype=dtype), numbers(3, 2, *size, 5, dtype=dtype)


@pytest.mark.parametrize("size", SIZES)
def test_equals_the_direct_convolution_in_float64(size):
    """Also where an image has many strips, whose borders overlap."""
    tensors = [tf.constant(array) for array in operands(size, "float64")]
    pairs = zip(results("winograd", *tensors), results("direct", *tensors), strict=True)
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


def test_float32_loses_one_digit_at_most():
    """Root mean square error against float64, relative to the direct form's."""
    exact = results("direct", *map(tf.constant, operands((32, 32), "float64")))
    tensors = [tf.constant(array) for array in operands((32, 32), "float32")]
    for method, limit in (("direct", 1e-6), ("winograd", 5e-6)):
        for found, expected in zip(results(method, *tensors), exact, strict=True):
            error = np.sqrt(np.mean((np.asarray(found) - expected) ** 2))
            assert error < limit * np.std(expected), method


def test_strips_cover_the_image_once():
    strips = winograd.Strips(24, 8, tiles=4)
    assert (strips.per_image, strips.rows, strips.tiles) == (3, 8, 4)
    pixels, samples = strips.pixels().numpy(), strips.samples().numpy()
    assert sorted(pixels.ravel()) == list(range(8 * 8))
    assert samples.max() == (8 + 2) * (8 + 2) - 1
    np.testing.assert_array_equal(pixels.ravel()[strips.order()], range(8 * 8))
    corner = [10 * row + column for row in range(3) for column in range(3)]
    np.testing.assert_array_equal(strips.neighbours()[0, 0], corner)
    # A row of tiles that is wider than the limit is not cut.
    assert winograd.Strips(8, 64, tiles=4).tiles == 16


def test_where_it_is_used():
    def used(*shape, filters=128, dtype="float32"):
        return uses_winograd(tf.zeros(shape, dtype), filters)

    assert used(1, 24, 24, 2)
    assert not used(1, 16, 16, 2)  # too small to pay
    assert not used(1, 32, 32, 2, filters=63)
    assert used(1, 32, 32, 2, filters=None)  # gradients
    assert not used(1, 30, 32, 2)
    assert not used(1, 32, 32, 2, dtype="float16")
    with convolution_method("winograd"):
        assert used(1, 4, 4, 2, filters=1)
        assert not used(1, 4, 6, 2)
    with convolution_method("direct"):
        assert not used(1, 32, 32, 2)


def test_exact_zeros_stay_zero():
    """A ReLU may follow, so rounding must not decide the side of 0."""
    x = tf.ones((1, 8, 8, 2))
    kernel = tf.concat([tf.ones((3, 3, 1, 3)), -tf.ones((3, 3, 1, 3))], 2) / 3
    with convolution_method("winograd"):
        exact = convolution(x, kernel, tf.zeros(3), exact_zeros=True)
        quick = convolution(x, kernel, tf.zeros(3))
    assert not np.any(exact)
    np.testing.assert_allclose(quick, 0, atol=1e-5)


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="'fft': choose from"):
        with convolution_method("fft"):
            pass
