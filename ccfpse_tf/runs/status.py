"""``status.json`` of a run: the progress of its training, for people and programs."""

import contextlib
import json
import math
import os
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ccfpse_tf.errors import Diverged, InputError
from ccfpse_tf.files.atomic import write_json

FILE_NAME = "status.json"
STATES = ("running", "done", "stopped", "failed", "diverged")
FIELDS = (
    "status",
    "step",
    "total_steps",
    "epoch",
    "losses",
    "images_per_second",
    "eta_seconds",
    "updated",
    "pid",
    "host",
    "error",
)


class Status:
    """Keeps the status of one run and writes it to its folder.

    If the status cannot be written, a note says so once, and the training goes on.

    Args:
        directory: the run folder. The values of an earlier process stay until they
            are updated.
    """

    def __init__(self, directory: Path):
        self.path = Path(directory) / FILE_NAME
        self.values = dict.fromkeys(FIELDS)
        with contextlib.suppress(InputError):
            self.values |= read_status(directory) or {}
        self._complained = False

    def update(self, **values) -> None:
        """Notes values of ``FIELDS``, to be written by the next :meth:`write`."""
        unknown = values.keys() - set(FIELDS)
        if unknown:
            raise TypeError(f"status has no fields {sorted(unknown)}")
        self.values |= values

    def write(self) -> None:
        """Writes the file: readers never see half of it."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.update(updated=now, pid=os.getpid(), host=socket.gethostname())
        try:
            write_json(self.path, _plain(self.values))
        except OSError as error:
            self._complain(error)

    @contextlib.contextmanager
    def recorded(self) -> Iterator["Status"]:
        """Writes "running", and at the end how the training ended."""
        self.update(status="running", error=None, eta_seconds=None)
        self.write()
        try:
            yield self
        except BaseException as error:
            self._end(_state_after(error), _message(error))
            raise
        self._end("done", None)

    def _end(self, state, error):
        self.update(status=state, error=error, eta_seconds=None)
        self.write()

    def _complain(self, error):
        if not self._complained:
            print(
                f"note: {self.path} cannot be written ({error.strerror}); the training "
                "goes on, but `ccfpse runs` will not show its progress",
                file=sys.stderr,
            )
        self._complained = True


def read_status(directory: Path) -> dict | None:
    """Returns the fields that a run's status holds; None without a file.

    Raises:
        InputError: a file that is damaged, or cannot be read.
    """
    path = Path(directory) / FILE_NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    if not isinstance(values, dict) or values.get("status") not in STATES:
        raise InputError(f"{path} is damaged: 'status' is none of {', '.join(STATES)}")
    values = {name: values.get(name) for name in FIELDS}
    for name, value in values.items():
        if not _fits(name, value):
            raise InputError(f"{path} is damaged: {name} is {value!r}")
    return values


def _fits(name, value):
    if name == "updated":
        return _is_time(value)
    if name in ("host", "error", "status"):
        return isinstance(value, str | None)
    if name == "losses" and isinstance(value, dict):
        return all(_fits("loss", loss) for loss in value.values())
    return isinstance(value, int | float | None)


def _is_time(value):
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _plain(value):
    """Replaces infinity and NaN by null, as JSON does not have them."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, str | int | None):
        return value
    return float(value) if math.isfinite(value) else None


def _state_after(error):
    if isinstance(error, Diverged):
        return "diverged"
    stopped = isinstance(error, KeyboardInterrupt | SystemExit)
    return "stopped" if stopped else "failed"


def _message(error):
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return None
    name = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
    return f"{name}{error}"[:2000]
