"""Writing a model as the next version of a served model."""

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from ccfpse_tf.errors import InputError
from ccfpse_tf.export.endpoints import Endpoints
from ccfpse_tf.export.signatures import signatures_of
from ccfpse_tf.files.atomic import name_folder

ASSETS = "assets.extra"


def save(endpoints: Endpoints, folder: Path) -> None:
    """Writes a SavedModel with all signatures.

    Not by ``keras.export.ExportArchive``: that attaches the Python functions, which are
    then traced once more while saving, and written twice.

    Args:
        endpoints: of the model.
        folder: to make.
    """
    traced = {
        name: signature.trace() for name, signature in signatures_of(endpoints).items()
    }
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(endpoints.weights.module, str(folder), traced, options)


def versions(base: Path) -> list[int]:
    """Returns the versions in a model's folder, ascending."""
    if not base.is_dir():
        return []
    names = [path.name for path in base.iterdir()]
    return sorted(int(name) for name in names if re.fullmatch("[0-9]+", name))


def write_version(
    base: Path,
    fill: Callable[[Path], None],
    name: Callable[[Path, int], None],
) -> Path:
    """Makes the next version of a model: filled aside, renamed when it is whole.

    Args:
        base: the model's folder, made if need be.
        fill: writes everything into the folder that it is given.
        name: writes what depends on the version's number, given too.

    Returns:
        The version's folder. No existing one is ever touched.

    Raises:
        InputError: ``base`` is a file.
    """
    if base.exists() and not base.is_dir():
        raise InputError(f"--out {base} is a file; name a folder")
    base.mkdir(parents=True, exist_ok=True)
    # Servers look for numbers only.
    aside = Path(tempfile.mkdtemp(prefix=".partial-", dir=base))
    try:
        fill(aside)
        aside.chmod(0o755)  # a server runs as another user
        return _rename_to_next(aside, base, name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _rename_to_next(aside, base, name):
    number = max(versions(base), default=0) + 1
    while True:
        name(aside, number)
        target = base / str(number)
        try:
            # An empty folder would be replaced: it is not ours, either.
            if not target.exists():
                name_folder(aside, target)
                return target
        except OSError:
            if not target.exists():
                raise
        number += 1
