"""Runs that start from a preset, with networks that are built at once."""

import contextlib
import dataclasses

import numpy as np
import pytest

from ccfpse_tf.commands import recipe
from ccfpse_tf.config import override
from ccfpse_tf.data.description import read_description
from ccfpse_tf.data.prepare import prepare
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan.build import build_model
from ccfpse_tf.presets.preset_files import write_preset
from ccfpse_tf.runs.checkpoint_folder import steps_saved
from ccfpse_tf.runs.run_folder import open_run, read_run
from ccfpse_tf.training import train as training
from tests.data.toy import folder_argv, make_folder
from tests.presets.made import of_model, one_convolution

STEPS = ["schedule.epochs=1", "schedule.steps_per_epoch=2", "data.batch_size=2"]


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_folder(folder / "photos", 4, (64, 96), classes=3, instances=True)
    argv = folder_argv(folder / "photos", folder / "records", "--keep-size")
    prepare.main("folder", argv)
    return folder / "records"


@pytest.fixture
def config(monkeypatch):
    return one_convolution(monkeypatch, "generator.average_decay=0.5", *STEPS)


@pytest.fixture
def preset(config, records, tmp_path):
    """Of two of the three classes, in the other order, and one that is not there."""
    data = read_description(records)
    first, second, _ = data.class_names
    names = (second, "gone", first)
    data = dataclasses.replace(data, class_names=names, splits={}, prepared={})
    model = build_model(config, data, 1, training=False)
    for weight in model.average.weights:
        weight.assign(weight + 0.25)
    made = of_model(model, config, data=data, layouts=())
    write_preset(tmp_path / "tiny", made)
    return made


@pytest.fixture
def started(monkeypatch):
    """Kernels at the start of each training, which does two steps of nothing."""
    kernels = []

    def fit(model, context):
        for network in (model.generator, model.average):
            kernels.append(np.asarray(network.weights[0]))
            network.weights[0].assign(7 * np.ones_like(kernels[-1]))
        model.steps.assign(2)
        context.store.save()

    monkeypatch.setattr(training, "_fit", fit)
    return kernels


@pytest.fixture
def train(config, records, preset, tmp_path):
    def train(*options, preset=tmp_path / "tiny", settings=()):
        argv = ["train", "--records", str(records), "--run", str(tmp_path / "run")]
        argv += ["--preset", str(preset)] if preset else []
        argv += [*options, "--set", *STEPS, *settings]
        recipe.main("folder", config, {"smoke": config}, None, argv)

    return train


def stored_kernel(preset):
    return [*preset.weights.values()][0]


def test_a_run_starts_from_it_and_resumes_without_it(
    train, preset, started, tmp_path, capsys, monkeypatch
):
    train()
    generator, average = started
    np.testing.assert_array_equal(generator, average)
    stored = stored_kernel(preset)
    # Don't care is no channel here; the instance edges are the last one.
    np.testing.assert_array_equal(generator[:, :, [0, 1, 3]], stored[:, :, [2, 0, 3]])
    assert np.abs(generator[:, :, 2]).max() > 0
    line = "preset   tiny, step 12: 3 of 4 channels of the layout known, new: "
    out = capsys.readouterr().out
    assert line in out and "dropped: gone" in out
    assert read_run(tmp_path / "run").config.preset.startswith("tiny ")
    assert steps_saved(tmp_path / "run" / "checkpoints") == [2]

    def load(*_):
        raise AssertionError("the preset was loaded again")

    monkeypatch.setattr("ccfpse_tf.training.preset_start.start_from", load)
    train(settings=["schedule.epochs=2"])
    assert (started[2] == 7).all() and (started[3] == 7).all()
    out = capsys.readouterr().out
    assert "resumed  at step 2" in out and "preset   " not in out


def test_a_run_that_was_killed_before_its_first_checkpoint(
    train, preset, started, monkeypatch, tmp_path
):
    def stopped(*_):
        raise KeyboardInterrupt

    @contextlib.contextmanager
    def killed(*arguments):  # SIGKILL leaves the run as it is
        yield open_run(*arguments[:3])

    with monkeypatch.context() as patch:
        patch.setattr(training, "_fit", stopped)
        patch.setattr(training, "run_to_train", killed)
        with pytest.raises(KeyboardInterrupt):
            train()
    assert read_run(tmp_path / "run")
    train()
    stored = stored_kernel(preset)
    np.testing.assert_array_equal(started[0][:, :, :2], stored[:, :, [2, 0]])


def test_resuming_names_the_preset(train, started, tmp_path, preset):
    train()
    with pytest.raises(InputError, match="preset: the run has 'tiny .*', now None"):
        train(preset=None, settings=["generator.average_decay=0.5"])
    write_preset(tmp_path / "moved", preset)
    train(preset=tmp_path / "moved")
    changed = dataclasses.replace(preset, weights={"generator/x": np.ones(3)})
    write_preset(tmp_path / "other", changed)
    with pytest.raises(InputError, match="preset: the run has 'tiny .*', now 'tiny"):
        train(preset=tmp_path / "other")


def test_what_does_not_fit_leaves_no_run(
    train, preset, records, tmp_path, monkeypatch, config
):
    def refused(words, **options):
        with pytest.raises(InputError, match=words):
            train(**options)
        assert not (tmp_path / "run" / "config.json").exists()

    layouts = dataclasses.replace(preset.data, instances=False)
    write_preset(tmp_path / "plain", dataclasses.replace(preset, data=layouts))
    refused("trained without instance maps", preset=tmp_path / "plain")
    damaged = dataclasses.replace(preset, weights={"generator/x": np.ones(3)})
    write_preset(tmp_path / "other", damaged)
    refused("its weights do not fit the networks", preset=tmp_path / "other")
    refused("name it with --preset, not with --set", preset=None, settings=["preset=a"])
    refused("name it with --preset, not with --set", settings=["preset=a"])


def test_the_config_and_the_preset_belong_together(config, records, tmp_path, preset):
    known = override(config, [f"data.records={records}", "preset=tiny 0123"])
    with pytest.raises(InputError, match="'tiny 0123', but the preset given is None"):
        training.train(known, tmp_path / "run")
