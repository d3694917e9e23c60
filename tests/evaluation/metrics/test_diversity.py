"""Diversity over styles, against the sum over all pairs in NumPy."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.metrics.diversity import (
    Diversity,
    MapFile,
    VGG19Maps,
    mean_pairwise_distance,
)
from tests.models.perceptual.random_vgg import write_vgg


def over_pairs(maps):
    """The definition, pair by pair, in float64."""

    def unit(x):
        x = np.asarray(x, np.float64)
        length = np.sqrt((x**2).sum(-1, keepdims=True))
        return np.divide(x, length, out=np.zeros_like(x), where=length > 0)

    units = [unit(x) for x in maps]
    pairs = itertools.combinations(range(len(maps[0])), 2)
    distances = [
        sum(((x[i] - x[j]) ** 2).sum(-1).mean() for x in units) for i, j in pairs
    ]
    return np.mean(distances)


@pytest.mark.parametrize("styles", [2, 3, 7])
def test_all_pairs_without_forming_them(styles):
    rng = np.random.default_rng(styles)
    maps = [
        rng.standard_normal((styles, *x), np.float32) for x in ((6, 4, 8), (3, 2, 5))
    ]
    maps[0][0, 0, 0] = 0  # a position without any feature
    assert mean_pairwise_distance(maps) == pytest.approx(over_pairs(maps), rel=1e-6)


def test_by_hand():
    # At right angles in one of two positions, alike but for their length in the other.
    first, second = [[1, 0], [0, 3]], [[0, 5], [0, 1]]
    assert mean_pairwise_distance([np.array([[first], [second]])]) == 1
    opposite = np.array([1.0, -1.0]).reshape(2, 1, 1, 1)
    assert mean_pairwise_distance([opposite] * 3) == 3 * 4


def test_styles_that_barely_differ_keep_their_digits():
    """LPIPS 0.07 is published; 1e-6 must not be lost beside common features."""
    rng = np.random.default_rng(0)
    common = rng.standard_normal((1, 8, 8, 16))
    maps = [np.float32(common + 1e-3 * rng.standard_normal((4, 8, 8, 16)))]
    expected = over_pairs(maps)
    assert 1e-7 < expected < 1e-5
    assert mean_pairwise_distance(maps) == pytest.approx(expected, rel=1e-3)
    assert mean_pairwise_distance([np.repeat(maps[0][:1], 4, 0)]) == 0


def test_too_few_styles_and_broken_features():
    with pytest.raises(InputError, match="2 styles or more of a layout, not 1"):
        mean_pairwise_distance([np.ones((1, 2, 2, 3))])
    with pytest.raises(InputError, match="not finite"):
        mean_pairwise_distance([np.full((2, 2, 2, 3), np.nan)])


def test_layouts_in_shards():
    values = [0.5, 0.25, 1.0, 0.0, 0.125]
    whole, part = Diversity(), Diversity()
    whole.update(values)
    part.update(values[3:])
    part = Diversity.from_state(part.state())
    part.merge(Diversity())
    first = Diversity()
    first.update(values[:3])
    part.merge(first)
    assert part.count == whole.count == 5
    assert part.mean() == pytest.approx(np.mean(values), rel=1e-14)
    error = np.std(values, ddof=1) / np.sqrt(5)
    assert part.standard_error() == pytest.approx(error, rel=1e-12)
    one = Diversity()
    with pytest.raises(InputError, match="no image was seen"):
        one.mean()
    one.update([0.5])
    assert (one.mean(), one.standard_error()) == (0.5, None)


def test_a_network_of_the_user(tmp_path):
    """A tiny one: a convolution and its pooled square, against NumPy."""
    rng = np.random.default_rng(1)
    kernel = rng.standard_normal((1, 1, 3, 5)).astype(np.float32)
    inputs = keras.Input((None, None, 3))
    convolution = keras.layers.Conv2D(5, 1, use_bias=False)
    fine = convolution(inputs)
    coarse = keras.layers.AveragePooling2D(2)(fine**2)
    convolution.set_weights([kernel])
    keras.Model(inputs, [fine, coarse]).save(tmp_path / "tiny.keras")
    images = rng.integers(0, 256, (4, 6, 8, 3), np.uint8)
    network = MapFile(tmp_path / "tiny.keras")
    fine = images.astype(np.float32) @ kernel[0, 0]
    coarse = (fine**2).reshape(4, 3, 2, 4, 2, 5).mean((2, 4))
    expected = over_pairs([fine, coarse])
    found = mean_pairwise_distance(network(images))
    assert found == pytest.approx(expected, rel=1e-5)
    assert network.name.startswith("tiny.keras (unweighted, sha256 ")
    assert network.name.endswith("not the calibrated LPIPS")
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    keras.Model(inputs, pooled).save(tmp_path / "vectors.keras")
    with pytest.raises(InputError, match=r"makes \[\(4, 3\)\] of 4 images"):
        MapFile(tmp_path / "vectors.keras")(images)


def test_vgg19(tmp_path):
    with pytest.raises(InputError, match="for the diversity: .*give the path") as error:
        VGG19Maps("keras", tmp_path / "absent.h5")
    assert "losses." not in str(error.value)  # nothing is trained here
    write_vgg(tmp_path / "vgg.npz")
    network = VGG19Maps("torchvision", tmp_path / "vgg.npz")
    assert network.name == "vgg19 (unweighted, torchvision), not the calibrated LPIPS"
    images = np.random.default_rng(2).integers(0, 256, (3, 32, 48, 3), np.uint8)
    maps = network(images)
    assert [tuple(x.shape) for x in maps] == [
        (3, 32, 48, 64),
        (3, 16, 24, 128),
        (3, 8, 12, 256),
        (3, 4, 6, 512),
        (3, 2, 3, 512),
    ]
    scaled = tf.cast(images, tf.float32) / 127.5 - 1
    np.testing.assert_allclose(maps[4], network._vgg.features(scaled)[4])
    found = mean_pairwise_distance(maps)
    assert found == pytest.approx(over_pairs(maps), rel=1e-4)
    assert mean_pairwise_distance(network(images[[0, 0, 0]])) < 1e-8 < found
