"""Files and folders that appear whole or not at all.

They are written under a hidden name in the same folder, `.NAME.partial`, flushed to the
disk, and renamed. Readers never see half a file, and a killed process leaves only the
hidden name, which the next writer of the same name replaces.
"""

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# Windows flushes only files that are open for writing, and no folders; and it renames
# nothing to the name of an empty folder.
_WINDOWS = sys.platform == "win32"


def flush(path: Path) -> None:
    """Flushes a file, or a folder's list of names, to the disk.

    Otherwise a rename can reach the disk before the data does.

    Raises:
        OSError: as the system reports it.
    """
    if _WINDOWS and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR if _WINDOWS else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Gives a hidden path to write to; the file gets its name when the block ends.

    A file that has the name already is replaced then. It stays as it was if the block
    raises anything, and what was written is removed.

    Args:
        path: the file to make, in a folder that exists.

    Raises:
        OSError: as the system reports it.
    """
    path = Path(path)
    aside = _hidden(path, "partial")
    try:
        yield aside
        flush(aside)
        os.replace(aside, path)
        flush(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file, whole or not at all.

    Raises:
        OSError: as the system reports it.
    """
    text = json.dumps(content, indent=1)
    with new_file(path) as aside:
        aside.write_text(text + "\n", encoding="utf-8")


@contextlib.contextmanager
def new_folder(path: Path, replace: bool = False) -> Iterator[Path]:
    """Gives a hidden, empty folder to fill; it gets its name when the block ends.

    If the block raises anything, what was written is removed.

    Args:
        path: the folder to make; its parents are made, too.
        replace: whether the new folder replaces one of this name when it is whole. The
            old one stays as it was if the block raises anything, and is restored if an
            earlier process was killed between the two renames.

    Raises:
        OSError: as the system reports it; also if something other than an empty folder
            has the name, and ``replace`` is False.
    """
    path = Path(path)
    aside, previous = _hidden(path, "partial"), _hidden(path, "previous")
    if replace and previous.exists() and not path.exists():
        os.rename(previous, path)
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        yield aside
        if replace and path.exists():
            shutil.rmtree(previous, ignore_errors=True)
            os.rename(path, previous)
        try:
            name_folder(aside, path)
        except BaseException:
            if previous.exists() and not path.exists():
                os.rename(previous, path)
            raise
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    shutil.rmtree(previous, ignore_errors=True)


def name_folder(aside: Path, path: Path) -> None:
    """Flushes a folder and everything in it to the disk, and renames it.

    Raises:
        OSError: as the system reports it; also if something other than an empty folder
            has the name ``path``.
    """
    for part in (*aside.rglob("*"), aside):
        flush(part)
    if _WINDOWS:
        with contextlib.suppress(OSError):
            path.rmdir()  # only an empty one
    os.rename(aside, path)
    flush(path.parent)


def _hidden(path, ending):
    return path.with_name(f".{path.name}.{ending}")
