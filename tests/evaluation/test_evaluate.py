"""Evaluating a run and a folder of images, stopping and going on."""

import dataclasses
import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.commands import evaluate as command
from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation import evaluate as module
from ccfpse_tf.evaluation import image_source
from ccfpse_tf.evaluation.evaluate import evaluate
from ccfpse_tf.evaluation.image_source import Images
from ccfpse_tf.evaluation.measures import Measures
from ccfpse_tf.evaluation.metrics.segmentation import SegmentationMetric
from ccfpse_tf.evaluation.networks import lite_features
from ccfpse_tf.generation.trained_model import TrainedModel
from tests.evaluation import tiny
from tests.evaluation.networks import small_st_lpips


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Records, run, segmenter, feature network."""
    root = tmp_path_factory.mktemp("evaluation")
    records = tiny.make_records(root)
    return {
        "records": records,
        "run": tiny.make_run(records, root / "run"),
        "segmenter": str(tiny.make_segmenter(root)),
        "features": tiny.make_features(root),
    }


@pytest.fixture(scope="module", autouse=True)
def _one_drawing():
    """The run is opened and traced once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        opened = {}

        def open_once(run, description, strategy, checkpoint):
            if checkpoint not in opened:
                opened[checkpoint] = TrainedModel(
                    run, description, strategy, checkpoint
                )
            return opened[checkpoint]

        patch.setattr(image_source, "TrainedModel", open_once)
        yield


@pytest.fixture(scope="module")
def measures(made):
    return Measures(segmenter=made["segmenter"], features=made["features"])


@pytest.fixture(scope="module")
def evaluated(made, measures, tmp_path_factory):
    """The folder of an evaluation that ran through."""
    out = tmp_path_factory.mktemp("evaluated") / "out"
    evaluate(Images(run=made["run"], batch=2), measures, out)
    return out


def _pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def _copy(made, folder, change=lambda image: image):
    """The photographs as images to judge, changed."""
    for path in sorted((made["records"].parent / "in" / "image").iterdir()):
        folder.mkdir(exist_ok=True)
        Image.fromarray(change(_pixels(path))).save(folder / path.name)
    return folder


def test_everything_is_written_and_nothing_is_left(evaluated):
    names = {path.name for path in evaluated.iterdir()}
    wanted = {"images", "iou.png", "metrics.json", "protocol.json", "reference.npz"}
    assert names == wanted
    assert len(list((evaluated / "images").iterdir())) == 4
    found = json.loads((evaluated / "metrics.json").read_text())
    assert found["metrics"]["real"]["mean_iou"] == 1
    assert 0 <= found["metrics"]["generated"]["mean_iou"] < 0.6
    assert found["metrics"]["generated"]["frechet_distance[quarters]"] > 10
    protocol = found["protocol"]
    assert protocol["checkpoint"] == "ckpt-0" and protocol["style"] == "reference"
    assert protocol["segmenter"]["label_size"] == list(tiny.SIZE)
    assert protocol["distance"]["reference_images"] == 4
    for part in ("mIoU", "4 val images", "64x64", "style: reference", "quarters"):
        assert part in found["paper_line"]
    with Image.open(evaluated / "iou.png") as picture:
        assert picture.size[0] > 300


def test_the_photographs_themselves_are_perfect(made, measures, tmp_path):
    folder = _copy(made, tmp_path / "images")
    images = Images(folder=folder, records=made["records"])
    metrics = evaluate(images, measures, tmp_path / "out")["metrics"]
    generated = metrics["generated"]
    assert generated["mean_iou"] == generated["pixel_accuracy"] == 1
    assert generated["frechet_distance[quarters]"] == pytest.approx(0, abs=1e-6)


def test_photographs_are_measured_as_they_are(made, tmp_path):
    folder = _copy(made, tmp_path / "images")
    opened = image_source.ImageSource.open(
        Images(folder=folder, records=made["records"])
    )
    photographs = dict(opened.real_images())
    assert len(photographs) == 4
    for key, image in photographs.items():
        np.testing.assert_array_equal(image, _pixels(folder / f"{key}.png"))


def test_worse_images_are_judged_worse(made, measures, tmp_path):
    random = np.random.default_rng(0)

    def noisy(strength):
        def change(image):
            noise = random.normal(0, strength, image.shape)
            return np.clip(image + noise, 0, 255).astype(np.uint8)

        return change

    found = []
    for strength in (15, 60):
        folder = _copy(made, tmp_path / f"images{strength}", noisy(strength))
        images = Images(folder=folder, records=made["records"])
        out = tmp_path / f"out{strength}"
        found.append(evaluate(images, measures, out)["metrics"]["generated"])
    assert 1 > found[0]["mean_iou"] > found[1]["mean_iou"] + 0.1


class _Stopped(Exception):
    pass


