"""The end of a process in which a thread still works."""

import signal
import subprocess
import sys

import pytest

from tests.serving.running import COMMAND

# What `atexit` calls belongs to Python's own end, which a library may not survive.
PROGRAM = """\
import atexit, sys, time
from ccfpse_tf.serving.background import leave, start
atexit.register(print, "Python's own end")
if sys.argv[1] == "works":
    start(lambda: time.sleep(600), "load")
print("said before")
leave(3)
print("nothing works")
"""


@pytest.mark.parametrize(
    ("thread", "code", "said"),
    [("works", 3, "said before\n"), ("none", 0, "said before\nnothing works\nPython")],
)
def test_a_process_is_left_at_once_where_a_thread_works(thread, code, said):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, thread], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.startswith(said) and (code == 0) == ("Python's" in done.stdout)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_may_be_stopped_while_it_loads(models, number):
    process = subprocess.Popen(
        [*COMMAND, "serve", str(models), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().startswith("serving palette")
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 0, error  # TensorFlow may have said something, too
