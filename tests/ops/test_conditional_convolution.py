"""Conditional depthwise convolution against sums over pixels, channels and taps."""

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.ops.conditional_convolution import conditional_depthwise_convolution
from tests.layers import oracle
from tests.layers.contract import dynamic, numbers

pytestmark = pytest.mark.usefixtures("either_way")

X_SHAPE = (2, 4, 3, 2)


@pytest.fixture
def x():
    return numbers(0, *X_SHAPE, dtype="float64")


@pytest.fixture
def kernels():
    """Tap-major: ``(..., 3, 3, channels)`` flattened."""
    return numbers(1, *X_SHAPE[:3], 3, 3, X_SHAPE[3], dtype="float64")


def flat(kernels):
    return kernels.reshape(*kernels.shape[:3], -1)


def direct(x, kernels):
    """The equation, with one loop for each of its indices."""
    y = np.zeros(x.shape)
    batch, height, width, channels = x.shape
    for b, i, j, c in np.ndindex(batch, height, width, channels):
        for u, v in np.ndindex(3, 3):
            row, column = i + u - 1, j + v - 1
            if 0 <= row < height and 0 <= column < width:
                y[b, i, j, c] += kernels[b, i, j, u, v, c] * x[b, row, column, c]
    return y


def test_forward(x, kernels):
    y = conditional_depthwise_convolution(tf.constant(x), tf.constant(flat(kernels)))
    np.testing.assert_allclose(y, direct(x, kernels), atol=1e-13)
    np.testing.assert_allclose(
        oracle.conditional_convolve(x, kernels), direct(x, kernels), atol=1e-13
    )


def test_gradient_is_the_sum_over_what_reads_a_pixel(x, kernels):
    dy = numbers(2, *X_SHAPE, dtype="float64")
    dx, dkernels = np.zeros(x.shape), np.zeros(kernels.shape)
    batch, height, width, channels = x.shape
    for b, i, j, c, u, v in np.ndindex(batch, height, width, channels, 3, 3):
        row, column = i + u - 1, j + v - 1
        if 0 <= row < height and 0 <= column < width:
            dx[b, row, column, c] += dy[b, i, j, c] * kernels[b, i, j, u, v, c]
            dkernels[b, i, j, u, v, c] = dy[b, i, j, c] * x[b, row, column, c]
    inputs = tf.constant(x), tf.constant(flat(kernels))
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = conditional_depthwise_convolution(*inputs)
    found = tape.gradient(y, inputs, tf.constant(dy))
    np.testing.assert_allclose(found[0], dx, atol=1e-13)
    np.testing.assert_allclose(found[1], flat(dkernels), atol=1e-13)


def test_gradient_by_finite_differences(x, kernels):
    share = numbers(3, *X_SHAPE, dtype="float64")
    inputs = tf.constant(x), tf.constant(flat(kernels))
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = tf.reduce_sum(share * conditional_depthwise_convolution(*inputs) ** 2)
    found = tape.gradient(loss, inputs)
    for index, name in enumerate(("x", "kernels")):

        def value(moved, name=name):
            pair = {"x": x, "kernels": kernels} | {name: moved}
            return (share * direct(pair["x"], pair["kernels"]) ** 2).sum()

        # A sample of the elements; every one of 6 * 3 * 8 would take seconds.
        original = {"x": x, "kernels": kernels}[name]
        for place in np.random.default_rng(index).integers(0, original.size, 12):
            position = np.unravel_index(place, original.shape)
            moved = [original.copy(), original.copy()]
            moved[0][position] += 1e-5
            moved[1][position] -= 1e-5
            slope = (value(moved[0]) - value(moved[1])) / 2e-5
            np.testing.assert_allclose(
                np.ravel(found[index])[place], slope, rtol=1e-6, atol=1e-8
            )


def test_gradient_with_unknown_sizes(x, kernels):
    def gradient(x, kernels):
        with tf.GradientTape() as tape:
            tape.watch((x, kernels))
            y = conditional_depthwise_convolution(x, kernels) ** 2
        return tape.gradient(y, (x, kernels))

    arrays = tf.constant(x), tf.constant(flat(kernels))
    for a, b in zip(dynamic(gradient, *arrays), gradient(*arrays), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_an_image_of_one_pixel_sees_its_centre_tap_only():
    kernels = tf.reshape(tf.range(9.0), (1, 1, 1, 9))
    y = conditional_depthwise_convolution(tf.fill((1, 1, 1, 1), 10.0), kernels)
    assert np.asarray(y).item() == 40


@pytest.mark.parametrize(
    "shape",
    [(2, 4, 3, channels) for channels in (2, 10, 17, 19, 26)]
    + [(1, 1, 1, 18), (2, 4, 1, 18), (2, 1, 3, 18), (1, 4, 3, 18), (4, 3, 18)],
)
def test_kernels_that_do_not_fit_are_refused(shape, x):
    x, kernels = tf.constant(x), tf.zeros(shape, "float64")
    with pytest.raises(ValueError, match=r"expected \(2, 4, 3, 18\), nine values"):
        conditional_depthwise_convolution(x, kernels)
    part = tf.function(
        conditional_depthwise_convolution,
        input_signature=[
            tf.TensorSpec((None, None, None, 2), "float64"),
            tf.TensorSpec((None,) * (len(shape) - 1) + shape[-1:], "float64"),
        ],
    )
    if len(shape) != 4 or shape[-1] != 18:  # what is known there
        with pytest.raises(ValueError, match=r"expected \(None, None, None, 18\)"):
            part.get_concrete_function()
