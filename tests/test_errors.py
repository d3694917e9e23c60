"""Messages and exit codes of the command lines."""

import errno
import os
import pickle
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ccfpse_tf.errors import DataErrors, InputError, exit_cleanly


def code_of(main):
    with pytest.raises(SystemExit) as exit_:
        exit_cleanly(main)
    return exit_.value.code


def raising(error):
    def main():
        raise error

    return main


def test_success_and_explicit_codes():
    assert code_of(lambda: None) == 0
    assert code_of(lambda: 3) == 3


def test_input_error_prints_one_line(capsys):
    assert code_of(raising(InputError("a.png: value 7; allowed 0..3"))) == 2
    assert capsys.readouterr().err == "error: a.png: value 7; allowed 0..3\n"


def test_interrupt(capsys):
    assert code_of(raising(KeyboardInterrupt())) == 130
    assert "run the same command again" in capsys.readouterr().err
    assert code_of(raising(KeyboardInterrupt("stopped while waiting"))) == 130
    assert capsys.readouterr().err == "error: stopped while waiting\n"


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT]
)
def test_disk_trouble_names_the_file_and_a_way_out(number, capsys):
    assert code_of(raising(OSError(number, "x", "/data/out"))) == 1
    message = capsys.readouterr().err
    assert "/data/out" in message and message.count("\n") == 1


def test_disk_full_says_that_finished_files_are_kept(capsys):
    code_of(raising(OSError(errno.ENOSPC, "x", "/data/out")))
    assert "No space left on device" in (message := capsys.readouterr().err)
    assert "finished files are kept" in message


def test_bugs_keep_their_traceback():
    with pytest.raises(ZeroDivisionError):
        exit_cleanly(lambda: 1 // 0)
    with pytest.raises(OSError, match="x"):
        exit_cleanly(raising(OSError(errno.EBADF, "x")))


def test_closed_output_is_silent():
    code = "from ccfpse_tf.errors import exit_cleanly\n" + (
        "exit_cleanly(lambda: print('x\\n' * 100000))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    ) as process:
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
        assert process.wait() == 1


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("raise InputError('a.png is no image')", 2),
        ("raise KeyboardInterrupt", 130),
        ("raise SystemExit(2)", 2),
        ("print('x')", 1),
    ],
)
def test_closed_output_and_errors_keep_the_code(statement, code):
    """As `command 2>&1 | head` closes them."""
    program = (
        "from ccfpse_tf.errors import InputError, exit_cleanly\n"
        f"def main():\n  {statement}\n"
        "exit_cleanly(main)"
    )
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdout=write,
        stderr=write,
        cwd=Path(__file__).parents[1],
        check=False,
    )
    os.close(write)
    assert done.returncode == code


def test_a_process_without_output():
    """As `command >&- 2>&-` starts it: no file of ours becomes the output."""
    program = (
        "import os\nfrom ccfpse_tf.errors import exit_cleanly\n"
        "def main():\n  print('lost')\n  return os.open('.', os.O_RDONLY)\n"
        "exit_cleanly(main)"
    )
    command = shlex.join([sys.executable, "-c", program]) + " >&- 2>&-"
    done = subprocess.run(command, shell=True, cwd=Path(__file__).parents[1])
    assert done.returncode > 2  # the first descriptor that was free


def test_all_problems_are_listed_up_to_fifty():
    error = DataErrors([f"p{i}." for i in range(53)], "photos")
    lines = str(error).splitlines()
    assert lines[0] == "53 problems in photos:"
    assert lines[1] == "  p0." and lines[50] == "  p49."
    assert lines[51] == "  ... and 3 more" and len(lines) == 52


def test_one_problem_in_the_singular_and_pickling():
    error = pickle.loads(pickle.dumps(DataErrors(["a"], "photos")))
    assert str(error) == "1 problem in photos:\n  a"
    assert error.problems == ("a",)
