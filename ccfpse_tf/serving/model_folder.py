"""The folder of a model, looked at without TensorFlow."""

import contextlib
from pathlib import Path

from ccfpse_tf.errors import InputError


def check_folder(folder: Path) -> None:
    """Refuses what is not the folder of a model.

    Raises:
        InputError: no folder, or one that does not hold a version.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; export a model first")
    if not numbered(folder):
        inside = (folder / "saved_model.pb").is_file()
        advice = (
            f"this is one version of a model: name {folder.parent}"
            if inside
            else "expected DIR/1/saved_model.pb, as `export` writes it, or a run's "
            "config.json"
        )
        raise InputError(f"{folder}: does not hold a version; {advice}")


def numbered(folder: Path) -> dict[int, Path]:
    """Folders that are named by a number, as TensorFlow Serving takes them."""
    found = {}
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.name.isascii() and path.name.isdigit() and path.is_dir():
                found[int(path.name)] = path
    return found
