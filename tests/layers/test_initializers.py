"""Statistics of initial values, within five standard errors."""

import keras
import numpy as np
import pytest

from ccfpse_tf.layers.conditional_block import ConditionalBlock
from ccfpse_tf.layers.initializers import (
    EqualPixels,
    UnitVector,
    fan_in_uniform,
    xavier_normal,
)
from ccfpse_tf.layers.normalization import BatchNormalization
from ccfpse_tf.layers.plain_convolution import plain_convolution
from ccfpse_tf.layers.spectral_convolution import SpectralConv2D


def check_normal(value, std):
    value = np.asarray(value, np.float64)
    error = 5 / np.sqrt(value.size)
    assert abs(value.mean()) < error * std
    assert abs(value.std() / std - 1) < error
    # Not truncated at two standard deviations: 4.6 % of a normal lie beyond.
    beyond = (np.abs(value) > 2 * std).mean()
    assert 0.04 < beyond < 0.052


@pytest.mark.parametrize("shape", [(3, 3, 40, 60), (100, 300)])
def test_xavier_normal_with_gain(shape):
    fans = (9 * 40 + 9 * 60) if len(shape) == 4 else 400
    check_normal(xavier_normal()(shape), 0.02 * np.sqrt(2 / fans))


def test_fan_in_uniform():
    value = np.asarray(fan_in_uniform()((3, 3, 40, 60)))
    bound = 1 / np.sqrt(9 * 40)
    assert bound * 0.999 < np.abs(value).max() <= bound * 1.000001
    assert abs(value.std() / (bound / np.sqrt(3)) - 1) < 0.02
    assert abs(value.mean()) < 0.02 * bound


def test_unit_vectors_are_independent_directions():
    first, second = UnitVector()((5000,)), UnitVector()((5000,))
    for vector in (first, second):
        assert abs(np.linalg.norm(vector) - 1) < 1e-5
        check_normal(vector, 1 / np.sqrt(5000))
    assert abs(np.dot(first, second)) < 5 / np.sqrt(5000)


def test_unit_vector_with_seed_survives_its_configuration():
    made = UnitVector(seed=3)
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(made)
    )
    np.testing.assert_array_equal(copy((7,)), made((7,)))


def test_equal_pixels_are_glorot_kernels_side_by_side():
    kernel = np.asarray(EqualPixels(2)((3, 3, 40, 240))).reshape(3, 3, 40, 4, 60)
    bound = np.sqrt(6 / 900)
    assert bound * 0.999 < np.abs(kernel).max() <= bound * 1.000001
    np.testing.assert_array_equal(kernel, kernel[..., :1, :].repeat(4, -2))


def test_layers_use_them():
    convolution = plain_convolution(60, 3)
    convolution.build((None, None, None, 40))
    check_normal(convolution.kernel, 0.02 * np.sqrt(2 / 900))
    assert not np.any(convolution.bias)
    spectral = SpectralConv2D(60, 3)
    spectral.build((None, None, None, 40))
    largest = np.abs(spectral.kernel).max()
    assert 0.999 < largest * np.sqrt(360) < 1.000001
    assert abs(np.linalg.norm(spectral.u) - 1) < 1e-5
    assert abs(np.linalg.norm(spectral.v) - 1) < 1e-5
    norm = BatchNormalization()
    norm.build((None, None, None, 2))
    assert [np.asarray(weight).tolist() for weight in norm.weights] == [
        [1, 1],
        [0, 0],
        [0, 0],
        [1, 1],
    ]


def test_predictors_of_a_block_start_apart():
    block = ConditionalBlock(2, hidden=3)
    block.build((None, None, None, 2), (None, None, None, 2))
    kernels = [
        np.asarray(layer.shared.kernel)
        for layer in (
            block.first_kernels,
            block.second_kernels,
            block.first_attention,
            block.second_attention,
        )
    ]
    for i, a in enumerate(kernels):
        for b in kernels[i + 1 :]:
            assert np.abs(a - b).max() > 1e-4
