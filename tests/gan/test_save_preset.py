"""Models written as presets, and read back."""

import dataclasses
import re

import numpy as np
import pytest

import ccfpse_tf
from ccfpse_tf.config import Config, override
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan import methods
from ccfpse_tf.gan.build import build_model
from ccfpse_tf.gan.save_preset import sizes_of
from ccfpse_tf.presets.preset_files import read_preset, write_preset
from tests.presets.made import DATA, of_model, one_convolution


@pytest.fixture
def config(monkeypatch):
    return one_convolution(monkeypatch, "generator.average_decay=0.5")


@pytest.fixture
def model(config):
    """Of one layer, trained for 3 steps; its average is not its generator."""
    model = build_model(config, DATA, 1, training=False)
    for weight in model.average.weights:
        weight.assign(weight + 0.5)
    model.steps.assign(3)
    return model


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_there_and_back(model, tmp_path):
    sizes = model.save_to_preset(tmp_path / "mine", card="Drawn by a test.")
    assert sizes.keys() == contents(tmp_path / "mine").keys()
    found = read_preset(tmp_path / "mine")
    assert (found.name, found.step, found.difference) == ("mine", 3, None)
    assert found.data.class_names == DATA.class_names
    assert found.styles == found.layouts == () and found.data.splits == {}
    again = type(model).from_preset(tmp_path / "mine")
    for wanted, weight in zip(
        model.average.weights, again.average.weights, strict=True
    ):
        np.testing.assert_allclose(np.asarray(weight), wanted, rtol=1e-3)
    again.save_to_preset(tmp_path / "copy")
    assert contents(tmp_path / "copy") == contents(tmp_path / "mine")


def test_the_card(model, tmp_path):
    words = {"title": "Mine", "card": "Drawn by a test.", "licence": "cc0-1.0"}
    model.save_to_preset(tmp_path / "mine", name="other", **words)
    card = read_preset(tmp_path / "mine").card
    for words in (
        '---\nlicense: "cc0-1.0"\nlibrary_name: ccfpse-tf\n',
        "# Mine\n",
        "`other` is a preset",
        "Drawn by a test.",
        "The licence of the weights is `cc0-1.0`.",
        "The metadata of this card name no data set, as none was given.",
        "of the 3 classes below, and of nothing else, with an instance map",
        "No evaluation of this checkpoint was at hand",
        "was\nnot measured",
        "The table quotes the config that the model was built from.",
        "from ccfpse_tf import AdversarialModel\n",
        'model = AdversarialModel.from_preset("other")',
    ):
        assert words in card, words
    assert "did not state them" not in card


def test_a_preset_that_was_not_changed_stays_itself(config, model, tmp_path):
    former = of_model(model, config, picture=b"a JPEG", card="# Mine, of old\n")
    write_preset(tmp_path / "tiny", former)
    opened = type(model).from_preset(tmp_path / "tiny")
    opened.save_to_preset(tmp_path / "copy")
    assert contents(tmp_path / "copy") == contents(tmp_path / "tiny")
    opened.save_to_preset(tmp_path / "other", card="Said anew.")
    found = read_preset(tmp_path / "other")
    assert (found.picture, found.layouts) == (b"a JPEG", former.layouts)
    assert (found.name, found.step) == ("tiny", 12) and "Said anew." in found.card


def test_what_is_kept_after_further_training(config, model, tmp_path):
    former = of_model(model, config, picture=b"a JPEG")
    write_preset(tmp_path / "tiny", former)
    opened = type(model).from_preset(tmp_path / "tiny")
    for weight in opened.average.weights:
        weight.assign(weight + 1)
    opened.steps.assign(5)
    opened.save_to_preset(tmp_path / "more")
    found = read_preset(tmp_path / "more")
    assert (found.name, found.step, found.layouts) == ("more", 17, former.layouts)
    assert (found.styles, found.picture, found.difference) == ((), b"", None)
    assert found.config.preset == read_preset(tmp_path / "tiny").identity


def test_models_put_together_by_hand(config, model, tmp_path):
    parts = model.layout_encoding, model.generator, model.discriminator, model.encoder
    by_hand = type(model)(*parts)
    with pytest.raises(InputError, match="put together by hand.* give them as config="):
        by_hand.save_to_preset(tmp_path / "mine")
    with pytest.raises(InputError, match="config and data together"):
        by_hand.save_to_preset(tmp_path / "mine", config=config)
    fewer = dataclasses.replace(DATA, instances=False)
    with pytest.raises(InputError, match="as config and data say: its weights do not"):
        by_hand.save_to_preset(tmp_path / "mine", config=config, data=fewer)
    assert not list(tmp_path.iterdir())
    by_hand.save_to_preset(tmp_path / "mine", config=config, data=DATA)
    assert type(model).from_preset(tmp_path / "mine").origin.data.name == DATA.name


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"licence": "Apache License"}, "as hubs name licences"),
        ({"dataset": "my own photos"}, "OWNER/NAME"),
        ({"name": "a b"}, "name=... in Python"),
    ],
)
def test_words_that_cannot_be(words, message, model, tmp_path):
    with pytest.raises(InputError, match=message):
        model.save_to_preset(tmp_path / "mine", **words)
    assert not list(tmp_path.iterdir())


def test_folders_with_other_files(model, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match="files that `save_to_preset` did not write"):
        model.save_to_preset(tmp_path)
    assert contents(tmp_path).keys() == {"thesis.tex"}


def test_layouts_from_a_memory_bank_cannot_be_held(
    model, config, tmp_path, monkeypatch
):
    row = dataclasses.replace(methods.method_of(config), bank=True)
    monkeypatch.setitem(methods.METHODS, "ccfpse", row)
    with pytest.raises(InputError, match="filled from a memory bank, which presets"):
        model.save_to_preset(tmp_path / "mine")


def test_every_model_has_both():
    for method in methods.METHODS.values():
        assert callable(method.model().from_preset)
        assert callable(method.model().save_to_preset)


def test_a_generator_without_discriminator(tmp_path):
    """CRN, whose edges are no multiples of 32 only."""
    settings = ["generator.architecture=crn", "discriminator.architecture=none"]
    settings += ["generator.z_dim=0", "losses.perceptual_network=vgg19-keras"]
    sizes = ["generator.ngf=1", "data.image_size=8x16"]
    config = override(Config(name="folder"), [*settings, *sizes])
    model = build_model(config, DATA, 1, training=False)
    model.save_to_preset(tmp_path / "crn")
    again = type(model).from_preset(tmp_path / "crn")
    label = np.zeros((1, 8, 16), np.int32)
    images = [
        np.asarray(each.synthesize(label, label if DATA.instances else None))
        for each in (model, again)
    ]
    np.testing.assert_allclose(*images, atol=0.05)
    card = read_preset(tmp_path / "crn").card
    assert "gan" not in card.split("---")[1]
    assert re.search(r"^from ccfpse_tf(\.gan\.crn)? import CRN$", card, re.M)
    with pytest.raises(InputError, match="is a preset of CRN, not of CCFPSE"):
        ccfpse_tf.CCFPSE.from_preset(tmp_path / "crn")


def test_sizes_in_words(model, monkeypatch):
    assert sizes_of(model) == "it was trained at 64x96 and draws multiples of 4"
    monkeypatch.setattr(type(model.average), "any_size", False)
    assert sizes_of(model) == "64x96, and no other"
