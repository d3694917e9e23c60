"""Signals that end a process as Ctrl-C does, so that it can clear up behind itself."""

import contextlib
import signal
import threading
from collections.abc import Iterator

ALWAYS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Makes SIGTERM and SIGHUP raise ``KeyboardInterrupt`` as Ctrl-C does.

    In the main thread, as Python allows it there only. SIGHUP stays ignored under
    ``nohup``; SIGINT counts also in a script's background jobs, which begin with it
    ignored. The handlers are put back at the end, whatever has replaced them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows lacks the last one
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if number in ALWAYS or handler is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # it was not Python's
                signal.signal(number, handler)
