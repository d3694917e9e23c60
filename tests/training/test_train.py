"""Scenes from preparing to the gallery through the recipe, with a tiny network."""

import base64
import io
import json
import os
import re

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorflow.python.summary.summary_iterator import summary_iterator
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.data.pipeline import evaluation_dataset
from ccfpse_tf.data.transforms import normalize_image
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.locks import RUN_LOCK, TRAINING, is_held, locked
from ccfpse_tf.runs.checkpoint_folder import steps_saved
from ccfpse_tf.runs.status import read_status
from ccfpse_tf.runs.table import list_runs
from ccfpse_tf.training.train import train
from tests.recipes import TINY, build_eager, load


@pytest.fixture(scope="module")
def scenes(repository):
    return load(repository, "scenes")


@pytest.fixture(scope="module")
def records(scenes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "records"
    arguments = ["--train", "4", "--val", "3", "--workers", "1"]
    scenes.main(["prepare", "--records", str(folder), *arguments])
    return folder


def _train(scenes, records, run, *settings, options=()):
    return scenes.main(
        ["train", "--smoke", "--records", str(records), "--run", str(run), *options]
        + ["--set", *TINY, *settings]
    )


@pytest.fixture(scope="module")
def run(scenes, records, tmp_path_factory):
    """A run that was trained for an epoch and then resumed for another."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    _train(scenes, records, folder, "schedule.epochs=1")
    assert steps_saved(folder / "checkpoints") == [2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ccfpse_tf.training.train.build_model", build_eager)
        options = ["--profile", "3:3"]
        _train(scenes, records, folder, "schedule.epochs=2", options=options)
    return folder


def test_a_run_resumes_where_it_was(run):
    assert steps_saved(run / "checkpoints") == [2, 3, 4]
    stored = json.loads((run / "config.json").read_text())
    assert stored["config"]["schedule"]["epochs"] == 2
    reader = tf.train.load_checkpoint(str(run / "checkpoints" / "ckpt-4" / "state"))
    names = reader.get_variable_to_shape_map()
    counters = [name for name in names if "iteration" in name]
    assert {int(reader.get_tensor(name)) for name in counters} == {4}
    assert list((run / "logs").glob("events*"))


def test_the_status_says_where_the_run_is(run):
    status = read_status(run)
    assert (status["status"], status["step"], status["total_steps"]) == ("done", 4, 4)
    assert {"generator_loss", "kl"} <= status["losses"].keys()
    assert status["images_per_second"] > 0
    (row,) = list_runs(run.parent)
    assert (row.run, row.data, row.status, row.problems) == (
        "run",
        "scenes",
        "done",
        (),
    )
    assert not is_held(run / RUN_LOCK) and not (run / RUN_LOCK).exists()


def test_each_start_writes_the_settings_beside_the_losses(run):
    found = {}
    for path in sorted((run / "logs").glob("events*")):
        for event in summary_iterator(str(path)):
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "hparams":
                    content = plugin_data_pb2.HParamsPluginData.FromString(
                        value.metadata.plugin_data.content
                    )
                    found.setdefault(value.tag.split("/")[1], []).append(content)
    first, second = (x.session_start_info.hparams for x in found["session_start_info"])
    assert first["generator.ngf"].number_value == 1
    assert first["data.image_size"].string_value == "64x64"
    # TensorBoard shows the first start's: what a resumed run may change is left out.
    assert first == second
    assert not {"data.records", "schedule.epochs"} & first.keys()
    metrics = [info.name.tag for info in found["experiment"][0].experiment.metric_infos]
    assert metrics[:2] == ["losses/discriminator_loss", "losses/generator_loss"]


def test_the_profile_is_there(run):
    (path,) = (run / "logs" / "plugins" / "profile").glob("*/*.xplane.pb")
    steps = []
    for plane in xplane_pb2.XSpace.FromString(path.read_bytes()).planes:
        for event in (event for line in plane.lines for event in line.events):
            if plane.event_metadata[event.metadata_id].name == "train":
                steps += [
                    stat.int64_value
                    for stat in event.stats
                    if plane.stat_metadata[stat.metadata_id].name == "step_num"
                ]
    assert steps == [3]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ("3", "write FIRST:LAST"),
        ("0:2", "counted from 1"),
        ("5:4", "two steps"),
        ("4:5", "the steps left to train are from 5 to 6"),
        ("5:7", "the steps left to train are from 5 to 6"),
    ],
)
def test_steps_that_cannot_be_profiled(steps, words, scenes, records, run):
    before = (run / "status.json").read_bytes()
    with pytest.raises(InputError, match=f"--profile {steps}: .*{words}"):
        options = ["--profile", steps]
        _train(scenes, records, run, "schedule.epochs=3", options=options)
    assert (run / "status.json").read_bytes() == before


def test_two_trainings_in_one_folder(scenes, records, run, tmp_path, monkeypatch):
    def busy(*_):
        raise AssertionError("TensorFlow was started")

    for folder in (tmp_path / "new", run):
        with locked(folder / RUN_LOCK, TRAINING):
            before = sorted(folder.rglob("*"))
            with monkeypatch.context() as patch:
                patch.setattr("ccfpse_tf.commands.train.import_tensorflow", busy)
                with pytest.raises(InputError, match=f"{TRAINING} .*pid {os.getpid()}"):
                    _train(scenes, records, folder)
            with pytest.raises(InputError, match=f"{TRAINING} .*pid {os.getpid()}"):
                train(scenes.SMOKE, folder)
            assert sorted(folder.rglob("*")) == before


def test_a_complete_run_is_left_alone(scenes, records, run, capsys):
    before = sorted((run / "checkpoints").iterdir())
    _train(scenes, records, run, "schedule.epochs=2")
    assert "nothing to do" in capsys.readouterr().out
    assert sorted((run / "checkpoints").iterdir()) == before


def test_another_config_is_refused(scenes, records, run):
    with pytest.raises(InputError, match="discriminator.ndf: the run has 2, now 3"):
        _train(scenes, records, run, "discriminator.ndf=3")


def test_images_larger_than_the_records_are_refused(scenes, records, tmp_path):
    with pytest.raises(InputError, match="72x72"):
        _train(scenes, records, tmp_path / "run", "data.image_size=128x128")


def test_a_batch_that_two_devices_cannot_share(scenes, records, tmp_path, monkeypatch):
    monkeypatch.setattr("ccfpse_tf.training.train.open_strategy", None)
    with pytest.raises(InputError, match="set it to 2 or 4, or choose other --devices"):
        options = ["--devices", "cpu:2"]
        _train(scenes, records, tmp_path / "run", "data.batch_size=3", options=options)
    assert not (tmp_path / "run").exists()


def _generate(scenes, run, out, *options):
    return scenes.main(["generate", "--run", str(run), "--out", str(out), *options])


def _images(folder):
    return {path.name: np.asarray(Image.open(path)) for path in folder.glob("*.png")}


def _photographs(page):
    """The photographs of a gallery, which are lossless where they are small."""
    found = re.findall(r'<figure class="real">.*?base64,([^"]+)"', page)
    assert found
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(x)))) for x in found]


def test_generate_writes_images_and_a_page(scenes, records, run, tmp_path):
    out = tmp_path / "out"
    _generate(scenes, run, out, "--styles", "2", "--count", "2")
    images = _images(out / "images")
    assert len(images) == 4
    assert {image.shape for image in images.values()} == {(64, 64, 3)}
    page = (out / "index.html").read_text()
    assert page.count("<section") == 2 and "own style" in page
    layouts = evaluation_dataset(records, (64, 64), 1)
    for real, layout in zip(_photographs(page), layouts, strict=False):
        # What the network got, and so the same bytes: no two give the same value.
        np.testing.assert_array_equal(normalize_image(real), layout["image"][0])
    facts = json.loads((out / "generated.json").read_text())
    assert facts["step"] == 4
    assert facts["label_colors"]["0"] == list(DATASETS["scenes"].palette[0])

    _generate(scenes, run, out, "--styles", "2", "--count", "2", "--seed", "0")
    again = _images(out / "images")
    assert all((images[name] == again[name]).all() for name in images)

    _generate(scenes, run, out, "--style", "random", "--count", "1")
    assert len(_images(out / "images")) == 1  # the earlier output was replaced
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_generate_from_label_files_in_the_style_of_an_image(scenes, run, tmp_path):
    rng = np.random.default_rng(0)
    for name, high in (("labels", 12), ("instances", 400)):
        (tmp_path / name).mkdir()
        ids = rng.integers(0, high, (70, 90)).astype(np.uint16)
        Image.fromarray(ids).save(tmp_path / name / "mine.png")
    photo = tmp_path / "photo.jpg"
    Image.fromarray(rng.integers(0, 256, (50, 40, 3), np.uint8)).save(photo)
    options = ["--labels", str(tmp_path / "labels"), "--style", str(photo)]
    with pytest.raises(InputError, match="add --instances"):
        _generate(scenes, run, tmp_path / "out", *options)
    options += ["--instances", str(tmp_path / "instances")]
    _generate(scenes, run, tmp_path / "out", *options)
    assert list(_images(tmp_path / "out" / "images")) == ["mine_style1.png"]

    bad = np.full((70, 90), 77, np.uint8)
    Image.fromarray(bad).save(tmp_path / "labels" / "mine.png")
    with pytest.raises(InputError, match=r"mine\.png: id 77 at row 0, column 0"):
        _generate(scenes, run, tmp_path / "out2", *options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--split", "test"], "no split 'test'"),
        (["--style", "nosuch.png"], "neither reference, random nor an image"),
        (["--labels", "nowhere", "--style", "reference"], "--style random"),
    ],
)
def test_generate_says_what_is_wrong(options, words, scenes, run, tmp_path):
    with pytest.raises(InputError, match=words):
        _generate(scenes, run, tmp_path / "out", *options)
    assert not list(tmp_path.iterdir())


def test_generate_touches_no_foreign_folder(scenes, run, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match="holds files that `generate` did not write"):
        _generate(scenes, run, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
