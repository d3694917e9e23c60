"""The run folder: made, resumed, refused; its content is never overwritten."""

import dataclasses
import json

import pytest

from ccfpse_tf.config import Config, override
from ccfpse_tf.errors import InputError
from ccfpse_tf.runs.checkpoint_folder import require_checkpoint
from ccfpse_tf.runs.run_folder import identity, make_run, open_run, read_data, read_run
from tests.runs.described import described

CONFIG = Config(name="test")


@pytest.fixture
def run_dir(tmp_path):
    open_run(tmp_path / "run", CONFIG, described())
    return tmp_path / "run"


def test_a_new_run_holds_config_data_and_versions(run_dir):
    stored = json.loads((run_dir / "config.json").read_text())
    assert stored["config"]["generator"]["ngf"] == 64
    assert stored["data"]["class_names"] == ["a", "b"]
    assert stored["data"]["train images"] == 4
    assert {"keras", "tensorflow"} <= stored["versions"].keys()
    assert read_run(run_dir).config == CONFIG


def test_another_config_is_refused_with_all_differences(run_dir):
    before = (run_dir / "config.json").read_bytes()
    other = override(CONFIG, ["generator.ngf=32", "optimizers.generator_lr=1"])
    with pytest.raises(InputError) as caught:
        open_run(run_dir, other, described(num_classes=3))
    message = str(caught.value)
    assert "generator.ngf: the run has 64, now 32" in message
    assert "optimizers.generator_lr: the run has 0.0001, now 1.0" in message
    assert "num_classes: the run has 2, now 3" in message
    assert "--run" in message
    assert (run_dir / "config.json").read_bytes() == before


def test_records_may_move_and_cadences_change(run_dir):
    other = override(CONFIG, ["data.records=/elsewhere", "schedule.keep=9"])
    open_run(run_dir, other, described())
    assert read_run(run_dir).config.schedule.keep == 9


def test_more_epochs_are_fine_only_while_rates_are_constant(tmp_path):
    for decay, fits in ((0, True), (10, False)):
        config = override(CONFIG, [f"schedule.decay_epochs={decay}"])
        longer = override(config, ["schedule.epochs=500"])
        open_run(tmp_path / str(decay), config, described())
        if fits:
            open_run(tmp_path / str(decay), longer, described())
        else:
            with pytest.raises(InputError, match="schedule.epochs"):
                open_run(tmp_path / str(decay), longer, described())


def test_another_split_of_the_data_is_refused(run_dir):
    description = described()
    split = dataclasses.replace(description.splits["train"], count=5)
    with pytest.raises(InputError, match="train images: the run has 4, now 5"):
        open_run(run_dir, CONFIG, described(splits={"train": split}))


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match="holds files but no config.json"):
        open_run(tmp_path, CONFIG, described())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(InputError, match="is a file"):
        open_run(tmp_path / "run", CONFIG, described())


def test_the_first_training_of_a_converted_run_decides_what_is_open(tmp_path):
    make_run(tmp_path / "run", CONFIG, identity(described(splits={}, name="custom")))
    asked = override(CONFIG, ["data.batch_size=3", "losses.kl=0.5"])
    other = override(asked, ["generator.z_dim=0"])
    with pytest.raises(InputError, match="generator.z_dim: the run has 256, now 0"):
        open_run(tmp_path / "run", other, described())
    with pytest.raises(InputError, match="label_mapping: the run has 'identity'"):
        open_run(tmp_path / "run", asked, described(label_mapping="shift"))
    open_run(tmp_path / "run", asked, described())
    run = read_run(tmp_path / "run")
    assert run.config == asked and read_data(run)["train images"] == 4
    with pytest.raises(InputError, match="losses.kl: the run has 0.5, now 0.1"):
        open_run(tmp_path / "run", CONFIG, described())


def test_reading_what_is_no_run(tmp_path):
    with pytest.raises(InputError, match="not a run folder"):
        read_run(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"config": {}}'])
def test_a_damaged_config_names_the_file(run_dir, text):
    (run_dir / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json"):
        read_run(run_dir)


def test_a_config_that_an_editor_has_saved(run_dir):
    path = run_dir / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_run(run_dir).config == CONFIG


def test_a_run_without_checkpoint_says_how_to_get_one(run_dir):
    with pytest.raises(InputError, match="does not hold a checkpoint yet: train"):
        require_checkpoint(read_run(run_dir))
