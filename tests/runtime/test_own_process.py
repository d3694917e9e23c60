"""Work in a process of its own."""

import os
import signal

import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.runtime.own_process import Answers, ask_module, call_alone


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


MODULE = """
import json, os, sys
request = json.load(sys.stdin)
print(json.dumps([request, os.environ.get("GIVEN"), os.environ.get("TAKEN")]))
print("1", flush=True)
if request == "end":
    os.kill(os.getpid(), 9)
if request == "wait":
    import time
    time.sleep(100)
print("2, which is cut", flush=True)
sys.exit("a\\nlast words\\n" if request == "fail" else 0)
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "asked_module.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("TAKEN", "x")
    return "asked_module"


def test_a_module_answers_until_it_ends(module):
    found = ask_module(module, {"a": 1}, {"GIVEN": "y", "TAKEN": None})
    assert found == Answers(0, [[{"a": 1}, "y", None], 1], "")
    assert ask_module(module, "end").code == -9
    assert ask_module(module, "end").lines == [["end", None, "x"], 1]
    failed = ask_module(module, "fail")
    assert failed.code == 1 and failed.complaint == "last words"


def test_a_module_that_takes_too_long(module):
    found = ask_module(module, "wait", seconds=1.0)
    assert found.code is None and found.lines == [["wait", None, "x"], 1]
