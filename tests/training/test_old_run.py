"""A run folder that an earlier version wrote: it goes on, and it generates the same.

`tests/fixtures/old_run` was made before the package was laid out in folders: records of
drawn scenes, the run at step 81 of 200 with a style code and an averaged generator, the
images that ``generate`` made of it, and by how much step 82 moved every weight.
"""

import dataclasses
import re
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ccfpse_tf.runs.run_folder import read_run
from ccfpse_tf.training.train import train
from recipes import scenes

STEP = 81
# SPADE's biases in a shortcut add a constant that the next block's normalisation takes
# away again: their gradient is rounding noise, of which Adam makes full steps. The
# means that those normalisations collect follow them.
NOISE = r"conditional_block.*(spade.*conv2d\.Sbias|moving_mean)$"


@pytest.fixture
def old_run(repository, tmp_path):
    return shutil.copytree(repository / "tests/fixtures/old_run", tmp_path / "old")


def weights(checkpoint):
    """``{place.path: value}`` of the model in a checkpoint of any version."""
    prefix = str(checkpoint / "state")
    return {
        name.split("/")[1]: tf.train.load_variable(prefix, name)
        for name, _ in tf.train.list_variables(prefix)
        if name.startswith("model/")
    }


class StopAfterOneStep(Exception):
    """Raised where the epoch after the next step would begin."""


@pytest.mark.slow
def test_it_goes_on_at_its_step_with_its_optimisers_and_data(old_run, monkeypatch):
    run, fits = old_run / "run", []

    def fit(model, *arguments, fit=keras.Model.fit, **options):
        if fits:  # the first call finishes an epoch of which one step was left
            raise StopAfterOneStep
        fits.append(options["steps_per_epoch"])
        return fit(model, *arguments, **options)

    monkeypatch.setattr(keras.Model, "fit", fit)
    config = read_run(run).config
    records = str(old_run / "records")
    config = dataclasses.replace(
        config, data=dataclasses.replace(config.data, records=records)
    )
    with pytest.raises(StopAfterOneStep):
        train(config, run)
    assert fits == [1]
    before, after = (weights(run / f"checkpoints/ckpt-{STEP + n}") for n in (0, 1))
    with np.load(old_run / "update.npz") as update:
        assert sorted(update.files) == sorted(after) == sorted(before)
        names = [name for name in update.files if not re.search(NOISE, name)]
        assert len(names) > 0.9 * len(update.files)
        moved = np.concatenate([np.ravel(after[n] - before[n]) for n in names])
        expected = np.concatenate([np.ravel(update[name]) for name in names])
    # Adam divides by moments that the first 81 steps have made: without these, or with
    # other images or noise, hardly a weight would move as it did.
    error = np.linalg.norm(moved - expected) / np.linalg.norm(expected)
    assert error < 0.001


@pytest.mark.parametrize(
    ("style", "seed"),
    [("reference", "0"), pytest.param("random", "3", marks=pytest.mark.slow)],
)
def test_it_generates_the_same_images(old_run, tmp_path, style, seed):
    options = ["--count", "2", "--style", style, "--seed", seed]
    out = tmp_path / "new"
    folders = ["--run", str(old_run / "run"), "--records", str(old_run / "records")]
    assert scenes.main(["generate", *folders, "--out", str(out), *options]) == 0
    expected = sorted((old_run / "images" / style).iterdir())
    assert len(expected) == 2
    for path in expected:
        old = np.asarray(Image.open(path), int)
        new = np.asarray(Image.open(out / "images" / path.name), int)
        assert old.std() > 5  # pictures, not one flat colour
        assert np.abs(old - new).max() <= 1, path.name
