"""Output whose reader leaves, or whose terminal hangs up."""

import os
import pty
import subprocess
import sys

import pytest

PROGRAM = """\
import os, sys
from ccfpse_tf.runtime.lasting_output import outlive_readers
outlive_readers()
outlive_readers()  # a second call changes nothing
print("begins", flush=True)
os.read(0, 1)
for _ in range(1000):
    print("x" * 100)
    print("y" * 100, file=sys.stderr)
os.write(1, b"from C")
os.write(2, b"from C")
raise SystemExit(7)
"""


def _pipe():
    return os.pipe()


def _terminal():
    return pty.openpty()


@pytest.mark.parametrize("opened", [_pipe, _terminal])
@pytest.mark.parametrize("options", [[], ["-u"]], ids=["buffered", "unbuffered"])
def test_a_process_goes_on_without_a_reader(opened, options, repository):
    ours, theirs = opened()
    with subprocess.Popen(
        [sys.executable, *options, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=theirs,
        stderr=theirs,
        cwd=repository,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        assert os.read(ours, 100).startswith(b"begins")
        os.close(ours)
        process.communicate(b"x", timeout=60)
        assert process.returncode == 7


def test_what_is_printed_arrives(repository):
    program = PROGRAM.replace("1000", "2").replace("os.read(0, 1)", "print('\xe4')")
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", program],
        capture_output=True,
        cwd=repository,
        text=True,
        encoding="utf-8",
        check=False,
    )
    lines = ["begins", "\xe4", "x" * 100, "x" * 100]
    assert done.stdout.replace("from C", "").split() == lines
    assert done.stderr.count("y" * 100) == 2


def test_streams_of_others_stay(capsys):
    from ccfpse_tf.runtime.lasting_output import outlive_readers

    before = sys.stdout, sys.stderr
    outlive_readers()
    assert (sys.stdout, sys.stderr) == before