def test_a_stopped_evaluation_goes_on(made, measures, evaluated, tmp_path, monkeypatch):
    """Killed after two images and a save, and before the next save."""
    out, seen = tmp_path / "out", []

    def update(self, example, real=SegmentationMetric.update):
        if len(seen) == 3:
            raise _Stopped
        seen.append(example.key)
        real(self, example)

    images = Images(run=made["run"], batch=2)
    with monkeypatch.context() as patch:
        patch.setattr(module, "SAVE_SECONDS", 0)
        patch.setattr(SegmentationMetric, "update", update)
        with pytest.raises(_Stopped):
            evaluate(images, measures, out)
    assert not (out / "metrics.json").exists()
    times = {path.name: path.stat().st_mtime_ns for path in (out / "images").iterdir()}
    assert len(times) == 4  # two batches generated, three images measured
    evaluate(images, measures, out)
    assert times == {
        path.name: path.stat().st_mtime_ns for path in (out / "images").iterdir()
    }
    found, wanted = (
        json.loads((folder / "metrics.json").read_text()) for folder in (out, evaluated)
    )
    for name in ("protocol", "iou"):
        assert found[name] == wanted[name]
    for title, metrics in wanted["metrics"].items():
        # Sums of features may be added up in other batches.
        assert found["metrics"][title] == pytest.approx(metrics, rel=1e-9)


@pytest.mark.slow  # traces the generator once for each device, in its own process
def test_two_devices_draw_the_same(made, evaluated, repository, tmp_path):
    out = tmp_path / "out"
    options = ["--devices", "cpu:2", "--batch", "3", "--run", str(made["run"])]
    options += ["--features", str(made["features"]), "--out", str(out)]
    script = [sys.executable, "recipes/folder.py", "evaluate", *options]
    subprocess.run(script, cwd=repository, check=True)
    for path in sorted((evaluated / "images").iterdir()):
        one, two = _pixels(path), _pixels(out / "images" / path.name)
        assert np.abs(one.astype(int) - two).max() <= 1


def test_a_finished_evaluation_is_not_repeated(made, measures, evaluated, monkeypatch):
    monkeypatch.setattr(SegmentationMetric, "update", None)
    found = evaluate(Images(run=made["run"], batch=2), measures, evaluated)
    assert found == json.loads((evaluated / "metrics.json").read_text())


def test_another_evaluation_is_refused(made, measures, evaluated, tmp_path):
    before = (evaluated / "metrics.json").read_bytes()
    reference = tmp_path / "reference.npz"
    measures = dataclasses.replace(measures, reference=reference)
    with pytest.raises(InputError, match="seed: there 0, now 1"):
        evaluate(Images(run=made["run"], seed=1), measures, evaluated)
    assert (evaluated / "metrics.json").read_bytes() == before
    assert not reference.exists()  # it would have taken long


def test_a_damaged_checkpoint_is_not_replaced_by_the_one_before(
    made, measures, tmp_path
):
    run, out = tmp_path / "run", tmp_path / "out"
    shutil.copytree(made["run"], run)
    damaged = run / "checkpoints" / "ckpt-5"
    shutil.copytree(damaged.with_name("ckpt-0"), damaged)
    (file,) = damaged.glob("state.data*")
    file.write_bytes(file.read_bytes()[:-1])
    way_out = "restore it from a backup, or remove this folder to use ckpt-0"
    with pytest.raises(InputError, match=f"ckpt-5: cannot be restored .*\n{way_out}"):
        evaluate(Images(run=run), measures, out)
    assert not out.exists()
    shutil.rmtree(damaged)
    found = evaluate(Images(run=run, count=2), measures, out)
    assert found["protocol"]["checkpoint"] == "ckpt-0"


