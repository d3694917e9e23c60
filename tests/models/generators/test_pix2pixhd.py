"""The pix2pixHD generators: sizes, counts, errors, and their forward pass in NumPy."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.models.generators.pix2pixhd import Pix2PixHDGenerator
from ccfpse_tf.ops.layout import Layout
from tests.layers.contract import dynamic, numbers, randomize, round_trip
from tests.models import pix2pixhd_oracle as oracle

CHANNELS = 4  # of the semantics: three classes and edges


@functools.cache
def make(depth=2, enhancers=0, features=0, dtype="float32"):
    """Shared between tests: set the weights first."""
    model = Pix2PixHDGenerator(
        CHANNELS,
        (16, 32),
        ngf=2,
        depth=depth,
        blocks=2,
        enhancers=enhancers,
        enhancer_blocks=1,
        features=features,
        dtype=dtype,
    )
    model.build()
    return model


def layout(size, dtype="float32", batch=2):
    random = np.random.default_rng(0)
    label = random.integers(0, 3, (batch, *size)).astype(np.int32)
    edges = random.integers(0, 2, (batch, *size, 1)).astype(dtype)
    ids = random.integers(0, 4, (batch, *size)).astype(np.int32)
    return Layout(tf.constant(label), tf.constant(edges), tf.constant(ids))


def zeros(initializer, shape, dtype=None):
    """Drawing millions of values takes seconds where only shapes matter."""
    return keras.ops.zeros(shape, dtype)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize(
    ("depth", "enhancers", "features", "size"),
    [(2, 0, 0, (8, 16)), (3, 0, 2, (16, 16)), (1, 1, 0, (8, 16)), (1, 2, 2, (16, 16))],
)
def test_forward(depth, enhancers, features, size, dense):
    model = randomize(make(depth, enhancers, features, "float64"))
    seen, given = layout(size, "float64"), None
    if features:
        given = numbers(1, 2, *size, features, dtype="float64")
    whole = [np.asarray(seen.one_hot(3))] + ([given] if features else [])
    expected = oracle.generator(model, np.concatenate(whole, -1))
    found = model(tf.constant(whole[0]) if dense else seen, features=given)
    assert np.abs(expected).std() > 0.01
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_without_features_those_of_clusters_are_drawn():
    model = randomize(make(2, 0, 2))
    model.clusters.counts.assign([3, 1, 0, 0])
    seen = layout((8, 16))
    drawn = model.clusters(seen)
    np.testing.assert_array_equal(model(seen), model(seen, features=drawn))
    assert np.abs(model(seen) - model(seen, features=0 * drawn)).max() > 0.01


@pytest.mark.parametrize(("enhancers", "size"), [(0, (8, 24)), (1, (16, 48))])
def test_any_size_and_unknown_ones(enhancers, size):
    model = randomize(make(2, enhancers))
    label, edges, _ = layout(size)
    expected = model(Layout(label, edges))
    found = dynamic(lambda a, b: model(Layout(a, b)), label, edges)
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_gradients_reach_every_weight():
    model = randomize(make(2, 1, 2))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(layout((16, 32)), features=numbers(1, 2, 16, 32, 2)))
    found = tape.gradient(loss, [v.value for v in model.trainable_variables])
    assert all(gradient is not None for gradient in found)


@pytest.mark.parametrize(
    ("channels", "enhancers", "count"),
    [
        (184, 0, 183_010_883),
        (36, 0, 182_546_755),
        (151, 0, 182_907_395),
        (184, 1, 183_553_251),
        (36, 1, 182_857_059),
        (151, 1, 183_398_019),
    ],
)
def test_parameters_of_the_published_sizes(channels, enhancers, count, monkeypatch):
    for kind in (keras.initializers.RandomNormal, keras.initializers.RandomUniform):
        monkeypatch.setattr(kind, "__call__", zeros)
    model = Pix2PixHDGenerator(
        channels, (256, 256), ngf=64 >> enhancers, enhancers=enhancers
    )
    model.build()
    assert model.count_params() == count


def test_initial_values():
    model = Pix2PixHDGenerator(CHANNELS, (64, 64), ngf=16, depth=2, blocks=1)
    model.build()
    for variable in model.trainable_variables:
        if variable.name == "kernel" and np.prod(variable.shape) > 4000:
            assert np.std(variable) == pytest.approx(0.02, rel=0.06)
    block, up = model.hourglasses[0].blocks[0], model.hourglasses[0].up[0]
    # The fan-in of a transposed convolution counts its output's channels.
    for bias, fan_in in ((block.first.bias, 9 * 64), (up.bias, 9 * 32)):
        largest = np.abs(bias).max() * np.sqrt(fan_in)
        assert 0.8 < largest <= 1


def test_stride_architecture_and_outermost_variables():
    model = make(2, 1)
    assert (model.stride, model.architecture) == (8, "pix2pixhd_local")
    assert model.any_size
    assert (make(2).stride, make(2).architecture) == (4, "pix2pixhd")
    outer = {id(variable) for variable in model.outermost_variables}
    inner = {id(variable) for variable in model.hourglasses[0].trainable_variables}
    assert not outer & inner
    assert len(outer | inner) == len(model.trainable_variables)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((20, 32), "depth 3 needs multiples of 8"),
        ((8, 32), "8x32 .* choose 16 or more"),
    ],
)
def test_wrong_sizes(size, words):
    with pytest.raises(ValueError, match=words):
        Pix2PixHDGenerator(CHANNELS, size, depth=3)
    with pytest.raises(ValueError, match=words):
        make(3)(layout(size))


def test_other_errors():
    with pytest.raises(ValueError, match="has no style code, and one was given"):
        make()(layout((8, 16)), tf.zeros((2, 4)))
    label, edges, _ = layout((8, 16))
    with pytest.raises(ValueError, match="these data have none; pool by label"):
        make(2, 0, 2)(Layout(label, edges))


@pytest.mark.parametrize("enhancers", [0, 1])
def test_config_round_trip_and_saving(enhancers, tmp_path):
    model = randomize(make(2, enhancers, 2))
    copy = round_trip(model)
    model.save_weights(tmp_path / "model.weights.h5")
    copy.load_weights(tmp_path / "model.weights.h5")
    seen = layout((16, 32))
    np.testing.assert_array_equal(copy(seen), model(seen))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy):
    model = make(2, 1, 2, policy)
    with tf.GradientTape() as tape:
        y = model(layout((16, 32), "float16" if "float" in policy[-7:] else "bfloat16"))
        loss = tf.reduce_mean(y)
    assert y.dtype == tf.float32
    for gradient in tape.gradient(loss, [v.value for v in model.trainable_variables]):
        assert np.isfinite(gradient).all()
