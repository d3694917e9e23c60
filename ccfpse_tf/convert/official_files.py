"""Finds and reads the official files of one model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ccfpse_tf.convert.infer import check_finite, check_kind
from ccfpse_tf.data.find_files import is_leftover
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.digests import sha256_of_files
from ccfpse_tf.files.pytorch import read_tensors

LETTERS = {"generator": "G", "discriminator": "D", "encoder": "E"}
_NAME = re.compile(r"(.+)_net_G\.pth")


@dataclass(frozen=True)
class OfficialFile:
    """One official file, read."""

    path: Path
    sha256: str
    state: Mapping[str, np.ndarray]


def find_files(
    path: Path,
    discriminator: Path | None = None,
    encoder: Path | None = None,
    epoch: str | None = None,
) -> dict[str, Path]:
    """Returns the files of ``"generator"`` and of the other networks that there are.

    Args:
        path: the generator's file, or a folder with ``*_net_{G,D,E}.pth``.
        discriminator: its file, instead of the folder's.
        encoder: its file, instead of the folder's.
        epoch: which of a folder's models, such as ``"latest"`` or ``"50"``.

    Raises:
        InputError: no generator in the folder, or several and no ``epoch``.
    """
    path = Path(path)
    named = {"discriminator": discriminator, "encoder": encoder}
    named = {kind: Path(file) for kind, file in named.items() if file}
    if not path.is_dir():
        if epoch:
            raise InputError(f"--epoch {epoch}: is for a folder, and {path} is not one")
        return {"generator": path} | named
    epochs = sorted(
        match[1]
        for file in path.iterdir()
        if (match := _NAME.fullmatch(file.name)) and not is_leftover(file.name)
    )
    if not epochs:
        raise InputError(f"{path}: lacks *_net_G.pth; name the generator's file")
    if epoch is None and len(epochs) > 1 or epoch and epoch not in epochs:
        raise InputError(
            f"{path}: "
            + (f"has no epoch {epoch}" if epoch else "holds several epochs")
            + f"; choose one with --epoch: {', '.join(epochs)}"
        )
    epoch = epoch or epochs[0]
    files = {
        kind: path / f"{epoch}_net_{letter}.pth" for kind, letter in LETTERS.items()
    }
    return {kind: file for kind, file in files.items() if file.is_file()} | named


def read_official_file(path: Path, kind: str) -> OfficialFile:
    """Reads a file and checks that it holds a network of this kind.

    Raises:
        InputError: an unreadable file, another network, weights that are not finite.
    """
    state = read_tensors(path)
    check_kind(state, kind, str(path))
    check_finite(state, str(path))
    return OfficialFile(path, sha256_of_files(path), state)
