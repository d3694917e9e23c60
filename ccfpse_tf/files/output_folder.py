"""Checks of the folders that commands write their results to."""

from pathlib import Path

from ccfpse_tf.errors import InputError

MARKER = "generated.json"  # marks a folder that `generate` wrote


def check_out(out: Path, marker: str = MARKER, command: str = "generate") -> None:
    """Checks that ``--out`` is new, empty or made by ``command``, as ``marker`` tells.

    Raises:
        InputError: the folder holds other files, is a file, or is or holds the working
            folder.
    """
    refuse_working_folder(out)
    if out.is_dir() and any(out.iterdir()) and not (out / marker).exists():
        raise _foreign(out, command)
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; name a folder")


def refuse_working_folder(out: Path) -> None:
    """Checks that a folder can be replaced: nobody works in it.

    Raises:
        InputError: it is the working folder, or holds it.
    """
    if Path.cwd().is_relative_to(out.resolve()):
        raise InputError(
            f"--out {out}: this folder would be replaced while you are in it; name "
            f"another one, such as {out / 'NAME'}"
        )


def refuse_existing(out: Path, option: str) -> None:
    """Checks that the name of a file or folder to make is free.

    Args:
        out: the name.
        option: of the command line that gave it, for the message.

    Raises:
        InputError: something has the name.
    """
    if out.exists():
        raise InputError(
            f"{option} {out}: exists already; name a new one, nothing in this one is "
            "touched"
        )


def check_resumable(
    out: Path, marker: str, command: str, beside: str | None = None
) -> None:
    """Checks that a folder is empty, or one that ``command`` goes on with.

    Args:
        out: a folder. Hidden files in it do not count: its lock is there already.
        marker: file that ``command`` writes there before any other.
        command: that writes the folder.
        beside: a file that may be there without the marker.

    Raises:
        InputError: the folder holds other files.
    """
    names = {path.name for path in out.iterdir() if not path.name.startswith(".")}
    there = names - {beside}
    if there and not (out / marker).exists():
        raise _foreign(out, command)


def _foreign(out, command):
    return InputError(
        f"--out {out} holds files that `{command}` did not write; name another "
        "folder, nothing in this one is touched"
    )
