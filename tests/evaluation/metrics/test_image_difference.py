"""Differences of two images, pixel by pixel, and the area under the ROC curve."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.metrics.auroc import auroc
from ccfpse_tf.evaluation.metrics.image_difference import (
    ColourDifference,
    FeatureDifference,
    open_difference,
)
from ccfpse_tf.models.perceptual import loss


@pytest.fixture
def network(monkeypatch):
    """A perceptual network in the table: the image, and means of its quarters."""
    image = keras.Input((None, None, 3))
    model = keras.Model(image, [image, keras.layers.AveragePooling2D(4)(image)])
    row = dataclasses.replace(
        loss.NETWORKS["squeezenet"],
        open=lambda weights: model,
        inputs=lambda images: (images + 1) * 127.5,
        level_weights=(0.5, 2.0),
        is_here=lambda: True,
    )
    for name in loss.NETWORKS:
        gone = dataclasses.replace(loss.NETWORKS[name], is_here=lambda: False)
        monkeypatch.setitem(loss.NETWORKS, name, gone)
    monkeypatch.setitem(loss.NETWORKS, "squeezenet", row)
    return "squeezenet"


def images(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (2, 8, 8, 3), np.uint8)


def test_colours_by_hand():
    a, b = np.zeros((2, 1, 2, 3), np.uint8)
    b[0, 1] = 255, 0, 51
    found = ColourDifference()(a, b)
    np.testing.assert_allclose(found, [[0, (1 + 0.2) / 3]], rtol=1e-6)


def test_features_by_hand(network):
    a, b = images()
    found = FeatureDifference(network)(a, b)
    distance = np.abs(a.astype(float) - b).mean(-1)
    quarters = a.reshape(2, 4, 2, 4, 3).mean((1, 3)) - b.reshape(2, 4, 2, 4, 3).mean(
        (1, 3)
    )
    # Corners of an enlarged map are those of the map itself.
    expected = 0.5 * distance[0, 0] + 2 * np.abs(quarters).mean(-1)[0, 0]
    assert found[0, 0] == pytest.approx(expected, rel=1e-5)
    assert found.shape == (8, 8) and found.dtype == np.float32
    assert FeatureDifference(network)(a, a).max() == 0


def test_uniform_images_differ_by_the_perceptual_loss(network):
    a, b = (np.full((8, 8, 3), grey, np.uint8) for grey in (20, 90))
    found = FeatureDifference(network)(a, b)
    batch = (tf.constant(x[None], tf.float32) / 127.5 - 1 for x in (a, b))
    expected = float(loss.PerceptualLoss(network)(*batch))
    np.testing.assert_allclose(found, np.full((8, 8), expected), rtol=1e-5)


def test_the_default_is_what_is_at_hand(network, monkeypatch):
    assert open_difference(None).name == network
    row = dataclasses.replace(loss.NETWORKS[network], is_here=lambda: False)
    monkeypatch.setitem(loss.NETWORKS, network, row)
    assert open_difference(None).name == "colour"


def test_what_is_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="--distance color: choose colour, vgg19-"):
        open_difference("color")
    path = tmp_path / "missing.net"
    words = f"--distance squeezenet: .*{path}.*--distance colour"
    with pytest.raises(InputError, match=words):
        open_difference(f"squeezenet:{path}")


def test_the_area_is_the_share_of_ordered_pairs():
    random = np.random.default_rng(0)
    scores = random.integers(0, 6, 60)  # with many ties
    positive = random.random(60) < 0.3
    pairs = scores[positive][:, None] - scores[~positive]
    expected = (pairs > 0).mean() + (pairs == 0).mean() / 2
    assert auroc(scores, positive) == pytest.approx(expected)
    shape = (6, 10)
    assert auroc(scores.reshape(shape), positive.reshape(shape)) == auroc(
        scores, positive
    )
    assert auroc(-scores, positive) == pytest.approx(1 - expected)
    assert auroc(scores, np.ones(60, bool)) is None
    assert auroc(scores, np.zeros(60, bool)) is None
