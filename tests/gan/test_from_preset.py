"""Models with the weights of a preset: drawn with, trained, of other classes."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import ccfpse_tf
from ccfpse_tf.config import override
from ccfpse_tf.errors import InputError
from ccfpse_tf.export.comparison import drawn_by
from ccfpse_tf.gan import class_rows, methods
from ccfpse_tf.gan.adversarial_model import AdversarialModel
from ccfpse_tf.gan.build import build_model, build_synthesizer
from ccfpse_tf.gan.from_preset import model_of, start_from, synthesizer_of
from ccfpse_tf.gan.preset_weights import load_weights, named_variables
from ccfpse_tf.gan.save_preset import sizes_of
from ccfpse_tf.gan.synthesizer import Synthesizer
from ccfpse_tf.generation.preset_model import PresetModel
from ccfpse_tf.presets.class_matching import match_classes
from ccfpse_tf.presets.preset_files import write_preset
from ccfpse_tf.presets.shipped import find_preset, shipped_presets
from tests.presets.made import CONFIG, DATA, described, of_model, one_convolution
from tests.small_model import batch


def inputs(label=None):
    made = batch()
    z = np.linspace(-1, 1, 8).reshape(2, 4).astype(np.float32)
    label = made["label"] if label is None else label
    return {"label": label, "instance": made["instance"], "z": z}


@pytest.fixture(scope="module")
def preset(tiny_model):
    return of_model(tiny_model, CONFIG)


@pytest.fixture(scope="module")
def drawn(tiny_model):
    """The images of the model that the preset is of."""
    images = drawn_by(tiny_model, inputs())
    assert images.std() > 1
    return images


@pytest.fixture(scope="module")
def synthesizer(preset):
    return synthesizer_of(preset)


def assert_alike(images, others):
    """The same but for the rounding of kernels."""
    assert np.abs(images - others).max() <= 3


def test_it_draws_as_the_model_did(synthesizer, drawn):
    assert type(synthesizer) is Synthesizer and synthesizer.discriminator is None
    assert_alike(drawn_by(synthesizer, inputs()), drawn)


def test_from_preset(preset, drawn, tmp_path):
    write_preset(tmp_path / "tiny", preset)
    model = ccfpse_tf.CCFPSE.from_preset(tmp_path / "tiny", data={"seed": 9})
    assert type(model) is ccfpse_tf.CCFPSE and model.seed == 9
    assert model.discriminator.ndf == CONFIG.discriminator.ndf
    assert_alike(drawn_by(model, inputs()), drawn)
    for step in (0, 1000):
        rate = model.generator_optimizer.inner_optimizer._learning_rate(step)
        assert float(rate) == pytest.approx(CONFIG.optimizers.generator_lr)


@pytest.mark.parametrize("name", sorted(shipped_presets()))
def test_what_ships_draws_a_picture(name):
    """As the README has it."""
    model = ccfpse_tf.CCFPSE.from_preset(name)
    size = model.generator.image_size
    label = np.zeros((1, *size), np.int32)
    label[:, size[0] // 2 :] = 1
    instance = label if find_preset(name).data.instances else None
    z = np.zeros((1, model.generator.z_dim), np.float32)
    image = np.asarray(model.synthesize(label, instance, z))
    assert image.shape == (1, *size, 3) and 0.05 < image.std() < 1


def test_presets_are_listed():
    assert isinstance(ccfpse_tf.CCFPSE.presets, dict)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"data": {"image_size": (100, 96)}}, "height 100, which is not a multiple"),
        ({"generator": {"ngf": 0}}, "ngf is 0"),
        ({"generator": {"width": 1}}, "overrides are sections .* there are generator="),
        ({"ngf": {"ngf": 1}}, "overrides are sections of the config"),
        ({"generator": 7}, "overrides are sections of the config"),
    ],
)
def test_overrides_that_cannot_be(overrides, words, preset):
    with pytest.raises(InputError, match=words):
        model_of(preset, overrides)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            {"losses": {"perceptual_network": "squeezenet"}},
            "perceptual_network: .*comp",
        ),
        ({"losses": {"perceptual": 1.0}}, "losses.perceptual: changes nothing"),
        (
            {"data": {"seed": 7, "batch_size": 2}},
            "preset: data.batch_size: .*model.fit",
        ),
        (
            {"schedule": {"epochs": 2, "keep": 3}},
            "schedule.epochs, schedule.keep: chan",
        ),
        ({"step": {"deterministic": True}}, "step.deterministic: changes nothing"),
        ({"generator": {"mixed": 2}}, "generator.mixed is read by ccfpse_compact"),
        (
            {"discriminator": {"scales": 3}},
            "discriminator.scales is read by multiscale",
        ),
    ],
)
def test_overrides_that_change_nothing(overrides, words, preset):
    with pytest.raises(InputError, match=words):
        model_of(preset, overrides)


def test_overrides_that_the_weights_do_not_fit(preset):
    overrides = {"generator": {"ngf": 1}, "data": {"image_size": (64, 64)}}
    with pytest.raises(InputError) as caught:
        model_of(preset, overrides)
    for words in (
        "presets/tiny: its weights do not fit",
        "generator.ngf: the preset has 2, here it is 1",
        "data.image_size: the preset has 64x96, here it is 64x64",
    ):
        assert words in str(caught.value)
    assert "z_dim" not in str(caught.value)


@pytest.mark.parametrize(
    "error", [MemoryError(), tf.errors.ResourceExhaustedError(None, None, "OOM")]
)
def test_networks_that_memory_is_lacking_for(error, preset, monkeypatch):
    def build(*_, **__):
        raise error

    for name in ("build_synthesizer", "build_model"):
        monkeypatch.setattr(f"ccfpse_tf.gan.from_preset.{name}", build)
    words = (
        "presets/tiny: there is too little memory .* generator.ngf 2, .* smaller ndf"
    )
    with pytest.raises(InputError, match=words):
        synthesizer_of(preset)
    with pytest.raises(InputError, match=words):
        model_of(preset, {})


def test_codes_of_another_length(preset, synthesizer, monkeypatch):
    monkeypatch.setattr(
        "ccfpse_tf.gan.from_preset.build_synthesizer", lambda *_: synthesizer
    )
    style = dataclasses.replace(preset.styles[0], code=np.zeros(3, np.float32))
    with pytest.raises(InputError, match="has 3 values, the generator takes 4"):
        synthesizer_of(dataclasses.replace(preset, styles=(style,)))


def test_a_preset_of_another_class_of_models(preset, tmp_path, monkeypatch):
    row = dataclasses.replace(methods.CC_FPSE, model=lambda: AdversarialModel)
    monkeypatch.setitem(methods.METHODS, "ccfpse", row)
    write_preset(tmp_path / "tiny", preset)
    with pytest.raises(InputError, match="call AdversarialModel.from_preset"):
        ccfpse_tf.CCFPSE.from_preset(tmp_path / "tiny")


def settled(synthesizer, names):
    """With spectral vectors that are better than the training's few steps found."""
    class_rows.settle(synthesizer.generator, names)
    return synthesizer


