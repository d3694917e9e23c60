"""The style encoder against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.models.style_encoder import StyleEncoder, sample_style
from ccfpse_tf.ops.noise import stateless_normal
from tests.layers.contract import dynamic, numbers, randomize, round_trip
from tests.models import oracle


def make(dtype="float32", **kwargs):
    model = StyleEncoder(**({"ngf": 1, "z_dim": 4} | kwargs), dtype=dtype)
    model.build()
    return randomize(model)


@pytest.mark.parametrize("size", [(256, 256), (64, 96), (300, 200)])
def test_forward(size):
    """Resized to 256x256, flattened as (channel, row, column)."""
    model, image = make("float64"), numbers(0, 2, *size, 3, dtype="float64")
    expected = oracle.encoder(model, image)
    for a, b in zip(model(image), expected, strict=True):
        assert a.shape == (2, 4)
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-8)


def test_unknown_sizes():
    model, image = make(), numbers(1, 2, 64, 32, 3)
    for a, b in zip(dynamic(lambda x: model(x), image), model(image), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


def test_parameter_count(zero_weights):
    del zero_weights  # only for speed
    model = StyleEncoder()
    model.build()
    shapes = [weight.shape for weight in model.trainable_weights]
    assert sum(int(np.prod(shape)) for shape in shapes) == 10_463_424


def test_configuration_survives():
    model = make("mixed_bfloat16", ngf=2, z_dim=5, name="tested")
    copy = round_trip(model)
    assert [w.shape for w in copy.weights] == [w.shape for w in model.weights]


def test_symbolic():
    mu, logvar = make()(keras.Input((64, 64, 3)))
    assert mu.shape == logvar.shape == (None, 4)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_gives_float32_codes(policy):
    for x in make(policy)(numbers(2, 1, 64, 64, 3)):
        assert x.dtype == "float32"
        assert np.isfinite(x).all()


def test_gradients_reach_image_and_weights():
    model = make("float64")
    image = tf.constant(numbers(3, 1, 32, 32, 3, dtype="float64"))
    with tf.GradientTape() as tape:
        tape.watch(image)
        mu, logvar = model(image, training=True)
        loss = tf.reduce_sum(mu**2) + tf.reduce_sum(logvar**2)
    variables = {weight.path: weight.value for weight in model.trainable_weights}
    by_image, gradients = tape.gradient(loss, [image, variables])
    assert np.abs(by_image).max() > 0
    for path, gradient in gradients.items():
        assert gradient is not None and np.abs(gradient).max() > 0, path


def test_sample_style():
    mu, logvar = tf.constant([[1.0, -1.0]]), tf.math.log([[4.0, 0.25]])
    found = sample_style(mu, logvar, tf.constant([[3.0, -2.0]]))
    np.testing.assert_allclose(found, [[7, -2]], rtol=1e-6)


@pytest.mark.parametrize("shape", [(2, 4), (3, 3), (1, 1), (50, 256)])
@pytest.mark.parametrize("xla", [False, True])
def test_noise_is_tensorflows_under_xla_too(shape, xla):
    @tf.function(jit_compile=xla)
    def draw(seed):
        return stateless_normal(shape, seed)

    seed = tf.constant([5, 7], tf.int64)
    expected = tf.random.stateless_normal(shape, seed, alg="philox")
    np.testing.assert_allclose(draw(seed), expected, rtol=1e-5, atol=5e-6)
