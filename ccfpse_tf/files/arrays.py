"""Reads and writes NumPy archives, and takes checked arrays out of them."""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.atomic import new_file

State = dict[str, np.ndarray]
_SHOWN = 4  # arrays that differ


def write_arrays(
    path: Path, arrays: Mapping[str, np.ndarray], compressed: bool = False
) -> None:
    """Writes a ``.npz``, whole or not at all.

    Raises:
        OSError: as the system reports it.
    """
    save = np.savez_compressed if compressed else np.savez
    # An open file: given a name, NumPy would append .npz.
    with new_file(path) as aside, open(aside, "wb") as file:
        save(file, **arrays)


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


def parse_arrays(content: bytes, most_bytes: int) -> State:
    """Reads all arrays of a ``.npz`` of foreign origin, which may claim any sizes.

    Args:
        content: of the file.
        most_bytes: that the arrays may take together.

    Raises:
        ValueError: if it is damaged, holds Python objects or takes more memory.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            claimed = sum(member.file_size for member in members)
            if claimed > most_bytes:
                raise ValueError(f"arrays of {claimed:,} bytes, at most {most_bytes:,}")
            # A member gives no more bytes than it claims.
            return {
                member.filename.removesuffix(".npy"): _array(archive.read(member))
                for member in members
            }
    except Exception as error:  # damaged archives break zipfile and NumPy in any place
        raise ValueError(str(error) or type(error).__name__) from error


def _array(content: bytes) -> np.ndarray:
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"an array of format {version}")
    read = f"read_array_header_{version[0]}_0"
    shape, in_columns, dtype = getattr(np.lib.format, read)(file)
    if dtype.kind not in "biuf":
        raise ValueError(f"an array of {dtype}, not of numbers")
    values = np.frombuffer(content, dtype, offset=file.tell())
    if min(shape, default=0) < 0 or math.prod(shape) != values.size:
        raise ValueError(f"an array of shape {shape} with {values.size} values")
    return values.reshape(shape, order="F" if in_columns else "C")


def variable_names(paths: Iterable[str]) -> list[str]:
    """Names variables by their place and their path in the network.

    Args:
        paths: of all variables, in their order. Keras numbers layers by process; these
            numbers are taken away.
    """
    return [
        f"{index:04}.{re.sub(r'_[0-9]+(?=[_/]|$)', '', path)}"
        for index, path in enumerate(paths)
    ]


def differing_shapes(
    found: Mapping[str, tuple], needed: Mapping[str, tuple]
) -> list[str]:
    """Returns a line for each of the first arrays that differ, and one for the rest.

    Args:
        found: shapes of the arrays that there are, by name.
        needed: shapes of those that there should be.
    """
    problems = [
        *(f"{name}: is missing" for name in needed.keys() - found.keys()),
        *(f"{name}: is not known" for name in found.keys() - needed.keys()),
        *(
            f"{name}: stored {found[name]}, needed {shape}"
            for name, shape in needed.items()
            if name in found and found[name] != shape
        ),
    ]
    listed = sorted(problems)[:_SHOWN]
    if len(problems) > _SHOWN:
        listed.append(f"and {len(problems) - _SHOWN} more")
    return listed


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
