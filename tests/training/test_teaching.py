"""`distil`: which teachers and students fit, and how a student starts and resumes."""

import json
import shutil

import numpy as np
import pytest

from ccfpse_tf.commands import recipe
from ccfpse_tf.config import Config, override
from ccfpse_tf.data.description import read_description
from ccfpse_tf.data.prepare import prepare
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan.build import build_model
from ccfpse_tf.runs.checkpoints import CheckpointStore
from ccfpse_tf.runs.run_folder import identity, make_run, read_run
from ccfpse_tf.training import train as training
from ccfpse_tf.training.teaching import Teaching, check_teacher
from tests.data.toy import folder_argv, make_folder

CONFIG = override(
    Config(name="folder"),
    [
        *("generator.architecture=ccfpse_compact", "generator.ngf=2"),
        *("generator.hidden=4", "generator.z_dim=4", "discriminator.ndf=2"),
        *("data.image_size=64x64", "losses.perceptual_network=off"),
        *("schedule.epochs=1", "schedule.steps_per_epoch=2", "data.batch_size=2"),
    ],
)
NARROW = ["--set", "generator.ngf=3", "generator.hidden=4"]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A run with a checkpoint, that was never trained."""
    folder = tmp_path_factory.mktemp("teacher")
    make_folder(folder / "photos", 4, (64, 96), classes=3, instances=True)
    argv = folder_argv(folder / "photos", folder / "records", "--keep-size")
    prepare.main("folder", argv)
    records = folder / "records"
    data = read_description(records)
    config = override(CONFIG, [f"data.records={records}"])
    run = make_run(folder / "run", config, identity(data))
    model = build_model(config, data, 1, training=False)
    model.steps.assign(5)
    CheckpointStore(model, run.checkpoints).save()
    return run.directory


@pytest.fixture
def distil(teacher, tmp_path):
    def distil(*options, teacher=teacher):
        argv = ["distil", "--teacher", str(teacher), "--run", str(tmp_path / "run")]
        recipe.main("folder", CONFIG, {}, None, [*argv, *NARROW, *options])

    return distil


def test_a_student_starts_with_the_teachers_encoder_and_discriminator(
    teacher, distil, monkeypatch, tmp_path, capsys
):
    seen = []

    def fit(model, context):
        parts = model.encoder, model.discriminator
        seen.append([[np.asarray(w) for w in part.weights] for part in parts])
        for weight in model.discriminator.weights:
            weight.assign(weight + 1)
        model.steps.assign(2)
        context.store.save()

    monkeypatch.setattr(training, "_fit", fit)
    distil()
    run = read_run(teacher)
    known = Teaching.open(teacher)
    own = build_model(
        run.config, read_description(run.config.data.records), 1, training=False
    )
    CheckpointStore(own, run.checkpoints).restore()
    for part, weights in zip((own.encoder, own.discriminator), seen[0], strict=True):
        for mine, its in zip(weights, part.weights, strict=True):
            np.testing.assert_array_equal(mine, its)
    said = capsys.readouterr().out
    assert f"teacher  {known.identity} (compact CC-FPSE" in said
    assert read_run(tmp_path / "run").config.teacher == known.identity
    # Going on: the discriminator is the student's own by now.
    distil("schedule.epochs=2")
    for mine, before in zip(seen[1][1], seen[0][1], strict=True):
        np.testing.assert_allclose(mine, before + 1)


def test_the_students_config_is_the_teachers(teacher, capsys, distil):
    distil("--dry-run")
    config = json.loads(capsys.readouterr().out)
    assert config["generator"]["architecture"] == "ccfpse_compact"
    assert config["generator"]["encoder_ngf"] == 2 and config["generator"]["ngf"] == 3
    assert config["teacher"].startswith("run, step 5, SHA-256 ")
    assert config["schedule"]["steps_per_epoch"] == 2


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("generator.z_dim=8", "generator.z_dim: the teacher has 4, --set says 8"),
        ("discriminator.ndf=4", "discriminator: the teacher has"),
        ("data.batch_size=2", "--batch 4 and --set data.batch_size=2 both give"),
        ("data.image_size=64x96", "data.image_size: the teacher has"),
    ],
)
def test_students_that_do_not_fit(distil, setting, words, tmp_path):
    with pytest.raises(InputError, match=words):
        distil(setting, "--batch", "4")
    assert not (tmp_path / "run").exists()


def test_a_teacher_without_style_code_has_such_a_student(teacher, distil, tmp_path):
    run = tmp_path / "pix2pixhd"
    shutil.copytree(teacher, run)
    stored = json.loads((run / "config.json").read_text())
    stored["config"]["generator"] |= {"architecture": "pix2pixhd", "z_dim": 256}
    (run / "config.json").write_text(json.dumps(stored))
    student = Teaching.open(run).student([])
    assert student.generator.architecture == "ccfpse_compact"
    assert student.generator.z_dim == 0


def test_teachers_that_do_not_fit(distil, teacher, tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        distil(teacher=tmp_path / "nowhere")
    shutil.copytree(teacher, tmp_path / "empty")
    shutil.rmtree(tmp_path / "empty" / "checkpoints")
    with pytest.raises(InputError, match="checkpoint"):
        distil(teacher=tmp_path / "empty")
    make_folder(tmp_path / "photos", 2, (64, 64), classes=2, instances=True)
    argv = folder_argv(tmp_path / "photos", tmp_path / "records", "--keep-size")
    prepare.main("folder", argv)
    with pytest.raises(InputError, match="labels are not what"):
        distil("--records", str(tmp_path / "records"))
    assert not (tmp_path / "run").exists()


def test_a_damaged_teacher_is_told_at_once(teacher, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(teacher, run)
    newest, older = (run / "checkpoints" / f"ckpt-{step}" for step in (5, 2))
    (state,) = newest.glob("state.data-*")
    state.write_bytes(state.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"ckpt-5 is damaged \(.* or name another run"):
        Teaching.open(run)
    shutil.copytree(teacher / "checkpoints" / "ckpt-5", older)
    with pytest.raises(InputError, match="remove its folder, so that ckpt-2 teaches a"):
        Teaching.open(run)
    shutil.rmtree(newest)
    assert Teaching.open(run).checkpoint == older


def test_a_teacher_is_named_by_its_command(teacher):
    known = Teaching.open(teacher)
    asked = override(CONFIG, ["teacher=a run"])
    for teaching in (None, known):
        with pytest.raises(InputError, match="`distil --teacher`, not with --set"):
            check_teacher(asked, teaching)
    check_teacher(CONFIG, None)
