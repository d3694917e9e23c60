"""Conversion of official files to a run that generates and trains, and back."""

import json
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.commands import main
from ccfpse_tf.convert import to_official
from ccfpse_tf.convert.data_choice import DataChoice
from ccfpse_tf.convert.official_files import find_files, read_official_file
from ccfpse_tf.convert.official_tensors import is_unused
from ccfpse_tf.data.description import write_description
from ccfpse_tf.errors import InputError
from ccfpse_tf.files import pytorch
from ccfpse_tf.runs.checkpoint_folder import steps_saved
from ccfpse_tf.runs.run_folder import open_run, read_run
from ccfpse_tf.runs.table import list_runs
from tests.convert.official import read_npz, write_checkpoints, write_npz
from tests.recipes import TINY, build_eager, load


@pytest.fixture(scope="module", autouse=True)
def files_without_pytorch():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ccfpse_tf.convert.official_files.read_tensors", read_npz)
        patch.setattr("ccfpse_tf.convert.to_official.write_tensors", write_npz)
        patch.setattr("ccfpse_tf.convert.to_official.require_torch", lambda what: None)
        yield


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    folder = tmp_path_factory.mktemp("official")
    return folder, write_checkpoints(folder, write_npz)


@pytest.fixture(scope="module")
def converted(official, tmp_path_factory):
    return convert(official[0], tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def alone(official, tmp_path_factory):
    """A run of a generator, without discriminator and encoder."""
    source = official[0] / "latest_net_G.pth"
    return convert(source, tmp_path_factory.mktemp("runs") / "alone")


def convert(source, out):
    argv = ["convert", str(source), "--dataset", "scenes"]
    assert main.run(argv + _out(out)) == 0
    return out


def _out(path):
    return ["--out", str(path)]


@pytest.fixture
def labels(tmp_path):
    """Layouts as the data set's own files hold them."""
    rows = np.arange(64) // 6
    label = np.repeat(rows[:, None], 64, 1).astype(np.uint8)
    for folder in ("labels", "instances"):
        (tmp_path / folder).mkdir()
        Image.fromarray(label).save(tmp_path / folder / "a.png")
    return [
        *("--labels", str(tmp_path / "labels")),
        *("--instances", str(tmp_path / "instances")),
    ]


def test_the_config_follows_from_the_files(converted):
    config = read_run(converted).config
    generator = config.generator
    assert (generator.ngf, generator.depth, generator.z_dim) == (1, 5, 4)
    assert (generator.hidden, config.discriminator.ndf) == (2, 2)
    assert (config.name, config.data.image_size) == ("scenes", (64, 64))
    assert steps_saved(converted / "checkpoints") == [0]
    (row,) = list_runs(converted)
    assert (row.data, row.problems) == ("scenes", ())


def test_the_run_notes_its_files_and_what_was_dropped(converted, official):
    origin = json.loads((converted / "converted.json").read_text())
    source = read_official_file(official[0] / "latest_net_G.pth", "generator")
    assert origin["sources"]["G"]["sha256"] == source.sha256
    unused = [name for name in official[1]["G"] if is_unused(name)]
    assert origin["dropped"] == {"G": sorted(unused), "D": [], "E": []}
    assert origin["missing"] == []


def test_the_way_back_gives_the_same_bits(converted, official, tmp_path, capsys):
    out = tmp_path / "back"
    assert main.run(["convert", str(converted), "--to-official", str(out)]) == 0
    for letter, before in official[1].items():
        after = read_npz(out / f"latest_net_{letter}.pth")
        assert list(after) == list(before)
        for name, value in before.items():
            assert after[name].dtype == value.dtype
            assert after[name].shape == value.shape
            assert after[name].tobytes() == value.tobytes(), name
    said = capsys.readouterr().out
    assert "--label_nc 12 --contain_dontcare_label --ngf 1 --ndf 2" in said
    assert "made for 128" in said  # the official code cannot be built so narrow


def test_a_generator_alone_draws_labels_without_records(
    alone, labels, tmp_path, repository
):
    argv = ["generate", "--run", str(alone), "--out", str(tmp_path / "out"), *labels]
    scenes = load(repository, "scenes")
    photo = str(tmp_path / "labels" / "a.png")
    with pytest.raises(InputError, match="without encoder.*--style random"):
        scenes.main([*argv, "--style", photo])
    assert scenes.main(argv) == 0
    assert (tmp_path / "out/images/a_style1.png").is_file()


def test_a_generator_alone_does_not_train(alone, tmp_path):
    run = read_run(alone)
    words = "without discriminator and encoder.*--discriminator FILE --encoder FILE"
    with pytest.raises(InputError, match=words):
        open_run(alone, run.config, DataChoice("scenes").describe())
    main.run(["convert", str(alone), "--to-official", str(tmp_path / "back")])
    assert [x.name for x in (tmp_path / "back").iterdir()] == ["latest_net_G.pth"]


def test_pytorch_is_asked_for_before_the_model_is_built(alone, tmp_path, monkeypatch):
    def build(*_):
        raise AssertionError("the model was built")

    monkeypatch.setattr(to_official, "TrainedModel", build)
    monkeypatch.setattr(to_official, "require_torch", pytorch.require_torch)
    monkeypatch.setitem(sys.modules, "torch", None)
    out = tmp_path / "back"
    with pytest.raises(InputError, match=f"--to-official {out}: .*needs PyTorch"):
        main.run(["convert", str(alone), "--to-official", str(out)])
    assert not list(tmp_path.iterdir())


def test_a_damaged_origin_is_named(alone, tmp_path):
    shutil.copytree(alone, tmp_path / "run")
    (tmp_path / "run/converted.json").write_text("{}")
    with pytest.raises(InputError, match=r"converted\.json: is damaged"):
        main.run(
            ["convert", str(tmp_path / "run"), "--to-official", str(tmp_path / "x")]
        )


def test_images_of_the_data_need_records(converted, tmp_path, repository):
    argv = ["generate", "--run", str(converted), "--out", str(tmp_path / "out")]
    with pytest.raises(InputError, match="no records yet: add --records"):
        load(repository, "scenes").main(argv)


def test_records_with_other_labels_are_refused(converted, tmp_path, repository):
    other = DataChoice("ade20k").describe()
    write_description(tmp_path, other)
    argv = ["generate", "--run", str(converted), "--out", str(tmp_path / "out")]
    with pytest.raises(InputError) as caught:
        load(repository, "scenes").main([*argv, "--records", str(tmp_path)])
    assert "num_classes: the run has 12, they have 150" in str(caught.value)
    assert "prepare them with --label-mapping identity" in str(caught.value)


@pytest.mark.slow
def test_a_converted_run_trains_on(converted, tmp_path, repository, monkeypatch):
    run, records = tmp_path / "run", tmp_path / "records"
    shutil.copytree(converted, run)
    scenes = load(repository, "scenes")
    argv = ["prepare", "--records", str(records), "--train", "2", "--val", "2"]
    scenes.main([*argv, "--workers", "1"])
    monkeypatch.setattr("ccfpse_tf.training.train.build_model", build_eager)
    argv = ["train", "--smoke", "--records", str(records), "--run", str(run), "--set"]
    argv += [*TINY, "schedule.steps_per_epoch=1", "schedule.epochs=1"]
    with pytest.raises(InputError, match="generator.ngf: the run has 1, now 2"):
        scenes.main([*argv, "generator.ngf=2"])
    scenes.main(argv)
    assert steps_saved(run / "checkpoints") == [0, 1]
    # From then on it is a run like any other, bound to its settings.
    with pytest.raises(InputError, match="optimizers.beta_2: the run has 0.9"):
        scenes.main([*argv, "optimizers.beta_2=0.5"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--dataset", "ade20k"], r"14 semantic channels, but ade20k has 151"),
        (["--classes", "13"], r"14 semantic channels, but custom has 13"),
        (["--dataset", "scenes", "--image-size", "128x64"], "for 32x128, 64x64"),
        (["--dataset", "scenes", "--image-size", "64"], "--image-size 64: write"),
        (["--dataset", "scenes", "--encoder", "D"], "D.pth: holds a CC-FPSE discr"),
        (["--dataset", "scenes", "--epoch", "9"], "no epoch 9.*latest"),
        (["--dataset", "scenes", "--format", "zip"], "--format does not go with"),
        (["--dataset", "scenes", "--vgg"], "--dataset does not go with --vgg"),
        ([], "--dataset"),
    ],
)
def test_contradictions_leave_nothing_behind(official, tmp_path, options, words):
    folder = official[0]
    options = [str(folder / "latest_net_D.pth") if x == "D" else x for x in options]
    with pytest.raises(InputError, match=words):
        main.run(["convert", str(folder), *options, *_out(tmp_path / "run")])
    assert not list(tmp_path.iterdir())


def test_parts_of_different_models(official, tmp_path):
    for letter, name, channels, words in (
        ("E", "layer1.0.weight_orig", 0, r"encoder has ngf 3 .* ngf 1"),
        ("D", "embedding.weight", 1, "network has 3 semantic channels, but scenes"),
    ):
        state = dict(official[1][letter])
        shape = list(state[name].shape)
        shape[channels] = 3
        state[name] = np.zeros(shape, np.float32)
        path = tmp_path / f"{letter}.pth"
        write_npz(path, state)
        kind = {"E": "--encoder", "D": "--discriminator"}[letter]
        argv = ["convert", str(official[0]), "--dataset", "scenes", kind, str(path)]
        with pytest.raises(InputError, match=words):
            main.run([*argv, *_out(tmp_path / "run")])


def test_tensors_that_do_not_fit_name_their_file(official, tmp_path):
    state = dict(official[1]["G"])
    del state["up_2.conv_1.bias"]
    write_npz(tmp_path / "G.pth", state)
    argv = ["convert", str(tmp_path / "G.pth"), "--dataset", "scenes"]
    with pytest.raises(InputError, match=r"G\.pth: .*\n  up_2\.conv_1\.bias: missing"):
        main.run([*argv, *_out(tmp_path / "run")])
    assert [x.name for x in tmp_path.iterdir()] == ["G.pth"]


def test_what_exists_is_left_alone(converted, official, tmp_path):
    before = (converted / "config.json").read_bytes()
    for argv in (
        [str(official[0]), "--dataset", "scenes", "--out", str(converted)],
        [str(converted), "--to-official", str(official[0])],
    ):
        with pytest.raises(InputError, match="exists already"):
            main.run(["convert", *argv])
    assert (converted / "config.json").read_bytes() == before


def test_files_of_a_folder(tmp_path):
    with pytest.raises(InputError, match="lacks \\*_net_G.pth"):
        find_files(tmp_path)
    for name in ("latest_net_G", "10_net_G", "10_net_E", "latest_net_D"):
        (tmp_path / f"{name}.pth").touch()
        (tmp_path / f"._{name}.pth").touch()  # as macOS leaves them
    with pytest.raises(InputError, match="several epochs.*--epoch: 10, latest"):
        find_files(tmp_path)
    assert find_files(tmp_path, epoch="10") == {
        "generator": tmp_path / "10_net_G.pth",
        "encoder": tmp_path / "10_net_E.pth",
    }
    found = find_files(tmp_path, epoch="latest", encoder="E.pth")
    assert sorted(found) == ["discriminator", "encoder", "generator"]
    with pytest.raises(InputError, match="--epoch 10: is for a folder"):
        find_files(tmp_path / "10_net_G.pth", epoch="10")


def test_networks_that_the_official_code_lacks_are_refused(converted, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(converted, run)
    config = json.loads((run / "config.json").read_text())
    config["config"]["discriminator"]["architecture"] = "fpse_frozen"
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="fpse_frozen; the official code only knows"):
        main.run(["convert", str(run), "--to-official", str(tmp_path / "files")])
    assert not (tmp_path / "files").exists()
