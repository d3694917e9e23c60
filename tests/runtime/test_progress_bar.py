"""The progress bar, on terminals and elsewhere."""

import io
import re
import sys

import pytest

from ccfpse_tf.runtime.progress_bar import track
from tests.screen import Terminal


@pytest.fixture
def terminal(monkeypatch):
    """Makes standard output and error one terminal of 80 columns, when called."""

    def use():
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setenv("TERM", "xterm")
        terminal = Terminal()
        monkeypatch.setattr("sys.stdout", terminal)
        monkeypatch.setattr("sys.stderr", terminal)
        return terminal

    # Not here: pytest itself sets the streams between a fixture and its test.
    return use


def test_a_terminal_gets_a_bar(terminal):
    terminal = terminal()
    assert list(track(iter("abc"), 3, "writing")) == list("abc")
    assert "\r" in terminal.getvalue()
    bar, after = terminal.screen()
    assert re.fullmatch(r"━{30} writing: 3/3, [\d.]+ images/s", bar) and after == ""


def test_what_others_print_stands_above_the_bar(terminal):
    terminal = terminal()
    for item in track(iter("abc"), 3, "writing [it]"):
        print(f"[red]{item} :smile:", file=sys.stderr)
    *lines, bar, after = terminal.screen()
    assert lines == [f"[red]{item} :smile:" for item in "abc"]
    assert "writing [it]: 3/3, " in bar and after == ""
    assert sys.stderr is sys.stdout is terminal


def test_an_error_leaves_the_bar_as_far_as_it_came(terminal):
    terminal = terminal()
    with pytest.raises(ZeroDivisionError):
        for item in track([1, 0], 2, "dividing"):
            1 / item
    assert re.fullmatch(r".* dividing: 2/2, [\d.]+ images/s", terminal.screen()[0])
    assert sys.stdout is terminal


@pytest.mark.parametrize("kind", ["file", "dumb terminal"])
def test_elsewhere_plain_lines(kind, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    plain = io.StringIO() if kind == "file" else Terminal()
    assert list(track(iter("abc"), 3, "writing", plain)) == list("abc")
    assert re.fullmatch(r"writing: 3/3, [\d.]+ images/s\n", plain.getvalue())
