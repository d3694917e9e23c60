"""Threads that nobody waits for, and the end of a process that has one."""

import contextlib
import os
import sys
import threading
from collections.abc import Callable


def start(work: Callable[[], None], name: str) -> None:
    """Calls a function in a thread that does not keep the process from ending.

    Args:
        work: may be within a library's own code, such as TensorFlow's, for long.
        name: of the thread.
    """
    _Background(target=work, name=name, daemon=True).start()


def leave(code: int) -> None:
    """Ends this process here if such a thread still works; returns otherwise.

    Python's own end takes the interpreter from under the thread, and a library that
    comes back to it then aborts the whole process. What is left out with it are
    functions of `atexit` and buffers of open files: no thread of ours needs them.

    Args:
        code: the exit code of the process.
    """
    if not any(isinstance(one, _Background) for one in threading.enumerate()):
        return
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)


class _Background(threading.Thread):
    """Marks the threads that are started here."""
