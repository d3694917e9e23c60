"""The multi-scale patch discriminator against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.layers.layout import LayoutEncoding
from ccfpse_tf.models.discriminators.multiscale import MultiscaleDiscriminator
from tests.layers import oracle
from tests.layers.contract import dynamic, numbers, randomize, round_trip

FORMS = ["spade", "pix2pixhd"]


def make(dtype="float32", **kwargs):
    model = MultiscaleDiscriminator(4, **({"ndf": 2} | kwargs), dtype=dtype)
    model.build()
    return randomize(model)


def inputs(dtype="float32", size=(14, 20)):
    return numbers(0, 2, *size, 3, dtype=dtype), numbers(1, 2, *size, 4, dtype=dtype)


def pooled(x):
    """Means of 3x3 pixels at every second one; fewer at the border."""
    rows, columns = -(-x.shape[1] // 2), -(-x.shape[2] // 2)
    y = np.zeros((len(x), rows, columns, x.shape[3]))
    for i, j in np.ndindex(rows, columns):
        seen = x[:, max(2 * i - 1, 0) : 2 * i + 2, max(2 * j - 1, 0) : 2 * j + 2]
        y[:, i, j] = seen.mean((1, 2))
    return y


def expected_scale(scale, x):
    """Features and score of one scale."""
    x = oracle.leaky_relu(plain(scale.first, x, 2))
    features = [x]
    for layer, stride in zip(scale.hidden, (2, 2, 1), strict=True):
        convolution = layer.convolution
        if hasattr(convolution, "u"):
            x = oracle.spectral(convolution, x)
        else:
            x = plain(convolution, x, stride)
        x = oracle.leaky_relu(oracle.instance_normalize(x))
        features.append(x)
    return features, plain(scale.score, x, 1)


def plain(layer, x, stride):
    kernel, bias = oracle.weights_of(layer.kernel), oracle.weights_of(layer.bias)
    return oracle.convolve(x, kernel, bias, stride)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("scales", [2, 3])
def test_forward(form, scales):
    model = make("float64", form=form, scales=scales)
    image, semantics = inputs("float64")
    features, scores = model(image, semantics)
    x = np.concatenate([semantics, image], -1)
    assert len(features) == len(scores) == scales
    for scale, layers, score in zip(model.scales, features, scores, strict=True):
        theirs, their_score = expected_scale(scale, x)
        for a, b in zip((*layers, score), (*theirs, their_score), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)
        x = pooled(x)


def test_a_layout_is_its_one_hot_map_and_serves_both_halves_of_the_images():
    model = make("float64")
    image = numbers(0, 4, 13, 20, 3, dtype="float64")
    rng = np.random.default_rng(0)
    label, instance = rng.integers(0, 3, (2, 2, 13, 20))
    layout = LayoutEncoding(3, True, dtype="float64")(label, instance)
    dense = tf.tile(layout.one_hot(3), (2, 1, 1, 1))
    found, expected = (
        keras.tree.flatten(model(image, semantics)) for semantics in (layout, dense)
    )
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_sizes_grow_by_the_padding():
    features, scores = make()(*inputs(size=(64, 96)))
    sizes = [[tuple(x.shape[1:]) for x in scale] for scale in features]
    assert sizes == [
        [(33, 49, 2), (17, 25, 4), (9, 13, 8), (10, 14, 16)],
        [(17, 25, 2), (9, 13, 4), (5, 7, 8), (6, 8, 16)],
    ]
    assert [tuple(x.shape[1:]) for x in scores] == [(11, 15, 1), (7, 9, 1)]


@pytest.mark.parametrize(
    ("arguments", "counts"),
    [
        ({}, (5_904_514, 5_601_410, 5_836_930)),
        ({"form": "pix2pixhd"}, (5_906_306, 5_603_202, 5_838_722)),
        ({"form": "pix2pixhd", "scales": 3}, (8_859_459, 8_404_803, 8_758_083)),
    ],
)
def test_parameter_counts(arguments, counts, zero_weights):
    del zero_weights  # only for speed
    for channels, count in zip((184, 36, 151), counts, strict=True):
        model = MultiscaleDiscriminator(channels, **arguments)
        model.build()
        shapes = [weight.shape for weight in model.trainable_weights]
        assert sum(int(np.prod(shape)) for shape in shapes) == count


def test_widths_stop_at_512():
    assert MultiscaleDiscriminator(1, 128).scales[0].widths == [128, 256, 512, 512]


def test_initial_values():
    """Of each form: kernels of the first and a hidden layer, and the first bias."""
    for form, deviations, bias in (
        # Xavier with a gain of 0.02, and PyTorch's uniform +-1/sqrt(fan_in).
        ("spade", (0.02 * (2 / (16 * 71)) ** 0.5, (3 * 16 * 64) ** -0.5), 0),
        ("pix2pixhd", (0.02, 0.02), (16 * 7) ** -0.5),
    ):
        model = MultiscaleDiscriminator(4, 64, form=form)
        model.build()
        scale = model.scales[0]
        for layer, deviation in zip(
            (scale.first, scale.hidden[0].convolution), deviations, strict=True
        ):
            found = oracle.weights_of(layer.kernel).std()
            assert abs(found / deviation - 1) < 0.05
        largest = np.abs(oracle.weights_of(scale.first.bias)).max()
        assert 0.9 * bias <= largest <= bias


@pytest.mark.parametrize("form", FORMS)
def test_training_trains_every_weight_and_moves_all_spectral_vectors(form):
    model, arrays = make("float64", form=form), inputs("float64")
    before = [oracle.weights_of(weight) for weight in model.non_trainable_weights]
    assert len(before) == (2 * 3 * 2 if form == "spade" else 0)
    with tf.GradientTape() as tape:
        outputs = keras.tree.flatten(model(*arrays, training=True))
        loss = tf.add_n([tf.reduce_sum(x**2) for x in outputs])
    for weight, value in zip(model.non_trainable_weights, before, strict=True):
        assert np.abs(oracle.weights_of(weight) - value).max() > 0
    variables = {weight.path: weight.value for weight in model.trainable_weights}
    for path, gradient in tape.gradient(loss, variables).items():
        assert gradient is not None, path
    assert len(variables) == 2 * (2 + 3 + 2 if form == "spade" else 10)


@pytest.mark.parametrize("form", FORMS)
def test_configuration_survives(form):
    model = make("mixed_bfloat16", ndf=3, scales=3, form=form, name="tested")
    copy = round_trip(model)
    assert copy.architecture == model.architecture
    assert [w.shape for w in copy.weights] == [w.shape for w in model.weights]


@pytest.mark.parametrize("form", FORMS)
def test_symbolic_and_unknown_sizes(form):
    model, arrays = make(form=form), inputs()
    _, scores = model(keras.Input((64, 96, 3)), keras.Input((64, 96, 4)))
    assert [x.shape[1:3] for x in scores] == [(11, 15), (7, 9)]
    found = keras.tree.flatten(dynamic(lambda x, s: model(x, s), *arrays))
    for a, b in zip(found, keras.tree.flatten(model(*arrays)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_gives_float32_scores(policy):
    label = np.random.default_rng(0).integers(0, 4, (2, 16, 20))
    layout = LayoutEncoding(4, dtype=policy)(label)
    features, scores = make(policy)(inputs(size=(16, 20))[0], layout, training=True)
    assert {x.dtype.name for x in scores} == {"float32"}
    found = {x.dtype.name for x in keras.tree.flatten(features)}
    assert found == {policy.removeprefix("mixed_")}
    assert all(np.isfinite(x).all() for x in scores)


def test_an_unknown_form_is_named():
    with pytest.raises(ValueError, match="form 'patch': choose from spade, pix2pixhd"):
        MultiscaleDiscriminator(4, form="patch")
