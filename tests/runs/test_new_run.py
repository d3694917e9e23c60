"""A run folder that goes again where its training ends before its first step."""

import pytest

from ccfpse_tf.config import Config
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.locks import RUN_LOCK
from ccfpse_tf.runs.checkpoint_folder import FACTS
from ccfpse_tf.runs.new_run import run_to_train
from ccfpse_tf.runs.run_folder import is_run
from ccfpse_tf.runs.status import Status
from tests.runs.described import described

CONFIG = Config(name="test")


def train(folder, error, steps=0, save=False):
    """Ends with the error, as a training that has begun after so many steps."""
    with run_to_train(folder, CONFIG, described(), lambda: steps) as run:
        with Status(folder).recorded():
            (run.logs / "events").write_text("x")
            (run.directory / "reference.npz").write_text("x")  # of an evaluation
            if save:
                (run.checkpoints / "ckpt-1").mkdir()
                (run.checkpoints / "ckpt-1" / FACTS).write_text("{}")
            if error:
                raise error


def test_a_training_that_has_ended(tmp_path):
    train(tmp_path, None)
    assert is_run(tmp_path)


ERRORS = InputError("no"), OSError(), KeyError(), KeyboardInterrupt(), SystemExit()


@pytest.mark.parametrize("error", ERRORS)
def test_nothing_is_left_without_a_step(error, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / RUN_LOCK).touch()
    with pytest.raises(type(error)):
        train(tmp_path / "run", error)
    assert [path.name for path in (tmp_path / "run").iterdir()] == [RUN_LOCK]
    train(tmp_path / "run", None)  # the folder can be used again


def test_what_was_trained_stays(tmp_path):
    with pytest.raises(InputError):
        train(tmp_path / "failed", InputError("diverged"), steps=1)
    assert is_run(tmp_path / "failed")
    with pytest.raises(KeyboardInterrupt):  # a second Ctrl-C does not save
        train(tmp_path / "stopped", KeyboardInterrupt(), steps=1)
    assert is_run(tmp_path / "stopped")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "saved", KeyboardInterrupt(), steps=1, save=True)
    assert is_run(tmp_path / "saved")


def test_what_was_there_stays(tmp_path):
    train(tmp_path / "run", None)
    before = sorted((tmp_path / "run").rglob("*"))
    with pytest.raises(InputError):
        train(tmp_path / "run", InputError("no"))
    assert sorted((tmp_path / "run").rglob("*")) == before
    (tmp_path / "other" / "logs").mkdir(parents=True)
    with pytest.raises(InputError, match="holds files but no config.json"):
        train(tmp_path / "other", InputError("no"))
    assert (tmp_path / "other" / "logs").is_dir()