def test_classes_in_another_order_draw_the_same(preset, synthesizer):
    """So classes come first on all axes that the rule finds."""
    data = described("high", "low", "middle")
    match = match_classes(preset.data, data, "a preset")
    assert match.sources == (2, 0, 1, 3)
    model = build_synthesizer(CONFIG, data)
    start_from(model, CONFIG, preset, match)
    everything = preset.weights
    label = np.array([1, 2, 0])[batch()["label"]]
    assert_alike(
        drawn_by(settled(model, everything), inputs(label)),
        drawn_by(settled(synthesizer, everything), inputs()),
    )
    layer = model.generator.pyramid.bottom_up[0].convolution
    kernel = np.asarray(layer.kernel).reshape(-1, layer.filters)
    sigma = np.asarray(layer.v) @ kernel @ np.asarray(layer.u)
    assert 0.9 < sigma / np.linalg.norm(kernel, 2) < 1.001


@pytest.fixture(scope="module")
def compact():
    """The preset of a compact generator."""
    settings = ["generator.architecture=ccfpse_compact", "generator.mixed=2"]
    config = override(CONFIG, settings)
    model = build_synthesizer(config, DATA)
    random = np.random.default_rng(5)
    for weight in model.generator.trainable_weights:
        weight.assign(weight + 0.1 * random.standard_normal(weight.shape))
    x = inputs()
    semantics = model.layout_encoding(x["label"], x["instance"])
    for _ in range(5):  # statistics and spectral vectors that fit
        model.generator(semantics, x["z"], training=True)
    preset = of_model(model, config)
    load_weights(model, preset.weights, "", "")
    images = drawn_by(model, inputs())
    assert images.std() > 1
    return preset, images


