"""Errors that a user can cause, and how a command line ends on them."""

from __future__ import annotations

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

    0 or what `main` returns; 2 for an `InputError`; 1 for a full or forbidden disk;
    130 when interrupted. These print one message and no traceback. Anything else
    is a bug of ours and keeps its traceback.
    """
    try:
        code = main() or 0
        sys.stdout.flush()
    except InputError as error:
        code = _complain(str(error), 2)
    except KeyboardInterrupt:
        code = _complain("interrupted; run the same command again to go on", 130)
    except BrokenPipeError:
        # The reader of our output has left (`| head`), so no message can reach it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:
        advice = _DISK_ADVICE.get(error.errno)
        if advice is None:
            raise
        place = error.filename if error.filename is not None else "the output"
        code = _complain(f"{os.strerror(error.errno)}: {place}; {advice}", 1)
    raise SystemExit(code)


def _complain(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code
