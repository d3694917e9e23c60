"""``ccfpse unlock``: clears locks that a machine which is gone has left."""

from pathlib import Path

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.atomic import new_file
from ccfpse_tf.files.locks import RECORDS_LOCK, RUN_LOCK, is_held, read_holder


def unlock(folder: Path) -> list[str]:
    """Clears the locks of a folder whose holders are gone; returns what was done.

    Raises:
        InputError: no such folder, or a holder that is alive or unknown.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; name a run or a folder of records")
    paths = [folder / name for name in (RUN_LOCK, RECORDS_LOCK)]
    held = [path for path in paths if is_held(path)]
    return [_clear(path) for path in held] or [f"{folder} is not locked"]


def _clear(path):
    """Puts a new file in the place of the locked one, which is then without effect."""
    holder = read_holder(path)
    if holder is None:
        raise InputError(
            f"{path} is locked, and does not say by whom: find the process with "
            f"`fuser {path}` and stop it; if no machine has one, delete the file"
        )
    if holder.lives_here():
        raise InputError(
            f"{path} is held by a living process, {holder}: stop it with "
            f"`kill {holder.pid}`, which frees the lock"
        )
    with new_file(path) as aside:
        aside.touch()
    return (
        f"{path}: cleared; it was held by {holder}. Make sure that this process is "
        "gone before you start another one here"
    )
