"""`status.json`: the notes of each end of a training, and files that cannot be."""

import json
import math
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from ccfpse_tf.errors import Diverged, InputError
from ccfpse_tf.runs.status import FIELDS, Status, read_status
from ccfpse_tf.training.callbacks import ScalarLogs
from ccfpse_tf.training.status_updates import StatusUpdates
from tests.training.store import Store


def _ended_by(error, folder):
    try:
        with Status(folder).recorded() as status:
            status.update(step=3)
            if error:
                raise error
    except BaseException as caught:
        assert caught is error
    return read_status(folder)


@pytest.mark.parametrize(
    ("error", "state", "message"),
    [
        (None, "done", None),
        (KeyboardInterrupt(), "stopped", None),
        (SystemExit(1), "stopped", None),
        (Diverged("kl is nan"), "diverged", "kl is nan"),
        (InputError("out of memory"), "failed", "out of memory"),
        (OSError(28, "full"), "failed", "OSError: [Errno 28] full"),
    ],
)
def test_the_end_is_noted_by_its_kind(error, state, message, tmp_path):
    noted = _ended_by(error, tmp_path)
    assert (noted["status"], noted["error"], noted["step"]) == (state, message, 3)
    assert (noted["pid"], noted["host"]) == (os.getpid(), socket.gethostname())
    age = datetime.now(UTC) - datetime.fromisoformat(noted["updated"])
    assert 0 <= age.total_seconds() < 60
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_a_resumed_run_keeps_what_it_knew_but_not_its_error(tmp_path):
    _ended_by(InputError("no"), tmp_path)
    with Status(tmp_path).recorded():
        noted = read_status(tmp_path)
        assert (noted["status"], noted["error"], noted["step"]) == ("running", None, 3)


def test_a_killed_process_leaves_running_behind(tmp_path, repository):
    code = (
        "import os, signal\nfrom ccfpse_tf.runs.status import Status\n"
        f"with Status({str(tmp_path)!r}).recorded():\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(repository)}
    subprocess.run([sys.executable, "-c", code], env=environment)
    assert read_status(tmp_path)["status"] == "running"


def test_losses_that_are_no_numbers_stay_json(tmp_path):
    status = Status(tmp_path)
    status.update(status="running", losses={"kl": math.nan, "gan": 1.5, "d": math.inf})
    status.write()
    assert "NaN" not in (tmp_path / "status.json").read_text()
    assert read_status(tmp_path)["losses"] == {"kl": None, "gan": 1.5, "d": None}


def test_what_cannot_be_written_is_said_once_and_harms_nothing(tmp_path, capsys):
    _ended_by(None, tmp_path)
    before = (tmp_path / "status.json").read_bytes()
    (tmp_path / ".status.json.partial").mkdir()  # stands for a disk that refuses
    with Status(tmp_path).recorded() as status:
        status.write()
    said = capsys.readouterr().err
    assert said.count("cannot be written (Is a directory)") == 1
    assert f"{tmp_path / 'status.json'}" in said
    assert (tmp_path / "status.json").read_bytes() == before


def test_a_damaged_status_is_replaced(tmp_path):
    (tmp_path / "status.json").write_text("{")
    with pytest.raises(InputError, match="status.json cannot be read"):
        read_status(tmp_path)
    assert _ended_by(None, tmp_path)["status"] == "done"


def test_unknown_fields_are_a_mistake(tmp_path):
    with pytest.raises(TypeError, match="speed"):
        Status(tmp_path).update(speed=1)


def test_steps_are_noted_always_and_written_when_due(tmp_path):
    store, status = Store(), Status(tmp_path)
    scalars = ScalarLogs(store, None, every=1000, batch_size=4)
    scalars.images_per_second = 2.0
    updates = StatusUpdates(store, status, scalars, 5, steps_per_epoch=3, total_steps=9)
    with pytest.raises(KeyboardInterrupt), status.recorded():
        updates.on_train_begin()
        assert read_status(tmp_path)["total_steps"] == 9
        for step in range(1, 8):
            store.step = step
            updates.on_train_batch_end(0, {"generator_loss": step / 2})
        noted = json.loads((tmp_path / "status.json").read_text())
        assert tuple(noted) == FIELDS
        assert (noted["status"], noted["step"], noted["epoch"]) == ("running", 5, 2)
        assert noted["losses"] == {"generator_loss": 2.5}
        assert (noted["images_per_second"], noted["eta_seconds"]) == (2.0, 8.0)
        raise KeyboardInterrupt
    noted = read_status(tmp_path)
    assert (noted["status"], noted["step"], noted["epoch"]) == ("stopped", 7, 3)
    assert noted["eta_seconds"] is None
