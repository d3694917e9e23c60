"""Work in a process of its own."""

import os
import signal

import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.runtime.own_process import call_alone


def process_of(text):
    if not text:
        raise InputError("no text")
    if text == "end":
        os.kill(os.getpid(), signal.SIGKILL)
    return text, os.getpid()


def test_results_and_errors():
    text, process = call_alone("a task", process_of, "abc")
    assert text == "abc" and process != os.getpid()
    with pytest.raises(InputError, match="^no text$"):
        call_alone("a task", process_of, "")
    with pytest.raises(InputError, match="^a task: its process was ended .* memory"):
        call_alone("a task", process_of, "end")
