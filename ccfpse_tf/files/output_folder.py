"""Folders of drawn images: written aside, renamed when whole, never mixed."""

import shutil
from pathlib import Path

from ccfpse_tf.errors import InputError

MARKER = "generated.json"  # tells such a folder from anybody else's


def check_out(out: Path) -> None:
    """Checks that ``--out`` is new, empty or made by ``generate``.

    Raises:
        InputError: something else is there.
    """
    if out.is_dir() and any(out.iterdir()) and not (out / MARKER).exists():
        raise InputError(
            f"--out {out} holds files that `generate` did not write; name another "
            "folder, nothing in this one is touched"
        )
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; name a folder")


def fresh_aside(out: Path) -> Path:
    """Returns where to write meanwhile, without what a killed run has left there."""
    aside = out.with_name(f".{out.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    return aside


def replace(aside: Path, out: Path) -> None:
    """Gives what was written aside its name; what had the name before goes."""
    previous = out.with_name(f".{out.name}.previous")
    shutil.rmtree(previous, ignore_errors=True)
    if out.exists():
        out.rename(previous)
    aside.rename(out)
    shutil.rmtree(previous, ignore_errors=True)
