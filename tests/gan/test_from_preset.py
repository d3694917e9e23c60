"""Models with the weights of a preset: drawn with, trained, of other classes."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import ccfpse_tf
from ccfpse_tf.errors import InputError
from ccfpse_tf.export.comparison import drawn_by
from ccfpse_tf.gan import class_rows, methods
from ccfpse_tf.gan.adversarial_model import AdversarialModel
from ccfpse_tf.gan.build import build_model
from ccfpse_tf.gan.from_preset import model_of, start_from, synthesizer_of
from ccfpse_tf.gan.synthesizer import Synthesizer
from ccfpse_tf.presets.class_matching import match_classes
from ccfpse_tf.presets.preset_files import write_preset
from tests.gan import other_method
from tests.presets.made import CONFIG, DATA, described, of_model, trained
from tests.small_model import batch


def inputs(label=None):
    made = batch()
    z = np.linspace(-1, 1, 8).reshape(2, 4).astype(np.float32)
    label = made["label"] if label is None else label
    return {"label": label, "instance": made["instance"], "z": z}


@pytest.fixture(scope="module")
def preset():
    return of_model()


@pytest.fixture(scope="module")
def drawn(preset):
    """The images of the model that the preset is of."""
    return drawn_by(trained()[0], inputs())


def assert_alike(images, others):
    """The same but for the rounding of kernels."""
    assert images.std() > 1
    assert np.abs(images - others).max() <= 2


def test_it_draws_as_the_model_did(preset, drawn):
    model = synthesizer_of(preset)
    assert type(model) is Synthesizer and model.discriminator is None
    assert_alike(drawn_by(model, inputs()), drawn)


def test_from_preset_is_trained_further(preset, drawn, tmp_path):
    write_preset(tmp_path / "tiny", preset)
    model = ccfpse_tf.CCFPSE.from_preset(tmp_path / "tiny")
    assert type(model) is ccfpse_tf.CCFPSE
    assert_alike(drawn_by(model, inputs()), drawn)
    rate = float(model.generator_optimizer.learning_rate)
    assert rate == pytest.approx(CONFIG.optimizers.generator_lr)
    before = np.asarray(model.generator.image_convolution.kernel)
    data = {name: tf.constant(value) for name, value in batch().items()}
    logs = model.train_step(data)
    assert np.isfinite(logs["generator_loss"])
    assert not np.array_equal(before, model.generator.image_convolution.kernel)
    model.compile(ccfpse_tf.Adam(1e-3), ccfpse_tf.Adam(1e-3), gan_mode="original")


def test_presets_are_listed():
    assert isinstance(ccfpse_tf.CCFPSE.presets, dict)


def test_overrides(preset):
    model = model_of(
        preset,
        {"data": {"seed": 9}, "step": {"precision": "mixed_bfloat16"}},
    )
    assert (model.seed, model.dtype_policy.name) == (9, "mixed_bfloat16")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"generator": {"ngf": 4}}, "generator.ngf: the preset has 2, here it is 4"),
        ({"generator": {"z_dim": 0}}, "generator.z_dim: the preset has 4, here it is"),
        (
            {"data": {"image_size": (128, 128)}},
            "data.image_size: the preset has 64x96, here it is 128x128",
        ),
        ({"data": {"image_size": (100, 96)}}, "height 100, which is not a multiple"),
        ({"generator": {"ngf": 0}}, "ngf is 0"),
        ({"generator": {"width": 1}}, "overrides are sections .* there are generator="),
        ({"ngf": {"ngf": 1}}, "overrides are sections of the config"),
        ({"generator": 7}, "overrides are sections of the config"),
    ],
)
def test_overrides_that_cannot_be(overrides, words, preset):
    with pytest.raises(InputError, match=f"(?s){words}"):
        model_of(preset, overrides)


def test_without_style_code():
    preset = of_model("generator.z_dim=0")
    model = synthesizer_of(preset)
    x = {name: value for name, value in inputs().items() if name != "z"}
    assert_alike(drawn_by(model, x), drawn_by(trained("generator.z_dim=0")[0], x))


def test_a_preset_of_another_class_of_models(preset, tmp_path, monkeypatch):
    row = dataclasses.replace(methods.CC_FPSE, model=lambda: AdversarialModel)
    monkeypatch.setitem(methods.METHODS, "ccfpse", row)
    write_preset(tmp_path / "tiny", preset)
    with pytest.raises(InputError, match="call AdversarialModel.from_preset"):
        ccfpse_tf.CCFPSE.from_preset(tmp_path / "tiny")
    assert AdversarialModel.from_preset(tmp_path / "tiny").z_dim == 4


def test_codes_of_another_length(preset):
    style = dataclasses.replace(preset.styles[0], code=np.zeros(3, np.float32))
    with pytest.raises(InputError, match="has 3 values, the generator takes 4"):
        synthesizer_of(dataclasses.replace(preset, styles=(style,)))


def started(preset, data, *settings):
    """A new model of other data that starts from a preset."""
    config = trained(*settings)[1] if settings else preset.config
    model = build_model(config, data, 1, training=False)
    match = match_classes(preset.data, data, "a preset")
    before = [np.asarray(weight) for weight in model.generator.weights]
    start_from(model, config, preset, match)
    return model, before


def test_the_same_classes_are_taken_as_they_are(preset, drawn):
    model, _ = started(preset, DATA)
    assert_alike(drawn_by(model, inputs()), drawn)


@pytest.mark.parametrize("order", [(2, 0, 1), (1, 2, 0)])
def test_classes_in_another_order_draw_the_same(order, preset, drawn):
    data = described(*(DATA.class_names[i] for i in order))
    model, _ = started(preset, data)
    label = np.array([order.index(i) for i in range(3)])[batch()["label"]]
    # Spectral vectors are better than the few steps of the training had found them.
    settled = synthesizer_of(preset)
    names = dict.fromkeys(preset.weights)
    class_rows.settle(settled.generator, names)
    class_rows.settle(model.generator, names)
    assert_alike(drawn_by(model, inputs(label)), drawn_by(settled, inputs()))


def test_new_classes_get_new_rows_and_missing_ones_are_dropped(preset):
    data = described("new", "high", "low", dont_care=3)
    model, initial = started(preset, data, "generator.average_decay=0.5")
    old = trained()[0].generator.weights
    seen = 0
    for weight, before, source in zip(
        model.generator.weights, initial, old, strict=True
    ):
        if not weight.trainable:
            assert np.isfinite(weight).all()
        elif weight.shape == source.shape:
            np.testing.assert_allclose(weight, source, rtol=1e-3, atol=1e-7)
        else:
            [axis] = np.flatnonzero(np.subtract(weight.shape, source.shape))
            mine, first, theirs = (
                np.moveaxis(np.asarray(x), axis, 0) for x in (weight, before, source)
            )
            # Classes new, high, low, don't care; edges; context of the pyramid.
            np.testing.assert_array_equal(mine[0], first[0])
            np.testing.assert_allclose(mine[1], theirs[2], rtol=1e-3, atol=1e-7)
            np.testing.assert_allclose(mine[2], theirs[0], rtol=1e-3, atol=1e-7)
            np.testing.assert_array_equal(mine[3], first[3])
            np.testing.assert_allclose(mine[4:], theirs[3:], rtol=1e-3, atol=1e-7)
            seen += 1
    assert seen > 10
    for average, weight in zip(
        model.average.weights, model.generator.weights, strict=True
    ):
        np.testing.assert_array_equal(average, weight)


def test_spectral_vectors_fit_their_kernels_again(preset):
    model, _ = started(preset, described("new", "low"))
    layer = model.generator.pyramid.bottom_up[0].convolution
    kernel = np.asarray(layer.kernel).reshape(-1, layer.filters)
    sigma = np.asarray(layer.v) @ kernel @ np.asarray(layer.u)
    assert sigma == pytest.approx(np.linalg.norm(kernel, 2), rel=1e-3)


def test_a_size_that_the_generator_cannot_make(preset):
    with pytest.raises(InputError, match="data.image_size: the preset has 64x96"):
        started(preset, DATA, "data.image_size=64x64")


def test_rows_of_flattened_axes():
    """Two taps of three classes and one channel of context, flattened."""
    old = np.arange(8.0)
    fresh = -np.ones(6)
    moved = class_rows._moved(old, fresh, 0, 2, [2, None])
    np.testing.assert_array_equal(moved, [2, -1, 3, 6, -1, 7])


def test_other_generators_follow_the_same_rule():
    old, new = (other_method.OneConvolution(n, (4, 4)) for n in (3, 2))
    for network in (old, new):
        network.build()
    kernel = np.asarray(old.convolution.kernel)
    weights = {"generator/0000.conv2d/kernel": kernel}
    moved = class_rows.moved_weights(
        new, lambda n: other_method.OneConvolution(n, (4, 4)), [2, None], weights
    )
    [(name, values)] = moved.items()
    assert name in weights
    np.testing.assert_array_equal(values[:, :, 0], kernel[:, :, 2])
    np.testing.assert_array_equal(
        values[:, :, 1], np.asarray(new.convolution.kernel)[:, :, 1]
    )
