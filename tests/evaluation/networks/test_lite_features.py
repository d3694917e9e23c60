"""EfficientNet-Lite's features: what is done around the network."""

import keras
import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.networks import lite_features
from ccfpse_tf.evaluation.networks.lite_features import LiteFeatures

SIZES = {"efficientnet-lite0": 224, "efficientnet-lite1": 240}


@pytest.fixture
def opened(monkeypatch):
    """Puts a mean of colours in the network's place; collects how it was opened."""
    calls = []

    def mean_colors(variant, levels, weights=None):
        calls.append((variant, levels, weights))
        image = keras.Input((None, None, 3))
        pooled = keras.layers.GlobalAveragePooling2D()(image)
        return keras.Model(image, [keras.layers.Reshape((3,))(pooled)])

    monkeypatch.setattr(lite_features, "efficientnet_lite", mean_colors)
    return calls


@pytest.mark.parametrize("name", SIZES)
def test_images_are_resized_as_the_records_are(opened, name):
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 500, 3), np.uint8)
    found = LiteFeatures(name, "file")(images)
    size = (SIZES[name],) * 2
    resized = [
        np.asarray(Image.fromarray(x).resize(size, Image.Resampling.BICUBIC))
        for x in images
    ]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.mean(resized, (1, 2)), rtol=1e-4)
    assert opened == [(int(name[-1]), ["pool"], "file")]


def test_names_and_protocol_say_whose_features_they_are(opened):
    network = LiteFeatures("efficientnet-lite1")
    assert (network.frechet_name, network.kernel_name) == ("fd_lite1", "kid_lite1")
    assert network.protocol() == {
        "network": "efficientnet-lite1",
        "sha256": lite_features.FILES[1].sha256,
        "resize": "Pillow bicubic to 240x240",
        "dimensions": 1280,
    }
    assert "fid" not in str(network.protocol()).lower()


def test_other_arrays_than_images(opened):
    with pytest.raises(InputError, match="uint8 RGB"):
        LiteFeatures("efficientnet-lite0")(np.zeros((1, 8, 8, 3), np.float32))


@pytest.mark.parametrize("name", SIZES)
def test_the_true_network(name):
    file = lite_features.FILES[int(name[-1])]
    if not file.is_here():
        pytest.skip(f"{file.title} is not installed: {file.ways()}")
    images = np.random.default_rng(0).integers(0, 256, (2, 60, 80, 3), np.uint8)
    network = LiteFeatures(name)
    found = network(images)
    assert found.shape == (2, network.dimensions)
    assert found.min() >= 0 and 0.05 < found.mean() < 6  # means of ReLU6
    np.testing.assert_allclose(network(images[1:]), found[1:], rtol=1e-3, atol=1e-4)
