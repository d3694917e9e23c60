"""Presets behind the painting page: their functions, and which ones are offered."""

import json

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.commands.offered_models import check_names, live_offer, offers_of
from ccfpse_tf.config import override
from ccfpse_tf.errors import InputError
from ccfpse_tf.export.preset_endpoints import preset_endpoints
from ccfpse_tf.gan.build import build_model
from ccfpse_tf.generation.preset_model import PresetModel
from ccfpse_tf.presets import shipped
from ccfpse_tf.presets.preset_files import write_preset
from tests.export import exported
from tests.layers.contract import randomize
from tests.presets.made import CONFIG, DATA, invented, of_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A preset of a compact generator with random weights."""
    config = override(CONFIG, ["generator.architecture=ccfpse_compact"])
    model = build_model(config, DATA, 1, training=False)
    randomize(model.generator)
    folder = tmp_path_factory.mktemp("presets") / "tiny"
    write_preset(folder, of_model(model, config))
    return folder


def test_a_preset_draws_its_example_in_its_styles(folder):
    endpoints = preset_endpoints(folder)
    said = json.loads(endpoints.description)
    assert [style["name"] for style in said["styles"]] == ["style 1", "style 2"]
    assert said["image_size"] == [64, 96] and len(said["examples"]) == 1
    label, instance = (tf.constant(x[None]) for x in exported.layouts(1)[0])
    trained = PresetModel(folder)
    for style, stored in zip(said["styles"], trained.preset.styles, strict=True):
        np.testing.assert_array_equal(np.float32(style["z"]), stored.code)
        z = tf.constant([style["z"]], tf.float32)
        found = endpoints.synthesize(label=label, instance=instance, z=z)["image"]
        wanted = trained.images(label, instance, stored.code[None])
        assert np.abs(found.numpy().astype(int) - wanted).max() <= 1
        assert wanted.std() > 1


def test_presets_are_offered_by_folder_and_by_name(folder, tmp_path, monkeypatch):
    assert [offer.name for offer in offers_of([str(folder)], {})] == ["tiny"]
    for name in ("one", "two"):
        write_preset(tmp_path / name, invented(name=name))
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    assert [offer.name for offer in offers_of([], {})] == ["one", "two"]
    assert [offer.name for offer in offers_of(["two"], {})] == ["two"]
    run = live_offer("two", None)
    with pytest.raises(
        InputError, match="leave one out, or rename the folder runs/two"
    ):
        check_names([run, run], ["runs/two", "two"])
    again = "two: two models .* write the preset two again by `preset` with another --n"
    with pytest.raises(InputError, match=again) as caught:
        offers_of(["two", str(tmp_path / "two")], {})
    assert "rename" not in str(caught.value)
    with pytest.raises(InputError, match="--label: the preset two has no versions"):
        offers_of(["two"], {"stable": 1})
    (tmp_path / "two" / "weights.npz").write_bytes(b"")
    with pytest.raises(InputError, match="weights.npz"):
        offers_of(["two"], {})


def test_without_a_model_and_without_presets(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(InputError, match="MODELS/NAME.*ships no presets"):
        offers_of([], {})
    with pytest.raises(InputError, match="no such folder"):
        offers_of([str(tmp_path / "nowhere")], {})
