"""SPADE through the commands: trained, drawn, evaluated, exported, converted."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ccfpse_tf.commands import main
from ccfpse_tf.errors import InputError
from ccfpse_tf.runs.checkpoint_folder import steps_saved
from ccfpse_tf.runs.run_folder import read_run
from tests.convert.official import read_npz
from tests.evaluation.tiny import make_features
from tests.recipes import TINY

SIZE = (64, 64)
SETTINGS = [text for text in TINY if not text.startswith("generator.z_dim")]


def train(recipe, records, run, *settings, method="spade"):
    size = "data.image_size={}x{}".format(*SIZE)
    argv = ["train", "--smoke", "--records", str(records), "--run", str(run)]
    argv += ["--method", method, "--set", *SETTINGS, size]
    return recipe.main([*argv, *settings])


@pytest.fixture(scope="module")
def run(recipe, records, tmp_path_factory):
    """Trained for an epoch, then for another."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(recipe, records, folder, "schedule.epochs=1")
    train(recipe, records, folder, "schedule.epochs=2")
    return folder


def test_the_run_is_spade_s_and_was_resumed(run):
    config = read_run(run).config
    assert config.generator.architecture == "spade" and not config.generator.z_dim
    assert config.discriminator.architecture == "multiscale"
    assert config.losses.feature_matching == 10
    assert max(steps_saved(run / "checkpoints")) == 4


def test_another_method_does_not_go_on_with_it(recipe, records, run):
    before = {path: path.read_bytes() for path in run.rglob("*.json")}
    with pytest.raises(InputError) as caught:
        train(recipe, records, run, "generator.z_dim=0", method="ccfpse")
    said = str(caught.value)
    assert "generator.architecture: the run has 'spade', now 'ccfpse'" in said
    assert "--method" in said and "Nothing was changed" in said
    assert {path: path.read_bytes() for path in run.rglob("*.json")} == before


def test_it_draws_and_is_evaluated(recipe, run, tmp_path):
    gallery, out = tmp_path / "gallery", tmp_path / "evaluated"
    recipe.main(["generate", "--run", str(run), "--out", str(gallery), "--count", "2"])
    assert len(list(gallery.rglob("*.png"))) >= 2
    features = str(make_features(tmp_path))
    recipe.main(
        ["evaluate", "--run", str(run), "--out", str(out), "--features", features]
    )
    assert json.loads((out / "metrics.json").read_text())


def test_it_is_exported_for_serving(recipe, run, tmp_path):
    recipe.main(["export", "--run", str(run), "--out", str(tmp_path / "m" / "spade")])
    served = tf.saved_model.load(str(tmp_path / "m" / "spade" / "1")).signatures
    path = tmp_path / "label.png"
    Image.fromarray(np.ones(SIZE, np.uint8)).save(path)
    label = tf.constant([path.read_bytes()])
    seed = tf.constant([1], tf.int64)
    (image,) = served["serving_default"](label_bytes=label, seed=seed).values()
    assert tf.io.decode_png(image[0]).shape == (*SIZE, 3)


def test_it_becomes_official_files_and_comes_back(run, tmp_path, capsys):
    files, again = tmp_path / "official", tmp_path / "again"
    assert main.run(["convert", str(run), "--to-official", str(files)]) == 0
    assert "--num_upsampling_layers normal" in capsys.readouterr().out
    argv = ["convert", str(files), "--out", str(again), "--classes", "4"]
    argv += ["--image-size", "64x64"]
    with pytest.raises(InputError, match="same tensors; say which .* --depth 5 or 6"):
        main.run(argv)
    assert not again.exists()
    assert main.run([*argv, "--depth", "5"]) == 0
    found = read_run(again).config
    assert found.generator.architecture == "spade" and found.generator.depth == 5
    assert found.discriminator == read_run(run).config.discriminator
    assert found.losses.feature_matching == 10
    back = tmp_path / "back"
    assert main.run(["convert", str(again), "--to-official", str(back)]) == 0
    for letter in "GD":
        name = f"latest_net_{letter}.pth"
        before, after = read_npz(files / name), read_npz(back / name)
        assert list(before) == list(after)
        assert all(before[key].tobytes() == after[key].tobytes() for key in before)
