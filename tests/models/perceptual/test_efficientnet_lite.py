"""EfficientNet-Lite with random weights; `tests/parity` compares the published ones."""

import keras
import numpy as np
import pytest

from ccfpse_tf.models.perceptual.efficientnet_lite import TAPS, efficientnet_lite
from tests.models.perceptual import lite_weights


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    lite_weights.install(monkeypatch)


def pixels(height, width):
    random = np.random.default_rng(0)
    return random.uniform(0, 255, (1, height, width, 3)).astype("float32")


@pytest.mark.parametrize(("variant", "parameters"), [(0, 4_652_008), (1, 5_416_680)])
def test_sizes_and_parameters(variant, parameters):
    names = [*TAPS[variant], "head", "pool", "logits"]
    network = efficientnet_lite(variant, names)
    shapes = [tuple(x.shape[1:]) for x in network(pixels(64, 96))]
    assert shapes == [
        *((16, 24, 24), (8, 12, 40), (4, 6, 112), (2, 3, 320)),
        *((2, 3, 1280), (1280,), (1000,)),
    ]
    assert network.trainable_weights == []
    statistics = sum(
        int(np.prod(weight.shape))
        for weight in network.weights
        if "moving" in weight.path
    )
    assert network.count_params() - statistics == parameters


def test_odd_sizes_are_padded_at_the_bottom_and_right():
    """Of the first convolution: TensorFlow's rule, by hand at both corners."""
    state = lite_weights.random_state(0)
    kernel = state["_conv_stem.weight"]
    image = pixels(7, 8)
    stem = efficientnet_lite(0, ["stem"])(image)
    # 7 rows need a row of zeros on both sides, 8 columns one on the right.
    padded = np.pad((image[0] - 127) / 128, ((1, 1), (0, 1), (0, 0)))
    for y, x in ((0, 0), (3, 3)):
        patch = padded[2 * y : 2 * y + 3, 2 * x : 2 * x + 3]
        value = np.einsum("yxc,ocyx->o", patch, kernel)
        value -= state["_bn0.running_mean"]
        value /= np.sqrt(state["_bn0.running_var"] + 1e-3)
        value = value * state["_bn0.weight"] + state["_bn0.bias"]
        np.testing.assert_allclose(stem[0, y, x], np.clip(value, 0, 6), atol=1e-5)


def test_statistics_stay_in_training():
    network = efficientnet_lite(0, ["pool"])
    before = [np.array(weight) for weight in network.weights]
    expected = network(pixels(32, 32), training=False)
    found = keras.Sequential([network])(pixels(32, 32), training=True)
    np.testing.assert_array_equal(expected[0], found[0])
    for weight, value in zip(network.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)
