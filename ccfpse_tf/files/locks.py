"""Exclusive locks on folders, which the kernel frees when their holder dies.

The lock is filelock's, on a hidden file that also names its holder as JSON: ``flock``
on Unix, ``LockFileEx`` on Windows. The kernel frees it when the process ends in any
way. Only if the file system keeps it for a machine that is gone (NFS), it has to be
cleared by ``ccfpse unlock``.
"""

import contextlib
import dataclasses
import errno
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ccfpse_tf.errors import InputError

RUN_LOCK = ".train.lock"
RECORDS_LOCK = ".prepare.lock"
TRAINING = "another training is running"  # in messages about the first one
# `is_held` takes a lock for an instant, which must not stop a training.
PATIENCE = 0.5  # seconds
_LOOK = 0.01  # seconds
# What file systems without locks answer: NFS without lock service, Lustre, some FUSE.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}

# On Windows the lock is on the file's first byte, which nobody else can read then. The
# note of the holder begins with a space there. An open file cannot be removed.
_WINDOWS = sys.platform == "win32"

_held: set[int] = set()


@dataclasses.dataclass(frozen=True)
class Holder:
    """The process that holds a lock, as noted by itself."""

    pid: int
    host: str
    started: str  # ISO time in UTC
    command: str

    def lives_here(self) -> bool:
        """Returns whether it is a living process of this machine."""
        if self.host != socket.gethostname():
            return False
        if _WINDOWS:
            return True  # cannot be asked there; the locks of dead processes are freed
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # a process of another user
        return True

    def __str__(self):
        return f"pid {self.pid} on {self.host} since {self.started} ({self.command})"


@contextlib.contextmanager
def locked(path: Path, doing: str) -> Iterator[None]:
    """Holds the lock file ``path``; makes its folder, and removes it if left empty.

    Args:
        path: a hidden file in the folder that only one process may use.
        doing: what another holder does there, such as "another run is writing".

    Raises:
        InputError: another process holds it (names it, and the way out), or a file
            has the name of the folder.
        OSError: a folder that cannot be written.
    """
    made = _make(path.parent)
    descriptor = None
    try:
        descriptor = _acquire(path, doing)
        _held.add(descriptor)
        _note(descriptor)
        yield
    finally:
        _release(path, descriptor, made)


def is_held(path: Path) -> bool:
    """Returns whether a process holds the lock, on this machine or on another.

    On a file system without locks, returns whether the noted holder may be alive.
    """
    try:
        if _is_free(path):
            return False
        time.sleep(_LOOK)  # another process may just be looking, too
        return not _is_free(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        noted = read_holder(path)
        here = noted is not None and noted.host == socket.gethostname()
        return noted.lives_here() if here else noted is not None


def refuse_if_held(path: Path, doing: str) -> None:
    """Raises what :func:`locked` would raise, before anything costly is begun."""
    if is_held(path):
        raise InputError(_refusal(path, doing))


def read_holder(path: Path) -> Holder | None:
    """Returns the holder that was noted last, or None where that cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            file.seek(1 if _WINDOWS else 0)
            values = json.loads(file.read())
        fields = [values[field.name] for field in dataclasses.fields(Holder)]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Holder(*fields) if isinstance(fields[0], int) else None


def _make(folder):
    """Makes a folder; returns the folders that it had to make, the innermost first."""
    missing = []
    for part in (folder, *folder.parents):
        if part.exists():
            if not part.is_dir():
                raise InputError(f"{part} is a file; name a folder")
            break
        missing.append(part)
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _acquire(path, doing):
    """Opens the file and locks it; it still has this name when the lock is taken."""
    deadline = time.monotonic() + PATIENCE
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if _may_take(path, descriptor) and _is_named(path, descriptor):
                return descriptor
            if time.monotonic() > deadline:
                raise InputError(_refusal(path, doing))
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        time.sleep(PATIENCE / 10)


def _may_take(path, descriptor):
    try:
        return _lock(descriptor)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        holder = read_holder(path)
        if holder and holder.lives_here():
            return False
        print(
            f"note: {path.parent}: this file system lacks locks ({error.strerror}); "
            "make sure yourself that only one process writes there",
            file=sys.stderr,
        )
        return True


def _lock(descriptor):
    """Locks the file; returns whether the lock was free."""
    import filelock

    return filelock.lock_descriptor(descriptor, blocking=False)


def _is_free(path):
    """Returns whether the lock can be taken; gives it back at once."""
    try:
        descriptor = os.open(path, os.O_RDWR)  # NFS locks only what may be written
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        descriptor = os.open(path, os.O_RDONLY)
    try:
        return _lock(descriptor)
    finally:
        os.close(descriptor)


def _is_named(path, descriptor):
    """Returns whether the open file still has this name, and was not replaced."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _note(descriptor):
    """Notes the holder in the file; the lock holds even where the disk is full."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    holder = Holder(os.getpid(), socket.gethostname(), now, " ".join(sys.argv))
    with contextlib.suppress(OSError):
        os.truncate(descriptor, 0)
        os.write(descriptor, f" {json.dumps(dataclasses.asdict(holder))}\n".encode())


def _release(path, descriptor, made):
    if descriptor is not None and descriptor not in _held:
        return  # a forked child, whose parent holds the lock
    if descriptor is not None:
        _held.discard(descriptor)
        with contextlib.suppress(OSError):
            if _is_named(path, descriptor):
                path.unlink()
        os.close(descriptor)
        if _WINDOWS:  # fails, as it should, where another process has opened it
            with contextlib.suppress(OSError):
                path.unlink()
    with contextlib.suppress(OSError):
        for folder in made:
            folder.rmdir()  # fails, as it should, where something was written


def _forget():
    """Closes the parent's lock files in a forked child."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _refusal(path, doing):
    holder = read_holder(path)
    who = f": {holder}" if holder else ""
    return (
        f"{path.parent}: {doing} there{who}; wait for it to end, or stop it. If its "
        f"machine is gone and the lock stays: ccfpse unlock {path.parent}"
    )
