"""`ccfpse runs`: the runs that it finds, and its messages about damaged ones."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from ccfpse_tf.commands import main
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.locks import RUN_LOCK, locked
from ccfpse_tf.runs.table import list_runs, table

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _run(folder, status="done", updated="2026-11-23T11:59:00+00:00", **values):
    """A run folder as `train` leaves it."""
    (folder / "checkpoints" / "deep").mkdir(parents=True)
    (folder / "config.json").write_text(
        json.dumps({"config": {}, "data": {"name": "scenes"}})
    )
    values = {"status": status, "updated": updated} | values
    (folder / "status.json").write_text(json.dumps(values))
    return folder


def _statuses(root):
    return {row.run: row.status for row in list_runs(root)}


def test_the_table_is_aligned_and_the_latest_comes_first(tmp_path):
    _run(
        tmp_path / "a" / "long name",
        updated="2026-11-20T11:00:00+00:00",
        step=7,
        total_steps=1000,
        losses={"generator_loss": 12.34567, "discriminator_loss": None},
        images_per_second=3.14159,
    )
    _run(tmp_path / "b", "failed", error="no")
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "config.json").write_text("{}")  # not a run's
    assert table(list_runs(tmp_path), NOW).splitlines() == [
        "RUN          DATA    STATUS    STEP       G  D  IMAGES/S   UPDATED",
        "b            scenes  failed       -       -  -         -  60 s ago",
        "a/long name  scenes  done    7/1000  12.346  -      3.14   3 d ago",
    ]


def test_a_run_itself_may_be_named(tmp_path):
    assert _statuses(_run(tmp_path / "run")) == {str(tmp_path / "run"): "done"}


def test_running_needs_a_process_that_holds_the_lock(tmp_path):
    run = _run(tmp_path / "run", "running")
    assert _statuses(tmp_path) == {"run": "interrupted"}
    with locked(run / RUN_LOCK, "another training is running"):
        assert _statuses(tmp_path) == {"run": "running"}
        (run / "status.json").unlink()
        assert _statuses(tmp_path) == {"run": "starting"}
    assert _statuses(tmp_path) == {"run": "unknown"}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("config.json", b"{", "Expecting"),
        ("config.json", b'{"config": {}, "data": 3}', "does not name a data set"),
        ("status.json", b"\xff", "codec"),
        ("status.json", b"", "Expecting value"),
        ("status.json", b"[]", "'status' is none of running"),
        ("status.json", b'{"status": "done"}', "updated is None"),
        ("status.json", b'{"status": "done", "updated": "2026"}', "updated is '2026'"),
    ],
)
def test_damaged_files_are_named_beside_the_whole_runs(name, content, words, tmp_path):
    _run(tmp_path / "whole")
    (_run(tmp_path / "bad") / name).write_bytes(content)
    assert _statuses(tmp_path) == {"whole": "done", "bad": "damaged"}
    text = table(list_runs(tmp_path), NOW)
    (line,) = [line for line in text.splitlines() if str(tmp_path) in line]
    assert line.startswith(str(tmp_path / "bad" / name)) and words in line


@pytest.mark.parametrize("key", ["step", "losses", "host", "images_per_second"])
def test_values_of_a_wrong_type_are_damage(key, tmp_path):
    _run(tmp_path / "bad", **{key: [1]})
    assert _statuses(tmp_path) == {"bad": "damaged"}
    assert f"{key} is [1]" in table(list_runs(tmp_path), NOW)


def test_json_for_scripts(tmp_path, capsys):
    _run(tmp_path / "run", "running", step=3)
    assert main.run(["runs", str(tmp_path), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["run"], row["data"], row["status"]) == ("run", "scenes", "interrupted")
    assert (row["step"], row["total_steps"], row["problems"]) == (3, None, [])


def test_the_folder_must_be_there(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        main.run(["runs", str(tmp_path / "nowhere")])


def test_the_table_needs_nothing_heavy(tmp_path, repository):
    _run(tmp_path / "run")
    code = (
        "import sys\nfrom ccfpse_tf.commands import main\n"
        f"main.run(['runs', {str(tmp_path)!r}])\n"
        "print(sorted({'tensorflow', 'keras', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    heading, row, modules = done.stdout.splitlines()
    assert re.fullmatch("run  scenes  done .* ago", row)
    assert modules == "[]"
