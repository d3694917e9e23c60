"""Errors that a user can cause, and how a command line ends on them."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterable
from typing import NoReturn

SHOWN_PROBLEMS = 50

_DISK_ADVICE = {
    errno.ENOSPC: (
        "free space and run the same command again: finished files are kept"
    ),
    errno.EDQUOT: (
        "free part of the quota and run the same command again: finished files are kept"
    ),
    errno.EFBIG: "raise the limit on file sizes (ulimit -f), or name another folder",
    errno.EACCES: "check the permissions, or name another folder",
    errno.EPERM: "check the permissions, or name another folder",
    errno.EROFS: "name a folder on a disk that can be written",
    errno.EIO: "the disk reports a fault; copy the data elsewhere and run again",
}


class InputError(ValueError):
    """An error that the user can cause and correct.

    The message names the file or option, the value found, the values allowed and
    the way out. Command lines print it without a traceback (`exit_cleanly`).
    """


class Diverged(InputError):
    """A training whose losses, gradients or weights are not finite any more."""


class DataErrors(InputError):
    """All problems of a data set at once.

    Args:
        problems: one line each.
        heading: what was being checked, for the first line.

    The message shows the first 50 problems and counts the rest.
    """

    def __init__(self, problems: Iterable[str], heading: str = "the data") -> None:
        self.problems = tuple(problems)
        self.heading = heading
        count = len(self.problems)
        lines = [f"{count} problem{'s' if count != 1 else ''} in {heading}:"]
        lines += [f"  {problem}" for problem in self.problems[:SHOWN_PROBLEMS]]
        if count > SHOWN_PROBLEMS:
            lines.append(f"  ... and {count - SHOWN_PROBLEMS} more")
        super().__init__("\n".join(lines))

    def __reduce__(self):
        # Exceptions rebuild themselves from the message alone; worker processes
        # must hand back the list.
        return type(self), (self.problems, self.heading)


def exit_cleanly(main: Callable[[], int | None]) -> NoReturn:
    """Runs a command line and leaves the process with its exit code.

    0 or what `main` returns; 2 for an `InputError`; 1 for a full or forbidden disk, or
    where the reader of the output has left; 130 when interrupted. These print at most
    one message and no traceback. Anything else is a bug of ours and keeps its
    traceback.
    """
    _replace_missing_streams()
    try:
        code = _code_of(main)
        if not code:
            sys.stdout.flush()
    except InputError as error:
        code = _complain(str(error), 2)
    except KeyboardInterrupt as error:
        message = str(error) or "interrupted; run the same command again to go on"
        code = _complain(message, 130)
    except BrokenPipeError:
        code = 1  # the reader of our output has left (`| head`): no message reaches it
    except OSError as error:
        advice = _DISK_ADVICE.get(error.errno)
        if advice is None:
            raise
        place = error.filename if error.filename is not None else "the output"
        code = _complain(f"{os.strerror(error.errno)}: {place}; {advice}", 1)
    _discard_unread()
    raise SystemExit(code)


def _code_of(main):
    try:
        return main() or 0
    except SystemExit as end:  # of argparse, after --help or a wrong option
        return end.code


def _complain(message: str, code: int) -> int:
    with contextlib.suppress(OSError):
        print(f"error: {message}", file=sys.stderr, flush=True)
    return code


def _replace_missing_streams():
    """Gives a process that was started without them (`>&-`) streams to nowhere.

    Otherwise the first file that is opened would become its output.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))


def _discard_unread():
    """Drops what nobody can read any more; Python would complain when it ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