def test_classes_of_the_compact_generator_in_another_order(compact):
    preset, images = compact
    data = described("high", "new", "low", "middle")
    model = build_synthesizer(preset.config, data)
    match = match_classes(preset.data, data, "a preset")
    start_from(model, preset.config, preset, match)
    label = np.array([2, 3, 0])[batch()["label"]]
    assert np.abs(drawn_by(model, inputs(label)) - images).max() <= 1


def test_the_compact_generator_draws_other_sizes(compact, tmp_path):
    preset, _ = compact
    write_preset(tmp_path / "compact", preset)
    opened = PresetModel(tmp_path / "compact")
    label = np.zeros((1, 96, 32), np.int32)
    code = preset.styles[0].code[None]
    assert opened.images(label, label, code).shape == (1, 96, 32, 3)
    with pytest.raises(InputError) as caught:
        opened.check_size(100, 20)
    assert "100x20 (height x width): the preset tiny draws multiples of 32" in (
        str(caught.value)
    )
    assert "resize or crop it to 96x32" in str(caught.value)
    with pytest.raises(InputError, match="multiples of 32"):
        opened.check_size(0, 32)


def test_maps_that_are_reflected_have_a_least_size(tmp_path):
    small = ["generator.ngf=1", "generator.downsamplings=2", "generator.blocks=1"]
    config = override(CONFIG, [*methods.settings("pix2pixhd"), *small])
    model = build_model(config, DATA, 1, training=False)
    assert sizes_of(model) == "it was trained at 64x96 and draws multiples of 4 from 8"
    write_preset(tmp_path / "tiny", of_model(model, config))
    opened = PresetModel(tmp_path / "tiny")
    label = np.zeros((1, 8, 12), np.int32)
    assert opened.images(label, label, None).shape == (1, 8, 12, 3)
    with pytest.raises(InputError, match="multiples of 4 from 8: resize .* to 8x12"):
        opened.images(label[:, :4], label[:, :4], None)


@pytest.fixture
def config(monkeypatch):
    return one_convolution(monkeypatch, "generator.average_decay=0.5")


@pytest.fixture
def simple(config):
    """The preset of a generator of one layer, without style code."""
    return of_model(build_model(config, DATA, 1, training=False), config)


def started(preset, config, data):
    model = build_model(config, data, 1, training=False)
    before = np.asarray(model.generator.weights[0])
    match = match_classes(preset.data, data, "a preset")
    start_from(model, config, preset, match)
    kernel, average = (
        np.asarray(network.weights[0]) for network in (model.generator, model.average)
    )
    np.testing.assert_array_equal(kernel, average)
    return before, kernel


def test_the_same_classes_are_taken_as_they_are(simple, config):
    _, kernel = started(simple, config, DATA)
    np.testing.assert_array_equal(kernel, [*simple.weights.values()][0])


def test_new_classes_get_new_rows_and_missing_ones_are_dropped(simple, config):
    data = described("new", "high", "low", dont_care=3)
    before, kernel = started(simple, config, data)
    stored = [*simple.weights.values()][0]
    # New, high, low, don't care, edges.
    np.testing.assert_array_equal(kernel[:, :, [0, 3]], before[:, :, [0, 3]])
    np.testing.assert_array_equal(kernel[:, :, [1, 2, 4]], stored[:, :, [2, 0, 3]])


def test_it_is_trained_further(simple, config):
    model = model_of(simple, {})
    before = np.asarray(model.generator.weights[0])
    data = {name: tf.constant(value) for name, value in batch().items()}
    for _ in range(2):
        logs = model.train_step(data)
        assert np.isfinite(logs["generator_loss"])
        assert not np.array_equal(before, model.generator.weights[0])
        model.compile(ccfpse_tf.Adam(1e-3), ccfpse_tf.Adam(1e-3), gan_mode="original")


def test_rows_of_flattened_axes():
    """Two taps of three classes and one channel of context, flattened."""
    old, fresh = np.arange(8.0), -np.ones(6)
    moved = class_rows._moved(old, fresh, 0, 2, [2, None])
    np.testing.assert_array_equal(moved, [2, -1, 3, 6, -1, 7])


def test_axes_that_classes_do_not_divide():
    with pytest.raises(ValueError, match="an axis of 5 for 3 channels"):
        class_rows._moved(np.ones(5), np.ones(5), 0, 2, [0, 1, 2])
    with pytest.raises(ValueError, match="classes change 2 axes"):
        class_rows._grown("x", (3, 4), (4, 5))


def test_names_of_variables_do_not_depend_on_the_process(tiny_model, synthesizer):
    names = named_variables(tiny_model.generator).keys()
    assert names == named_variables(synthesizer.generator).keys()
