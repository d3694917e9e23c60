"""The layout's pyramid against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.layers.layout_pyramid import LayoutPyramid
from ccfpse_tf.layers.normalization import BatchNormalization, InstanceNormalization
from ccfpse_tf.layers.normalized_convolution import NormalizedConvolution
from ccfpse_tf.layers.spectral_convolution import SpectralConv2D
from tests.layers import oracle
from tests.layers.contract import numbers, randomize


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("depth", "size"), [(2, (4, 8)), (5, (32, 64)), (6, (64, 64))])
def test_maps(depth, size, training):
    semantics = numbers(0, 2, *size, 3, dtype="float64")
    layer = LayoutPyramid(2, depth, dtype="float64")
    layer.build((None, None, None, 3))
    randomize(layer)
    expected = oracle.pyramid(layer, semantics, training)
    maps = layer(semantics, training=training)
    assert len(maps) == depth + 1
    for level, (found, wanted) in enumerate(zip(maps, expected, strict=True)):
        scale = 2 ** (depth - level)
        assert found.shape == (2, size[0] // scale, size[1] // scale, 2)
        np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(("depth", "counts"), [(5, (6, 5, 5)), (6, (7, 6, 6))])
def test_number_of_convolutions(depth, counts):
    layer = LayoutPyramid(2, depth)
    assert (len(layer.bottom_up), len(layer.lateral), len(layer.top_down)) == counts
    strides = [part.convolution.strides for part in layer.bottom_up]
    assert strides == [1] + [2] * depth
    assert {part.convolution.kernel_size for part in layer.lateral} == {1}
    assert {part.convolution.kernel_size for part in layer.top_down} == {3}


@pytest.mark.parametrize("norm", [BatchNormalization, InstanceNormalization])
def test_normalized_convolution(norm):
    layer = NormalizedConvolution(
        SpectralConv2D(3, 3, 2, dtype="float64"), norm(dtype="float64"), dtype="float64"
    )
    layer.build((None, None, None, 2))
    randomize(layer)
    x = numbers(1, 2, 5, 6, 2, dtype="float64")
    function = {
        BatchNormalization: oracle.batch_normalized,
        InstanceNormalization: oracle.instance_normalized,
    }[norm]
    np.testing.assert_allclose(layer(x), function(layer, x), atol=1e-10)


def test_training_reaches_every_part():
    layer = LayoutPyramid(2, 2, dtype="float64")
    layer.build((None, None, None, 3))
    before = {weight.path: oracle.weights_of(weight) for weight in layer.weights}
    with tf.GradientTape() as tape:
        maps = layer(numbers(2, 2, 4, 8, 3, dtype="float64"), training=True)
        loss = tf.add_n([tf.reduce_sum(x**2) for x in maps])
    for weight in layer.non_trainable_weights:  # running statistics, u and v
        assert np.abs(oracle.weights_of(weight) - before[weight.path]).max() > 0
    variables = [weight.value for weight in layer.trainable_weights]
    assert all(np.any(found) for found in tape.gradient(loss, variables))
