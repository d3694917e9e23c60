"""The weights of a preset: out of a model and into another one."""

import numpy as np
import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.gan.build import build_synthesizer
from ccfpse_tf.gan.preset_weights import load_weights, stored_weights
from tests.presets.made import CONFIG, DATA, trained

AVERAGE = "generator.average_decay=0.9"


@pytest.fixture(scope="module")
def averaged():
    """A model whose average is not its generator."""
    return trained(AVERAGE)[0]


def test_the_average_is_stored(averaged):
    weights = stored_weights(averaged)
    assert len(weights) == len(averaged.generator.weights + averaged.encoder.weights)
    stored = [weights[name] for name in weights if name.startswith("generator/")]
    for found, average in zip(stored, averaged.average.weights, strict=True):
        np.testing.assert_allclose(found, average, rtol=1e-3, atol=1e-7)


def test_kernels_are_halved_and_vectors_stay(averaged):
    for name, values in stored_weights(averaged).items():
        assert values.dtype == (np.float16 if values.ndim > 1 else np.float32), name


def test_kernels_that_float16_cannot_hold_stay_as_they_are(averaged):
    kernel = averaged.average.image_convolution.kernel
    before = np.asarray(kernel)
    kernel.assign(1e6 * np.ones_like(before))
    stored = stored_weights(averaged)
    kernel.assign(before)
    largest = max(stored.values(), key=np.max)
    assert largest.dtype == np.float32 and np.max(largest) == np.float32(1e6)


def test_names_are_the_same_in_every_model(averaged):
    model = build_synthesizer(CONFIG, DATA)
    assert stored_weights(model).keys() == stored_weights(averaged).keys()


def test_generator_average_and_encoder_get_the_weights(averaged):
    weights = stored_weights(averaged)
    other, _ = trained(AVERAGE, "data.seed=1")
    load_weights(other, weights, "a preset", "")
    for network in (other.generator, other.average):
        for mine, theirs in zip(network.weights, averaged.average.weights, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-7)
    again = stored_weights(other)
    for name in weights:
        np.testing.assert_array_equal(again[name], weights[name])


def test_weights_that_do_not_fit_change_nothing(averaged):
    weights = stored_weights(averaged)
    first, second, third, *_ = weights
    wrong = weights | {second: weights[second][..., :1], "generator/more": 1}
    del wrong[first]
    wrong[third] = wrong[third] + 7
    model = build_synthesizer(CONFIG, DATA)
    before = stored_weights(model)
    with pytest.raises(InputError) as caught:
        load_weights(model, wrong, "presets/x", "Take another.")
    for words in (
        "presets/x: its weights do not fit",
        f"{first}: is missing",
        "generator/more: is not known",
        f"{second}: stored (1,), needed (2,)",
        "Take another.",
    ):
        assert words in str(caught.value)
    for name, values in stored_weights(model).items():
        np.testing.assert_array_equal(values, before[name])
