"""The comparison of training choices, with trainings that are made up."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from benchmarks import training_choices

ARGV = ["perceptual", "--records", "records", "--segmenter", "seg.keras"]


@pytest.fixture
def calls(monkeypatch):
    """The subcommands that were run; their files are written as the real ones do."""
    found = []

    def recipe(command, *arguments):
        found.append((command, *map(str, arguments)))
        options = dict(zip(arguments[::2], arguments[1::2], strict=False))
        if command in ("train", "distil"):
            writer = tf.summary.create_file_writer(str(options["--run"] / "logs"))
            with writer.as_default():
                for step in (100, 200):
                    value = step / 1000 + ("squeezenet" in options["--run"].name) / 10
                    tf.summary.scalar("metrics/mean_iou", value, step)
            return
        out = options["--out"]
        (out / "images").mkdir(parents=True)
        for name in "abcd":
            image = Image.fromarray(np.full((4, 6, 3), 9, np.uint8))
            image.save(out / "images" / f"{name}.png")
        scores = {"mean_iou": 0.25, "pixel_accuracy": 0.5}
        distances = {"fd_lite0": 150.0, "kid_lite0": 0.125}
        metrics = {"generated": scores | distances, "real": scores}
        (out / "metrics.json").write_text(json.dumps({"metrics": metrics}))

    monkeypatch.setattr(training_choices, "recipe", recipe)
    return found


def test_every_arm_and_seed_is_trained_once_and_reported(calls, tmp_path, capsys):
    argv = [*ARGV, "--out", str(tmp_path), "--seeds", "2", "--steps", "200"]
    assert training_choices.main([*argv, "--arms", "none", "squeezenet"]) == 0
    trained = [call for call in calls if call[0] == "train"]
    assert [call[4].rpartition("/")[2] for call in trained] == [
        *("none-0", "squeezenet-0", "none-1", "squeezenet-1")
    ]
    assert "data.seed=1" in trained[2] and "schedule.steps_per_epoch=40" in trained[2]
    assert "losses.perceptual_network=squeezenet" in trained[1]
    table = (tmp_path / "table.md").read_text()
    measured = "25, 25 | 50, 50 | 150, 150 | 0.125, 0.125 |"
    assert f"| none | 2 | 10, 10 | 20, 20 | {measured}" in table
    assert "| squeezenet | 2 | 20, 20 | 30, 30 |" in table
    assert "| photographs | - |  |  | 25.0 | 50.0 | | |" in table
    assert capsys.readouterr().out.rstrip().endswith(table.rstrip())
    # Two rows of four images, at twice their size.
    with Image.open(tmp_path / "pictures.png") as picture:
        assert picture.size == (48, 16)
    done = len(calls)
    assert training_choices.main([*argv, "--arms", "none"]) == 0
    assert len(calls) == done


def test_weights_of_squeezenet_may_be_a_file(calls, tmp_path):
    argv = [*ARGV, "--out", str(tmp_path), "--seeds", "1", "--squeezenet", "a.net"]
    training_choices.main(argv)
    given = ["losses.perceptual_weights=a.net" in call for call in calls]
    assert given == [False, False, True, False, False, False]


def test_a_student_learns_from_a_run_that_was_measured(calls, tmp_path, capsys):
    argv = [*ARGV, "--seeds", "1", "--out"]
    training_choices.main([*argv, str(tmp_path / "a"), "--arms", "squeezenet"])
    teacher = str(tmp_path / "a" / "squeezenet-0")
    argv = ["distillation", *argv[1:], str(tmp_path / "b"), "--teacher", teacher]
    assert training_choices.main(argv) == 0
    commands = [call[:3] for call in calls if call[0] != "evaluate"][1:]
    assert [command[0] for command in commands] == ["train", "distil"]
    assert commands[1][1:] == ("--teacher", teacher)
    table = (tmp_path / "b" / "table.md").read_text().splitlines()
    assert [line.split(" | ")[0] for line in table[2:]] == [
        *("| teacher", "| alone", "| taught", "| photographs")
    ]


def test_distillation_needs_a_finished_teacher(calls, tmp_path, capsys):
    argv = ["distillation", *ARGV[1:], "--out", str(tmp_path)]
    for wrong in ([], ["--teacher", str(tmp_path / "none")]):
        with pytest.raises(SystemExit):
            training_choices.main(argv + wrong)
        assert "--teacher" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        training_choices.main(["frozen", *argv[1:], "--teacher", str(tmp_path)])
    assert not calls
