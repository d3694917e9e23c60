"""The FPSE discriminator against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.models.discriminators.fpse import FPSEDiscriminator
from tests.layers.contract import dynamic, numbers, randomize, round_trip
from tests.models import oracle


def make(dtype="float32", **kwargs):
    model = FPSEDiscriminator(3, **({"ndf": 2} | kwargs), dtype=dtype)
    model.build()
    return randomize(model)


def inputs(dtype="float32", size=(64, 96)):
    # Soft semantics: one-hot ones would hide an order of pooling and embedding.
    return numbers(0, 2, *size, 3, dtype=dtype), numbers(1, 2, *size, 3, dtype=dtype)


def test_forward():
    """The oracle pools after embedding, the network before."""
    model, arrays = make("float64"), inputs("float64")
    expected = oracle.discriminator(model, *arrays)
    found = model(*arrays)
    for a, b in zip(
        keras.tree.flatten(found), keras.tree.flatten(list(expected)), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)


def test_shapes():
    features, scores = make()(*inputs())
    assert [tuple(x.shape) for x in features] == [
        (2, 16, 24, 4),
        (2, 8, 12, 8),
        (2, 4, 6, 16),
        (2, 2, 3, 16),
    ]
    assert [tuple(x.shape) for x in scores] == [
        (2, 16, 24, 1),
        (2, 8, 12, 1),
        (2, 4, 6, 1),
    ]


def test_features_are_activated_and_start_at_the_second_level():
    model, (image, semantics) = make(), inputs()
    features, _ = model(image, semantics)
    x = model.bottom_up[1](model.bottom_up[0](image))
    np.testing.assert_allclose(features[0], x, rtol=1e-5, atol=1e-5)
    # After the leaky ReLU negative values are a fifth as large.
    assert -np.min(features[0]) < 0.6 * np.max(features[0])


def test_samples_do_not_see_each_other():
    """Fake and real halves share a batch: statistics must be per image."""
    model, (image, semantics) = make("float64"), inputs("float64")
    together = keras.tree.flatten(model(image, semantics, training=False))
    alone = keras.tree.flatten(model(image[1:], semantics[1:], training=False))
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_allclose(a[1:], b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("channels", "count"), [(184, 5_194_817), (36, 5_175_873), (151, 5_190_593)]
)
def test_parameter_counts(channels, count, zero_weights):
    del zero_weights  # only for speed
    model = FPSEDiscriminator(channels)
    model.build()
    shapes = [weight.shape for weight in model.trainable_weights]
    assert sum(int(np.prod(shape)) for shape in shapes) == count


def test_training_moves_all_spectral_vectors_and_trains_every_weight():
    model, arrays = make("float64"), inputs("float64")
    before = [oracle.weights_of(weight) for weight in model.non_trainable_weights]
    assert len(before) == 2 * (5 + 4 + 3)
    with tf.GradientTape() as tape:
        features, scores = model(*arrays, training=True)
        loss = tf.add_n([tf.reduce_sum(x**2) for x in [*features, *scores]])
    for weight, value in zip(model.non_trainable_weights, before, strict=True):
        assert np.abs(oracle.weights_of(weight) - value).max() > 0
    variables = {weight.path: weight.value for weight in model.trainable_weights}
    for path, gradient in tape.gradient(loss, variables).items():
        assert gradient is not None and np.abs(gradient).max() > 0, path


def test_configuration_survives():
    model = make("mixed_bfloat16", ndf=3, name="tested")
    copy = round_trip(model)
    assert [w.shape for w in copy.weights] == [w.shape for w in model.weights]


def test_symbolic_and_unknown_sizes():
    model, arrays = make(), inputs()
    features, scores = model(keras.Input((64, 96, 3)), keras.Input((64, 96, 3)))
    assert [x.shape[1] for x in (*features, *scores)] == [16, 8, 4, 2, 16, 8, 4]
    found = keras.tree.flatten(dynamic(lambda x, s: model(x, s), *arrays))
    for a, b in zip(found, keras.tree.flatten(model(*arrays)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_gives_float32_scores(policy):
    features, scores = make(policy)(*inputs(), training=True)
    assert {x.dtype.name for x in scores} == {"float32"}
    assert {x.dtype.name for x in features} == {policy.removeprefix("mixed_")}
    assert all(np.isfinite(x).all() for x in scores)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((32, 64), "height 32"),
        ((64, 32), "width 32"),
        ((80, 64), "height 80"),
        ((96, 72), "width 72"),
    ],
)
def test_wrong_sizes_are_named(size, message):
    with pytest.raises(ValueError, match=f"{message}: .* multiple of 32 above 32"):
        make()(*inputs(size=size))
