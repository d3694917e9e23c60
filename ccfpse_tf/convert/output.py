"""Folders that appear whole or not at all."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.atomic import flush


@contextlib.contextmanager
def new_folder(out: Path, option: str) -> Iterator[Path]:
    """A folder to write into, which gets its name when the context ends well.

    Args:
        out: the name; nothing has it yet.
        option: that gave it, for messages.

    Raises:
        InputError: something has the name.
    """
    out = Path(out)
    if out.exists():
        raise InputError(
            f"{option} {out}: exists already; name a new folder, nothing in this one "
            "is touched"
        )
    aside = out.with_name(f".{out.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)  # of a conversion that was killed
    aside.mkdir(parents=True)
    try:
        yield aside
        flush(aside)
        os.rename(aside, out)
        flush(out.parent)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
