"""Reads and writes NumPy archives, and takes checked arrays out of them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.atomic import new_file

State = dict[str, np.ndarray]


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes a ``.npz``, whole or not at all.

    Raises:
        OSError: as the system reports it.
    """
    # An open file: given a name, NumPy would append .npz.
    with new_file(path) as aside, open(aside, "wb") as file:
        np.savez(file, **arrays)


def read_arrays(path: Path) -> State:
    """Reads all arrays of a ``.npz``.

    Raises:
        InputError: if it is missing, damaged or holds Python objects.
    """
    try:
        with open(path, "rb") as file:  # NumPy leaves damaged ones open
            arrays = np.load(file, allow_pickle=False)
            return {name: arrays[name] for name in arrays.files}
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    # AttributeError: a bare .npy, which np.load gives back as an array.
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} is not a readable .npz file ({error}); delete it and run again"
        ) from error


def take(state: Mapping[str, np.ndarray], kind: str, **shapes) -> list[np.ndarray]:
    """Takes arrays out of a state, if they are there with the rank they need.

    Args:
        state: arrays by name.
        kind: whose state it is, for the message.
        shapes: ``name=(size, ...)``; a size of None stands for any.

    Returns:
        The arrays in the order of ``shapes``.

    Raises:
        InputError: naming the array that is missing or has another shape.
    """
    taken = []
    for name, shape in shapes.items():
        if name not in state:
            raise InputError(f"{kind}: the saved state has no {name!r}")
        found = np.asarray(state[name])
        if len(found.shape) != len(shape) or any(
            wanted not in (None, size)
            for wanted, size in zip(shape, found.shape, strict=True)
        ):
            raise InputError(
                f"{kind}: the saved {name!r} has the shape {found.shape}, not {shape}"
            )
        taken.append(found)
    return taken
