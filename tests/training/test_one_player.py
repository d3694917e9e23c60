"""Methods without discriminator, from training to images, through the recipe."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ccfpse_tf.commands.main import run as ccfpse
from ccfpse_tf.commands.offered_models import offers_of
from ccfpse_tf.data.description import read_description
from ccfpse_tf.data.segments.bank import MemoryBank
from ccfpse_tf.data.segments.write_bank import write_bank
from ccfpse_tf.errors import InputError
from ccfpse_tf.export.export import export_run
from ccfpse_tf.export.run_endpoints import run_endpoints
from ccfpse_tf.generation.trained_model import TrainedModel
from ccfpse_tf.runs.checkpoint_folder import steps_saved
from ccfpse_tf.runs.run_folder import read_run
from ccfpse_tf.runs.status import read_status
from ccfpse_tf.runs.table import list_runs
from tests.evaluation.tiny import make_features
from tests.recipes import TINY_OF_ALL, build_eager, load
from tests.training import one_player

METHODS = ("crn", "sims")


@pytest.fixture(scope="module", autouse=True)
def networks():
    with pytest.MonkeyPatch.context() as patch:
        one_player.install(patch)
        patch.setattr("ccfpse_tf.training.train.build_model", build_eager)
        yield


@pytest.fixture(scope="module")
def scenes(repository):
    return load(repository, "scenes")


@pytest.fixture(scope="module")
def records(scenes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "records"
    arguments = ["--train", "4", "--val", "2", "--workers", "1"]
    scenes.main(["prepare", "--records", str(folder), *arguments])
    return folder


@pytest.fixture(scope="module")
def bank(records, tmp_path_factory):
    folder = tmp_path_factory.mktemp("banks") / "bank"
    make_bank(records, folder)
    return folder


def make_bank(records, folder, *options):
    return ccfpse(["bank", "--records", str(records), "--out", str(folder), *options])


def train(scenes, method, records, run, *settings, options=()):
    chosen = [f"generator.architecture={method}", "discriminator.architecture=none"]
    chosen += ["losses.perceptual_network=squeezenet", "generator.average_decay=0.5"]
    # Adam divides gradients by their size: of tiny ones it would keep the rounding.
    chosen += ["optimizers.epsilon=0.01"]
    return scenes.main(
        ["train", "--smoke", "--records", str(records), "--run", str(run), *options]
        + ["--set", *TINY_OF_ALL, *chosen, *settings]
    )


@pytest.fixture(scope="module", params=METHODS)
def method(request):
    return request.param


@pytest.fixture(scope="module")
def options(method, bank):
    return ["--bank", str(bank)] if method == "sims" else []


@pytest.fixture(scope="module")
def run(method, options, scenes, records, tmp_path_factory):
    """A run that was trained for an epoch and then resumed for another."""
    folder = tmp_path_factory.mktemp("runs") / method
    for epochs in (1, 2):
        settings = f"schedule.epochs={epochs}"
        train(scenes, method, records, folder, settings, options=options)
    return folder


def test_a_run_is_trained_and_resumed(run, method):
    assert steps_saved(run / "checkpoints") == [2, 3, 4]
    status = read_status(run)
    assert (status["status"], status["step"]) == ("done", 4)
    losses = {"generator_loss", "perceptual", *["semantic"] * (method == "sims")}
    assert set(status["losses"]) == losses
    assert all(np.isfinite(value) for value in status["losses"].values())
    (row,) = list_runs(run.parent)
    assert (row.status, row.problems) == ("done", ())


@pytest.mark.slow  # it trains once more
def test_a_resumed_run_is_one_that_was_not_stopped(
    run, method, options, scenes, records, tmp_path
):
    other = tmp_path / "run"
    train(scenes, method, records, other, "schedule.epochs=2", options=options)
    readers = [
        tf.train.load_checkpoint(str(folder / "checkpoints" / "ckpt-4" / "state"))
        for folder in (run, other)
    ]
    names = readers[0].get_variable_to_shape_map()
    for name in names:
        a, b = (reader.get_tensor(name) for reader in readers)
        if isinstance(a, np.ndarray) and a.dtype.kind == "f":
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5, err_msg=name)


def test_images_of_records_and_of_label_files(run, scenes, tmp_path):
    out = tmp_path / "out"
    generate = ["generate", "--run", str(run), "--out", str(out)]
    scenes.main([*generate, "--count", "2"])
    found = [np.asarray(Image.open(path)) for path in (out / "images").glob("*.png")]
    assert [image.shape for image in found] == [(64, 64, 3)] * 2
    assert all(image.std() > 0 for image in found)

    for name in ("labels", "instances"):
        (tmp_path / name).mkdir()
        ids = np.zeros((64, 64), np.uint16)
        ids[30:] = 1
        Image.fromarray(ids).save(tmp_path / name / "mine.png")
    folders = ["--labels", str(tmp_path / "labels")]
    folders += ["--instances", str(tmp_path / "instances")]
    scenes.main([*generate, *folders])
    assert len(list((out / "images").glob("mine*.png"))) == 1


def test_a_run_is_evaluated(run, method, scenes, tmp_path):
    features = make_features(tmp_path)
    out = tmp_path / "results"
    scenes.main(
        ["evaluate", "--run", str(run), "--out", str(out)]
        + ["--features", str(features)]
    )
    found = json.loads((out / "metrics.json").read_text())
    assert ("bank_sha256" in found["protocol"]) == (method == "sims")


def test_exports(run, method, tmp_path):
    if method == "crn":
        exported = export_run(run, tmp_path / "models" / "crn")
        assert exported.description["z_dim"] == 0
        assert exported.facts["difference"]["largest"] <= 1
        return
    words = "filled from a memory bank.* `generate --run .* `ccfpse serve DIR`"
    with pytest.raises(InputError, match=words):
        export_run(run, tmp_path / "models" / "sims")
    assert not (tmp_path / "models").exists()


def test_a_run_is_served_without_an_export(run, method):
    [offer] = offers_of([str(run)], {})
    assert offer.name == method and "drawn from ckpt-4" in offer.note
    endpoints = run_endpoints(run)
    said = json.loads(endpoints.description)
    assert said["step"] == 4 and len(said["examples"]) == 2
    data = read_description(read_run(run).config.data.records)
    label = np.zeros((2, 64, 64), np.int32)
    label[0, 20:50] = 1
    wanted = TrainedModel(read_run(run), data).images(label, label, None)
    maps = {name: tf.constant(label) for name in ("label", "instance")}
    found = endpoints.synthesize(**maps)["image"].numpy()
    assert np.abs(found.astype(int) - wanted).max() <= 1 and wanted.std() > 1


def test_runs_that_cannot_be_served(run, method, tmp_path):
    with pytest.raises(InputError, match=f"--label: the run .*{method} has no version"):
        offers_of([str(run)], {"stable": 1})
    with pytest.raises(InputError, match=f"{method} is a run, which TensorFlow alone"):
        offers_of([str(run)], {}, "onnx")
    new = tmp_path / "new"
    new.mkdir()
    shutil.copy(run / "config.json", new)
    with pytest.raises(InputError, match="does not hold a checkpoint yet"):
        offers_of([str(new)], {})


def test_a_bank_that_is_gone_is_named(run, method, tmp_path):
    if method != "sims":
        pytest.skip("has no bank")
    moved = tmp_path / "moved"
    shutil.copytree(run, moved)
    stored = json.loads((moved / "config.json").read_text())
    stored["config"]["data"]["bank"] = str(tmp_path / "nowhere")
    (moved / "config.json").write_text(json.dumps(stored))
    with pytest.raises(InputError, match="data.bank in its config.json.*nowhere: does"):
        run_endpoints(moved)


def test_sims_needs_a_bank_of_its_records(scenes, records, bank, tmp_path):
    run = tmp_path / "run"

    def refused(words, *settings, options=(), records=records):
        with pytest.raises(InputError, match=words):
            train(scenes, "sims", records, run, *settings, options=options)
        assert not run.exists()

    refused("make one by `ccfpse bank --records DIR --out BANK --image-size 64x64` and")
    refused("no finished memory bank", options=["--bank", str(tmp_path)])
    with_bank = ["--bank", str(bank)]
    refused("64x64 pixels, and the config draws 64x128", "data.image_size=64x128",
            options=with_bank)  # fmt: skip
    others = tmp_path / "records"
    arguments = ["--train", "3", "--val", "1", "--workers", "1"]
    scenes.main(["prepare", "--records", str(others), *arguments])
    refused("was made of other records", options=with_bank, records=others)


def test_banks_go_on_and_refuse_other_plans(records, bank, tmp_path, capsys):
    facts = (bank / "bank.json").read_text()
    (bank / "bank.json").unlink()  # as if it had been interrupted at the end
    make_bank(records, bank)
    assert (bank / "bank.json").read_text() == facts
    assert "shard" not in capsys.readouterr().out
    with pytest.raises(InputError, match="bank of another kind .*least_area"):
        make_bank(records, bank, "--least-share", "0.1")
    (tmp_path / "mine.txt").touch()
    with pytest.raises(InputError, match="holds mine.txt and no memory bank"):
        make_bank(records, tmp_path)
    with pytest.raises(InputError, match="thin classes nothing: choose from"):
        make_bank(records, tmp_path / "bank", "--thin", "nothing")
    with pytest.raises(InputError, match="no class has segments in two images"):
        make_bank(records, tmp_path / "bank", "--least-share", "0.99")
    assert not (tmp_path / "bank").exists()
    with pytest.raises(InputError, match="write HEIGHTxWIDTH"):
        make_bank(records, tmp_path / "bank", "--image-size", "64")


def test_a_bank_of_some_images(records, tmp_path, capsys):
    facts = write_bank(records, tmp_path / "bank", (64, 64), 3, images_per_shard=2)
    assert (facts["images"], facts["shards"], facts["most_images"]) == (3, 2, 3)
    assert len(MemoryBank(tmp_path / "bank").keys) == 3
    facts = write_bank(records, tmp_path / "all", (64, 64), 300)
    assert facts["images"] == 4


def test_a_bank_of_one_image_is_none(scenes, tmp_path):
    records = tmp_path / "records"
    arguments = ["--train", "1", "--val", "1", "--workers", "1"]
    scenes.main(["prepare", "--records", str(records), *arguments])
    with pytest.raises(InputError, match="has 1 image; a layout is filled"):
        make_bank(records, tmp_path / "bank")
