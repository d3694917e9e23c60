"""Locks between real processes, also killed ones, and how a stuck one is cleared."""

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import filelock
import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.locks import RUN_LOCK, is_held, locked, read_holder, refuse_if_held
from ccfpse_tf.files.unlock import unlock

HOLD = """
import os, sys, time
from pathlib import Path
from ccfpse_tf.files.locks import locked
with locked(Path(sys.argv[1]), "another training is running"):
    if "fork" in sys.argv and not os.fork():
        time.sleep(60)
    print("held", flush=True)
    sys.stdin.read()
"""
DOING = "another training is running"


@pytest.fixture
def hold(repository):
    """Starts a process that holds a lock until its input ends."""
    started = []

    def start(path, *options):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path), *options],
            env=os.environ | {"PYTHONPATH": str(repository)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # with its forks
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.communicate()


def _take(path):
    with locked(path, DOING):
        return read_holder(path)


def test_a_second_process_is_refused_with_who_and_the_way_out(tmp_path, hold):
    path = tmp_path / RUN_LOCK
    other = hold(path)
    for refused in (_take, lambda path: refuse_if_held(path, DOING)):
        with pytest.raises(InputError) as caught:
            refused(path)
        message = str(caught.value)
        assert message.startswith(f"{tmp_path}: another training is running there")
        assert f"pid {other.pid} on {socket.gethostname()} since 2" in message
        assert f"ccfpse unlock {tmp_path}" in message
    assert is_held(path) and read_holder(path).pid == other.pid
    other.communicate()
    assert not path.exists()
    assert _take(path).pid == os.getpid()


def test_one_process_cannot_take_it_twice(tmp_path):
    with locked(tmp_path / RUN_LOCK, DOING):
        with pytest.raises(InputError, match=f"pid {os.getpid()} "):
            _take(tmp_path / RUN_LOCK)


@pytest.mark.parametrize("options", [(), ("fork",)])
def test_a_killed_holder_frees_it_even_if_a_child_lives_on(tmp_path, hold, options):
    path = tmp_path / RUN_LOCK
    other = hold(path, *options)
    other.kill()
    other.wait()
    assert read_holder(path).pid == other.pid  # the file stays, the lock does not
    end = time.monotonic() + 10
    while is_held(path) and time.monotonic() < end:  # the child may not have run yet
        time.sleep(0.05)
    assert _take(path).pid == os.getpid()


def test_what_was_made_for_the_lock_goes_with_it(tmp_path):
    path = tmp_path / "runs" / "first" / RUN_LOCK
    _take(path)
    assert not list(tmp_path.iterdir())
    with locked(path, DOING):
        (path.parent / "config.json").write_text("{}")
    assert [found.name for found in path.parent.iterdir()] == ["config.json"]


def test_a_file_in_the_way_of_the_folder(tmp_path):
    (tmp_path / "run").write_text("mine")
    for path in (tmp_path / "run" / RUN_LOCK, tmp_path / "run" / "a" / RUN_LOCK):
        assert not is_held(path)
        with pytest.raises(InputError, match="run is a file; name a folder"):
            _take(path)


def test_looking_at_the_lock_does_not_stop_who_takes_it(tmp_path):
    path = tmp_path / RUN_LOCK
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        later = threading.Timer(0.2, fcntl.flock, (file, fcntl.LOCK_UN))
        later.start()
        start = time.monotonic()
        assert _take(path).pid == os.getpid()
        assert time.monotonic() - start > 0.1
        later.join()


def test_two_who_look_at_once_do_not_see_each_other(tmp_path, monkeypatch):
    answers = iter([False, True])
    monkeypatch.setattr(filelock, "lock_descriptor", lambda *_, **__: next(answers))
    (tmp_path / RUN_LOCK).touch()
    assert not is_held(tmp_path / RUN_LOCK)


def test_looking_needs_no_right_to_write(tmp_path, monkeypatch):
    path = tmp_path / RUN_LOCK
    really = os.open

    def open_(name, flags, *mode):
        if os.fspath(name) == str(path) and flags & os.O_RDWR:
            raise PermissionError(errno.EACCES, "Permission denied", name)
        return really(name, flags, *mode)

    with open(path, "w") as file:
        monkeypatch.setattr(os, "open", open_)
        assert not is_held(path)
        fcntl.flock(file, fcntl.LOCK_EX)
        assert is_held(path)


def test_on_windows_the_note_is_read_behind_the_locked_byte(tmp_path, monkeypatch):
    monkeypatch.setattr("ccfpse_tf.files.locks._WINDOWS", True)
    path = tmp_path / RUN_LOCK
    with locked(path, DOING):
        assert path.read_bytes().startswith(b" {")
        assert read_holder(path).pid == os.getpid()
        assert read_holder(path).lives_here()  # asks without a signal: it would end us
        with pytest.raises(InputError, match=f"pid {os.getpid()} on"):
            _take(path)
    assert not path.exists()


def test_unlock_leaves_a_living_holder_alone(tmp_path, hold):
    path = tmp_path / RUN_LOCK
    other = hold(path)
    with pytest.raises(InputError, match=f"living process, pid {other.pid} .*kill"):
        unlock(tmp_path)
    path.write_text("")
    with pytest.raises(InputError, match="does not say by whom: .*fuser"):
        unlock(tmp_path)
    assert is_held(path)


def test_unlock_clears_the_lock_of_a_machine_that_is_gone(tmp_path, hold):
    path = tmp_path / RUN_LOCK
    other = hold(path)  # its kernel lock stands for the one that NFS keeps
    path.write_text(json.dumps(json.loads(path.read_text()) | {"host": "gone"}))
    assert is_held(path)
    (done,) = unlock(tmp_path)
    assert f"{path}: cleared; it was held by pid {other.pid} on gone" in done
    assert not is_held(path)
    with locked(path, DOING):
        other.communicate()  # leaves, and takes nothing with it that is not its own
        assert read_holder(path).pid == os.getpid()
        with pytest.raises(InputError):
            _take(path)


def test_unlock_where_there_is_nothing_to_do(tmp_path):
    assert unlock(tmp_path) == [f"{tmp_path} is not locked"]
    with pytest.raises(InputError, match="no such folder"):
        unlock(tmp_path / "nowhere")


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch, capsys):
    def flock(descriptor, kind):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    path = tmp_path / RUN_LOCK
    with locked(path, DOING):
        assert "this file system lacks locks" in capsys.readouterr().err
        with pytest.raises(InputError, match=f"pid {os.getpid()}"):
            _take(path)
        assert is_held(path)
    assert not is_held(path)
