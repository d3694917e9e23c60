"""FPSE on frozen features: which weights learn, are saved, and can be missing."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.errors import InputError
from ccfpse_tf.models.discriminators.fpse_frozen import FrozenFPSEDiscriminator
from ccfpse_tf.models.perceptual.efficientnet_lite import TAPS, efficientnet_lite
from tests.models.perceptual import lite_weights

CLASSES, NDF = 3, 2


@pytest.fixture
def installed(monkeypatch):
    lite_weights.install(monkeypatch)


@pytest.fixture
def inputs():
    random = np.random.default_rng(0)
    image = np.tanh(random.standard_normal((2, 64, 96, 3))).astype("float32")
    semantics = tf.one_hot(random.integers(0, CLASSES, (2, 64, 96)), CLASSES)
    return tf.constant(image), semantics


def test_features_and_scores_have_the_shapes_of_fpse(installed, inputs):
    network = FrozenFPSEDiscriminator(CLASSES, NDF)
    features, scores = network(*inputs, training=True)
    assert [tuple(x.shape) for x in features] == [
        *((2, 16, 24, 4 * NDF), (2, 8, 12, 4 * NDF)),
        *((2, 4, 6, 4 * NDF), (2, 2, 3, 4 * NDF)),
    ]
    assert [tuple(x.shape) for x in scores] == [
        *((2, 16, 24, 1), (2, 8, 12, 1), (2, 4, 6, 1))
    ]


def test_it_sees_the_features_of_lite0_and_learns_on_them(installed, inputs):
    network = FrozenFPSEDiscriminator(CLASSES, NDF)
    image, semantics = inputs
    maps = network.bottom_up_features(image)
    expected = efficientnet_lite(0, TAPS[0])((image + 1) * 127.5)
    for found, wanted in zip(maps, expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    with tf.GradientTape() as tape:
        tape.watch(image)
        _, scores = network(image, semantics, training=True)
        loss = tf.add_n([tf.reduce_sum(score) for score in scores])
    of_weights = tape.gradient(loss, [image, *network.trainable_weights])
    assert all(np.abs(gradient).max() > 0 for gradient in of_weights)


def test_the_frozen_weights_are_not_saved(installed, inputs, tmp_path):
    network = FrozenFPSEDiscriminator(CLASSES, NDF)
    network.build()
    before = [weight.path for weight in network.weights]
    _, first = network(*inputs)
    assert [weight.path for weight in network.weights] == before
    assert network.count_params() < 20_000
    network.save(tmp_path / "d.keras")
    again = keras.saving.load_model(tmp_path / "d.keras")
    for a, b in zip(first, again(*inputs)[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_it_can_be_first_called_in_a_traced_function(installed, inputs):
    network = FrozenFPSEDiscriminator(CLASSES, NDF)
    network.build()
    traced = tf.function(lambda *x: network(*x)[1])(*inputs)
    for a, b in zip(traced, network(*inputs)[1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_missing_weights_stop_training_but_not_drawing(tmp_path):
    network = FrozenFPSEDiscriminator(CLASSES, NDF, str(tmp_path / "absent.pth"))
    network.build()
    with pytest.raises(InputError, match=r"absent.pth: no such file.*pip install"):
        network.prepare()
