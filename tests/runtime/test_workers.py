"""The agreement of workers, and two processes that train."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.errors import InputError
from ccfpse_tf.runs.checkpoint_folder import steps_saved
from ccfpse_tf.runtime.tf_config import Workers
from ccfpse_tf.runtime.workers import WorkerGroup
from tests.chaos.replicas import environments
from tests.recipes import load


def _group(rows):
    """Workers of which all but this one have given their row already."""
    group = WorkerGroup(None, Workers())
    group.workers = Workers(("a:1", "b:1"), 0)
    group._rows = lambda values: np.array([values, *rows], float)
    return group


def test_one_that_was_told_to_stop_stops_all():
    assert _group([[1]]).any(False) and _group([[0]]).any(True)
    assert not _group([[0]]).any(False)
    assert WorkerGroup(None, Workers()).any(True)


def test_workers_that_disagree_are_told_where():
    with pytest.raises(InputError, match="worker 0: 6, worker 1: 3: --run must be one"):
        _group([[3, 0]]).check_same(6, "")
    with pytest.raises(InputError, match=r"worker 1 \(b:1\) has another config"):
        _group([[6, 1]]).check_same(6, "")
    _group([[6, 0]]).check_same(6, "")  # the checksum of nothing


@pytest.mark.parametrize("error", ["UnavailableError", "DeadlineExceededError"])
def test_a_lost_worker_is_told_with_the_way_out(error):
    lost = getattr(tf.errors, error)(None, None, "Connection refused\nmore")
    with pytest.raises(InputError, match="Connection refused.*start all.*runs/mine"):
        with _group([]).clear_errors("runs/mine"):
            raise lost
    with pytest.raises(type(lost)):  # alone there is nobody to lose
        with WorkerGroup(None, Workers()).clear_errors("runs/mine"):
            raise lost


SETTINGS = (
    *("generator.ngf=1", "generator.hidden=2", "generator.z_dim=4"),
    *("discriminator.ndf=2", "data.batch_size=2", "schedule.steps_per_epoch=20"),
    *("schedule.epochs=1", "schedule.images=1", "schedule.checkpoint_every=4"),
)
# Bitwise only so: the same in every process of the test.
SCRIPT = """\
import sys
import tensorflow as tf
tf.config.experimental.enable_op_determinism()
from ccfpse_tf.errors import exit_cleanly
from recipes import scenes
exit_cleanly(lambda: scenes.main(sys.argv[1:]))
"""


def _start(records, run, repository, logs):
    command = [sys.executable, "-c", SCRIPT, "train", "--smoke", "--set", *SETTINGS]
    command += ["--records", str(records), "--run", str(run)]
    started = []
    for index, environment in enumerate(environments(2)):
        with (
            open(f"{logs}.{index}.out", "w") as out,
            open(f"{logs}.{index}.err", "w") as err,
        ):
            started.append(
                subprocess.Popen(
                    command, env=environment, cwd=repository, stdout=out, stderr=err
                )
            )
    return started


def _codes(processes, timeout):
    try:
        return [process.wait(timeout) for process in processes]
    finally:
        for process in processes:
            process.kill()


def _weights(run, step):
    reader = tf.train.load_checkpoint(
        str(run / "checkpoints" / f"ckpt-{step}" / "state")
    )
    return {
        name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()
    }


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1], ids=["chief", "other"])
def test_a_worker_dies_and_returns(victim, repository, tmp_path):
    """Two processes; then again, with one killed and both started anew."""
    records = tmp_path / "records"
    options = ["--train", "8", "--val", "1", "--workers", "1"]
    load(repository, "scenes").main(["prepare", "--records", str(records), *options])
    whole = _start(records, tmp_path / "whole", repository, tmp_path / "whole")
    assert _codes(whole, 1200) == [0, 0]
    assert "trained to step 20" in (tmp_path / "whole.0.out").read_text()
    assert (tmp_path / "whole.1.out").read_text() == ""  # the chief alone speaks

    run = tmp_path / "killed"
    started = _start(records, run, repository, tmp_path / "first")
    deadline = time.monotonic() + 1200
    while not steps_saved(run / "checkpoints") and time.monotonic() < deadline:
        time.sleep(0.2)
    os.kill(started[victim].pid, signal.SIGKILL)
    killed = time.monotonic()
    codes = _codes(started, 120)
    assert time.monotonic() - killed < 60
    assert codes[victim] == -signal.SIGKILL and codes[1 - victim] == 2
    message = (tmp_path / f"first.{1 - victim}.err").read_text()
    assert "has lost another one of the 2" in message and "Traceback" not in message
    assert max(steps_saved(run / "checkpoints")) < 20

    assert _codes(_start(records, run, repository, tmp_path / "again"), 1200) == [0, 0]
    assert "resumed  at step" in (tmp_path / "again.0.out").read_text()
    one, other = _weights(tmp_path / "whole", 20), _weights(run, 20)
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)