def test_a_newer_checkpoint_changes_nothing_while_images_are_generated(made, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(made["run"], run)
    source = image_source.ImageSource.open(Images(run=run))
    oldest = run / "checkpoints" / "ckpt-0"
    shutil.copytree(oldest, oldest.with_name("ckpt-5"))
    assert source.protocol()["checkpoint"] == source.checkpoint.name == "ckpt-0"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"diversity": 1}, "--diversity 1: must be 2 or more"),
        ({"diversity": 2, "diversity_network": "x.keras"}, "x.keras"),
        ({"st_lpips": "alexa"}, "alexa"),
    ],
)
def test_all_options_are_checked_before_the_photographs(
    options, message, made, measures, tmp_path
):
    measures = dataclasses.replace(measures, **options)
    with pytest.raises(InputError, match=message):
        evaluate(Images(run=made["run"]), measures, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_evaluations_statistics_stay(made, measures, evaluated, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(evaluated, out)
    before = (out / "reference.npz").read_bytes()
    with pytest.raises(InputError, match="(?s)--out .* another evaluation; .*now .*3"):
        evaluate(Images(run=made["run"], count=3), measures, out)
    assert (out / "reference.npz").read_bytes() == before


def test_statistics_alone_are_of_an_earlier_version(
    made, measures, evaluated, tmp_path
):
    out = tmp_path / "out"
    out.mkdir()
    shutil.copy(evaluated / "reference.npz", out)
    features = Measures(features=measures.features)
    found = evaluate(Images(run=made["run"], count=3), features, out)
    assert found["protocol"]["distance"]["reference_images"] == 3


def test_foreign_files_are_left_alone(made, measures, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="did not write"):
        evaluate(Images(run=made["run"]), measures, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_missing_and_misfitting_images_are_named(made, measures, tmp_path):
    folder = _copy(made, tmp_path / "images")
    images = Images(folder=folder, records=made["records"])
    last = sorted(folder.iterdir())[-1]
    Image.new("RGB", (32, 64)).save(last)
    with pytest.raises(InputError, match=f"{last.name}: is 64x32"):
        evaluate(images, measures, tmp_path / "out")
    last.unlink()
    with pytest.raises(InputError, match=last.name):
        evaluate(images, measures, tmp_path / "out")


def test_nothing_to_measure(made, tmp_path):
    with pytest.raises(InputError, match="nothing to measure"):
        evaluate(Images(run=made["run"]), Measures(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_diversity_of_styles(made, tmp_path):
    maps = tmp_path / "maps.keras"
    shutil.copy(made["features"].with_name("greys.keras"), maps)
    measures = Measures(diversity=2, diversity_network=str(maps))
    found = evaluate(Images(run=made["run"], count=2), measures, tmp_path / "out")
    assert found["metrics"]["generated"]["diversity"] > 0
    with pytest.raises(InputError, match="must be 2 or more"):
        evaluate(Images(run=made["run"]), Measures(diversity=1), tmp_path / "other")


def test_distances_that_everybody_can_measure(made, tmp_path, monkeypatch, capsys):
    """By small networks in place of EfficientNet-Lite0 and ST-LPIPS."""
    image = keras.Input((224, 224, 3))
    quarters = keras.layers.Flatten()(keras.layers.AveragePooling2D(112)(image))
    network = keras.Model(image, [quarters])
    monkeypatch.setattr(lite_features, "efficientnet_lite", lambda *_: network)
    small_st_lpips.narrow(monkeypatch)
    small_st_lpips.write(tmp_path / "x.pth", monkeypatch)
    options = ["--images", str(_copy(made, tmp_path / "images", lambda x: x // 2))]
    options += ["--records", str(made["records"]), "--out", str(tmp_path / "out")]
    options += ["--features", "efficientnet-lite0:weights.pth"]
    options += ["--st-lpips", f"alex:{tmp_path / 'x.pth'}"]
    assert command.run(_arguments(*options)) == 0
    printed = capsys.readouterr().out
    for part in ("KID of Lite0  FD of Lite0  ST-LPIPS", "go by the kernel distance"):
        assert part in printed
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert set(found["metrics"]["generated"]) == {"kid_lite0", "fd_lite0", "lpips_st"}
    assert all(value > 0 for value in found["metrics"]["generated"].values())
    assert found["protocol"]["distance"]["network"] == "efficientnet-lite0"
    assert found["protocol"]["lpips_st"]["trunk"] == "alex"
    assert "ST-LPIPS (alex) of each image" in found["paper_line"]


def test_a_feature_network_that_is_not_there(made, tmp_path):
    measures = Measures(features="efficientnet-lite9")
    with pytest.raises(InputError, match="lite9: no such .* choose .*lite0 or .*lite1"):
        evaluate(Images(run=made["run"]), measures, tmp_path / "out")


def _arguments(*options):
    import argparse

    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    return parser.parse_args(["evaluate", *options])


def test_options_not_given_are_the_defaults_of_measures():
    fields = [field.name for field in dataclasses.fields(Measures)]
    for options, wanted in (([], Measures()), (["--no-real"], Measures(real=False))):
        arguments = _arguments("--run", "x", "--out", "y", *options)
        assert Measures(**{name: getattr(arguments, name) for name in fields}) == wanted


def test_the_command_prints_a_table(made, evaluated, capsys):
    options = ["--run", str(made["run"]), "--out", str(evaluated), "--batch", "2"]
    options += ["--segmenter", made["segmenter"], "--features", str(made["features"])]
    arguments = _arguments(*options)
    assert command.run(arguments) == 0
    printed = capsys.readouterr().out
    assert "mIoU" in printed and "real" in printed and "100.0" in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--count", "0"], "--count 0"),
        (["--batch", "0"], "--batch 0"),
        (["--label-size", "64"], "HEIGHTxWIDTH"),
        (["--devices", "gpu"], "--devices gpu"),
    ],
)
def test_wrong_options(options, message):
    arguments = _arguments("--run", "x", "--out", "y", *options)
    with pytest.raises(InputError, match=message):
        command.run(arguments)
