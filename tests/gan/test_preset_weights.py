"""The weights of a preset: out of a model and into another one."""

import numpy as np
import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.gan.build import build_model, build_synthesizer
from ccfpse_tf.gan.preset_weights import load_weights, stored_weights
from tests.presets.made import DATA, one_convolution


@pytest.fixture
def config(monkeypatch):
    return one_convolution(monkeypatch, "generator.average_decay=0.9")


@pytest.fixture
def averaged(config):
    """A model whose average is not its generator."""
    model = build_model(config, DATA, 1, training=False)
    for weight in model.average.weights:
        weight.assign(weight + 0.5)
    return model


def test_the_average_is_stored(averaged):
    kernel, bias = stored_weights(averaged).values()
    assert (kernel.dtype, bias.dtype) == (np.float16, np.float32)
    for found, average in zip((kernel, bias), averaged.average.weights, strict=True):
        np.testing.assert_allclose(found, average, rtol=1e-3)
    assert np.abs(kernel - np.asarray(averaged.generator.weights[0])).max() > 0.4


def test_kernels_that_float16_cannot_hold_stay_as_they_are(averaged):
    kernel = averaged.average.weights[0]
    kernel.assign(1e6 * np.ones(kernel.shape))
    stored, _ = stored_weights(averaged).values()
    assert stored.dtype == np.float32 and stored.max() == np.float32(1e6)


def test_generator_and_average_get_the_weights(averaged, config):
    weights = stored_weights(averaged)
    other = build_model(config, DATA, 1, training=False)
    load_weights(other, weights, "a preset", "")
    for network in (other.generator, other.average):
        for mine, stored in zip(network.weights, weights.values(), strict=True):
            np.testing.assert_array_equal(mine, stored)


def test_weights_that_do_not_fit_change_nothing(averaged, config):
    kernel, bias = stored_weights(averaged)
    wrong = {"generator/more": np.ones(1), kernel: np.ones((3, 3, 4, 2), np.float16)}
    model = build_synthesizer(config, DATA)
    before = stored_weights(model)
    with pytest.raises(InputError) as caught:
        load_weights(model, wrong, "presets/x", "Take another.")
    for words in (
        "presets/x: its weights do not fit",
        f"{bias}: is missing",
        "generator/more: is not known",
        f"{kernel}: stored (3, 3, 4, 2), needed (3, 3, 4, 3)",
        "Take another.",
    ):
        assert words in str(caught.value)
    for name, values in stored_weights(model).items():
        np.testing.assert_array_equal(values, before[name])


def test_networks_of_the_paper(tiny_model):
    weights = stored_weights(tiny_model)
    networks = tiny_model.generator, tiny_model.encoder
    assert len(weights) == sum(len(network.weights) for network in networks)
    assert "encoder/0000.normalized_convolution/spectral_conv2d/kernel" in weights
    for name, values in weights.items():
        assert values.dtype == (np.float16 if values.ndim > 1 else np.float32), name
