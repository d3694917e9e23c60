"""Sampling positions of every kind of resizing, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.ops.resizing import (
    halve,
    resize_aligned,
    resize_bilinear,
    resize_nearest,
    spatial_size,
    upsample_bilinear,
    upsample_nearest,
)
from tests.layers import oracle
from tests.layers.contract import dynamic, numbers


@pytest.mark.parametrize(
    ("have", "out", "indices"),
    [
        (8, 4, [0, 2, 4, 6]),  # the top-left of each cell, not its centre
        (6, 2, [0, 3]),
        (7, 5, [0, 1, 2, 4, 5]),
        (5, 7, [0, 0, 1, 2, 2, 3, 4]),
        (3, 6, [0, 0, 1, 1, 2, 2]),
        (5, 5, [0, 1, 2, 3, 4]),
        (10, 4, [0, 2, 5, 7]),
    ],
)
def test_nearest_source_index(have, out, indices):
    column = tf.range(have)[None, :, None]
    found = resize_nearest(column, (out, 1))
    assert np.ravel(found).tolist() == indices
    row = tf.reshape(column, (1, 1, have, 1))
    assert np.ravel(resize_nearest(row, (1, out))).tolist() == indices
    found = dynamic(lambda x: resize_nearest(x, (out, 1)), column)
    assert np.ravel(found).tolist() == indices


def test_nearest_computes_its_ratio_in_float32_as_the_reference_does():
    """If the exact index is whole, float32 may give the one below."""
    differs = 0
    for have in (3, 22, 33, 39):
        for out in range(1, 60):
            scale = np.float32(have) / np.float32(out)
            source = np.arange(out, dtype=np.float32) * scale
            expected = np.minimum(np.floor(source), have - 1)
            found = np.ravel(resize_nearest(tf.range(have)[None, :, None], (out, 1)))
            np.testing.assert_array_equal(found, expected)
            exact = np.arange(out) * have // out
            differs += (expected != exact).any()
    assert differs, "this test would not tell float32 from exact indices"


def test_nearest_both_axes_and_dtypes():
    x = numbers(0, 2, 6, 9, 3, dtype="float64")
    for dtype in ("float16", "float32", "float64"):
        y = resize_nearest(tf.constant(x, dtype), (4, 3))
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, oracle.resize_nearest(x, (4, 3)).astype(dtype))
    labels = tf.constant(x[..., 0] * 100, tf.int32)
    expected = oracle.resize_nearest(np.asarray(labels), (3, 18))
    np.testing.assert_array_equal(resize_nearest(labels, (3, 18)), expected)


@pytest.mark.parametrize("size", [(3, 3), (4, 5)])
def test_nearest_gradient_returns_to_the_source(size):
    x = tf.constant(numbers(1, 1, 6, 9, 2, dtype="float64"))
    share = numbers(2, 1, *size, 2, dtype="float64")
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = resize_nearest(x, size)
    found = tape.gradient(y, x, tf.constant(share))
    expected = np.zeros(x.shape)
    for i, j in np.ndindex(*size):
        expected[0, i * 6 // size[0], j * 9 // size[1]] += share[0, i, j]
    np.testing.assert_allclose(tf.convert_to_tensor(found), expected, atol=1e-14)


def test_upsample_nearest():
    x = tf.reshape(tf.range(6.0), (1, 2, 3, 1))
    expected = [
        [0, 0, 1, 1, 2, 2],
        [0, 0, 1, 1, 2, 2],
        [3, 3, 4, 4, 5, 5],
        [3, 3, 4, 4, 5, 5],
    ]
    for y in (upsample_nearest(x), dynamic(upsample_nearest, x)):
        assert np.asarray(y)[0, ..., 0].tolist() == expected


def test_upsample_nearest_gradient_adds_each_cell():
    x = tf.zeros((1, 2, 2, 1))
    share = tf.reshape(tf.range(16.0), (1, 4, 4, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = upsample_nearest(x)
    found = tape.gradient(y, x, share)
    assert np.ravel(found).tolist() == [10, 18, 42, 50]


def test_upsample_bilinear_by_hand():
    x = tf.reshape(tf.constant([0.0, 8.0]), (1, 1, 2, 1))
    y = np.asarray(upsample_bilinear(x))[0, ..., 0].tolist()
    assert y == [[0, 2, 6, 8], [0, 2, 6, 8]]


@pytest.mark.parametrize("shape", [(2, 3, 5, 2), (1, 1, 1, 3), (1, 4, 1, 1)])
def test_upsample_bilinear(shape):
    x = numbers(3, *shape, dtype="float64")
    expected = oracle.resize_bilinear(x, (2 * shape[1], 2 * shape[2]))
    np.testing.assert_allclose(upsample_bilinear(tf.constant(x)), expected, atol=1e-14)
    np.testing.assert_allclose(dynamic(upsample_bilinear, x), expected, atol=1e-14)
    assert upsample_bilinear(tf.constant(x, tf.float16)).dtype == "float16"


@pytest.mark.parametrize("shape", [(2, 3, 5, 2), (1, 1, 1, 3), (1, 4, 1, 1)])
def test_upsample_bilinear_gradient_is_its_transpose(shape):
    def gradient(x, dy):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = upsample_bilinear(x)
        return tape.gradient(y, x, dy)

    x = np.zeros(shape)  # any: it is linear
    dy = numbers(4, *np.multiply(shape, (1, 2, 2, 1)), dtype="float64")
    columns = tf.constant(np.eye(x.size).reshape(-1, *shape))
    expected = [tf.reduce_sum(dy * upsample_bilinear(column)) for column in columns]
    found = [gradient(*map(tf.constant, (x, dy))), dynamic(gradient, x, dy)]
    for ours in found:
        np.testing.assert_allclose(np.ravel(ours), expected, atol=1e-14)


@pytest.mark.parametrize(
    "size", [(6, 10), (7, 9), (2, 2), (3, 5), (1, 13), (12, 20), (3, 4)]
)
def test_resize_bilinear(size):
    """Up, down (no antialiasing), not at all, and by ratios that are not whole."""
    x = numbers(4, 2, 3, 5, 2, dtype="float64")
    expected = oracle.resize_bilinear(x, size)
    found = resize_bilinear(tf.constant(x), size)
    np.testing.assert_allclose(found, expected, atol=1e-13)
    found = dynamic(lambda x: resize_bilinear(x, size), x)
    np.testing.assert_allclose(found, expected, atol=1e-13)
    half = resize_bilinear(tf.constant(x, tf.bfloat16), size)
    assert half.dtype == "bfloat16"


@pytest.mark.parametrize("size", [(6, 10), (7, 9), (2, 2), (1, 5), (12, 20), (3, 4)])
def test_resize_with_aligned_corners(size):
    x = numbers(4, 2, 3, 5, 2, dtype="float64")
    found = resize_aligned(tf.constant(x), size)
    np.testing.assert_allclose(found, oracle.resize_aligned(x, size), atol=1e-13)
    known = dynamic(lambda x: resize_aligned(x, size), x)
    np.testing.assert_allclose(known, found, atol=1e-13)
    if min(size) > 1:
        corners = np.ix_([0, 1], [0, -1], [0, -1])
        np.testing.assert_allclose(np.asarray(found)[corners], x[corners], atol=1e-14)
    as_tensorflow = tf.compat.v1.image.resize_bilinear(x, size, align_corners=True)
    np.testing.assert_allclose(found, as_tensorflow, atol=1e-5)
    assert resize_aligned(tf.constant(x, tf.bfloat16), size).dtype == "bfloat16"


def test_a_size_that_is_not_known_when_traced():
    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 1), tf.float64)])
    def double(x):
        height, width = spatial_size(x)
        return resize_aligned(x, (2 * height, 2 * width))

    x = numbers(4, 1, 3, 5, 1, dtype="float64")
    np.testing.assert_allclose(double(x), oracle.resize_aligned(x, (6, 10)), atol=1e-13)


def test_halving_takes_means_of_cells():
    x = numbers(3, 2, 4, 6, 3, dtype="float64")
    cells = x.reshape(2, 2, 2, 3, 2, 3).mean((2, 4))
    np.testing.assert_allclose(halve(tf.constant(x)), cells, atol=1e-14)


def test_bilinear_gradients_by_finite_differences():
    x = numbers(5, 1, 3, 2, 1, dtype="float64")
    for resize, size in (
        (upsample_bilinear, (6, 4)),
        (lambda x: resize_bilinear(x, (2, 5)), (2, 5)),
    ):
        share = numbers(6, 1, *size, 1, dtype="float64")
        inputs = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(share * resize(inputs) ** 2)
        expected = oracle.numerical_gradient(
            lambda x, share=share, size=size: (
                share * oracle.resize_bilinear(x, size) ** 2
            ).sum(),
            x,
        )
        np.testing.assert_allclose(tape.gradient(loss, inputs), expected, atol=1e-7)


def test_spatial_size_is_static_where_known():
    assert spatial_size(tf.zeros((1, 2, 3, 4))) == (2, 3)
    seen = []

    @tf.function(input_signature=[tf.TensorSpec((None, None, 7, 1))])
    def trace(x):
        seen.append(spatial_size(x))
        return seen[0][0]

    assert trace(tf.zeros((1, 5, 7, 1))) == 5
    assert tf.is_tensor(seen[0][0]) and seen[0][1] == 7
