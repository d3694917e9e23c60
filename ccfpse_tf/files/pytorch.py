"""Tensors in PyTorch's files, without running anything that is in them.

PyTorch is imported inside of the functions, as only users of its zip files need it
(``pip install 'ccfpse-tf[convert]'``).
"""

import errno
import lzma
import pickle
import re
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.files import pytorch_legacy
from ccfpse_tf.files.restricted_pickle import Damaged, Forbidden

FORMATS = ("zip", "legacy")
_ZIP = b"PK\x03\x04"  # the first bytes of a zip file; all others are in legacy format
_KEPT = ("float32", "int64", "int32", "uint8", "bool")
_DAMAGED = "is damaged, or not a file that PyTorch wrote"
_AGAIN = "download or copy it again, and compare its size with the original's"
_AS_FLOATS = "torch.save({name: x.float() for name, x in state.items()}, path)"

# What zipfile raises on damage. RuntimeError: a member that is said to be encrypted;
# ValueError: a name that is not Unicode, or a size below zero.
_BAD_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    RuntimeError,
)


def read_tensors(path: str | Path, wrapped: bool = False) -> dict[str, np.ndarray]:
    """Reads a flat dictionary of tensors, as ``torch.save(net.state_dict())`` wrote it.

    Both of PyTorch's formats are read, from any device's tensors; the legacy one
    without PyTorch. The unpicklers make tensors and containers only, so that no code in
    a file runs.

    Args:
        path: a ``.pth`` file.
        wrapped: whether the dictionary may stand under ``state_dict`` in a training
            checkpoint, and its names may begin with ``module.``, which stays.

    Returns:
        Names to arrays in the file's order: float32, or whole numbers.

    Raises:
        InputError: no such file, a damaged one, one that holds other objects (or
            code), tensors of another precision, names of a wrapped network; a zip file
            without PyTorch.
    """
    path = Path(path)
    _check_file(path)
    with open(path, "rb") as file:
        is_zip = file.read(len(_ZIP)) == _ZIP
    return (_read_zip if is_zip else _read_legacy)(path, wrapped)


def _read_zip(path, wrapped):
    torch = require_torch(path)
    _check_sums(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(f"{path}: {_refusal(error)}") from None
    except Exception as error:  # RuntimeError, EOFError, KeyError: the reader's whims
        if _of_the_disk(error):
            raise
        raise InputError(_damage(path, _first_sentence(error))) from None

    def facts(tensor):
        return str(tensor.dtype).removeprefix("torch."), str(tensor.layout)

    state = _checked(path, content, torch.Tensor, facts, wrapped)
    # Copies: what PyTorch gives may share its memory.
    return {name: np.array(tensor.detach().numpy()) for name, tensor in state.items()}


def _read_legacy(path, wrapped):
    file = path.read_bytes()

    def facts(tensor):
        return tensor.storage.kind.name, "torch.strided"

    try:
        content = pytorch_legacy.load(file)
        state = _checked(path, content, pytorch_legacy.Tensor, facts, wrapped)
        return pytorch_legacy.arrays(file, state)
    except Forbidden as error:
        raise InputError(f"{path}: {_more_than_tensors(error)}") from None
    except Damaged as error:
        raise InputError(_damage(path, error)) from None


def write_tensors(
    path: str | Path, state: Mapping[str, np.ndarray], form: str = "zip"
) -> None:
    """Writes arrays as ``torch.save`` does an ordered state dictionary.

    Module versions are written in ``_metadata``, without which old releases of PyTorch
    take a spectral norm for one of before 1.0. The caller handles half-written files.

    Args:
        path: the file.
        state: names to arrays, in the order to write.
        form: ``"zip"``, or ``"legacy"``, which PyTorch before 1.6 reads, too.

    Raises:
        InputError: no PyTorch, another format.
    """
    if form not in FORMATS:
        raise InputError(f"--format {form}: choose {' or '.join(FORMATS)}")
    torch = require_torch(path)
    content = OrderedDict(
        # Without reshape, from_numpy would turn a scalar into a vector.
        (name, torch.from_numpy(np.array(value, order="C")).reshape(value.shape))
        for name, value in state.items()
    )
    content._metadata = _versions(state)
    torch.save(content, path, _use_new_zipfile_serialization=form == "zip")


def require_torch(wanted_by: object):
    """Returns the module ``torch``.

    Args:
        wanted_by: the file or the option that needs it, for the message.

    Raises:
        InputError: it is not installed.
    """
    try:
        import torch
    except ImportError:
        raise InputError(
            f"{wanted_by}: reading or writing it needs PyTorch; "
            "pip install 'ccfpse_tf[convert]'"
        ) from None
    return torch


def _check_file(path):
    if path.is_dir():
        raise InputError(f"{path}: is a folder, not a .pth file")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if not path.stat().st_size:
        raise InputError(f"{path}: is empty; download or copy it again")


def _check_sums(path):
    """Finds flipped bits, which PyTorch would read as other weights."""
    if not zipfile.is_zipfile(path):
        return  # PyTorch says what is wrong
    try:
        with zipfile.ZipFile(path) as file:
            wrong = file.testzip()
    except (OSError, *_BAD_ARCHIVE) as error:
        if _of_the_disk(error):
            raise
        wrong = _first_sentence(error)
    if wrong:
        raise InputError(_damage(path, f"checksum of {wrong}"))


def _damage(path, reason):
    return f"{path}: {_DAMAGED} ({reason}); {_AGAIN}"


def _of_the_disk(error):
    # EINVAL is of an archive that names a place before the file's beginning.
    return isinstance(error, OSError) and error.errno != errno.EINVAL


def _first_sentence(error):
    # What follows in PyTorch's messages is advice, such as to switch its checks off.
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return re.split(r"\. |, which", lines[0])[0][:200]


def _refusal(error):
    # torch.load names what a pickle wanted to import, or to call.
    found = re.search(r"(?:GLOBAL|class|global) ([\w.]+\.[\w.]+)", str(error))
    if found:
        return _more_than_tensors(found[1])
    return f"{_DAMAGED}; nothing in it was run; {_AGAIN}"


def _more_than_tensors(name):
    return (
        f"holds more than tensors: its pickle asks for {name}. Nothing in it was run. "
        "If you trust its source, load it in PyTorch yourself and save "
        "net.state_dict() alone; else delete it"
    )


def _checked(path, content, tensor_type, facts, may_be_wrapped):
    """Returns names and tensors, for which ``facts`` gives the type and the layout."""
    if may_be_wrapped and isinstance(content, dict):
        content = content.get("state_dict", content)
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: holds one {type(content).__name__}, not names and tensors; save "
            "net.state_dict() in PyTorch"
        )
    others = [name for name, x in content.items() if not isinstance(x, tensor_type)]
    if others or not content:
        kinds = [f"{name!r} ({type(content[name]).__name__})" for name in others[:5]]
        raise InputError(
            f"{path}: is not a flat dictionary of tensors; it holds "
            f"{', '.join(kinds) or 'nothing'}; if the weights are inside of one of "
            "these, save that one alone, by torch.save(content[NAME], path)"
        )
    if not all(isinstance(name, str) for name in content):
        raise InputError(f"{path}: has tensors without a name; save net.state_dict()")
    wrapped = [name for name in content if name.startswith("module.")]
    if wrapped and not may_be_wrapped:
        raise InputError(
            f"{path}: the names begin with 'module.' ({wrapped[0]}): the network was "
            "saved inside of DataParallel; save net.module.state_dict(), or "
            "{name.removeprefix('module.'): x for name, x in state.items()}"
        )
    for name, tensor in content.items():
        kind, layout = facts(tensor)
        if kind not in _KEPT or layout != "torch.strided":
            raise InputError(
                f"{path}: {name} is {kind} ({layout}), where the original networks "
                f"have float32; save it again by {_AS_FLOATS}"
            )
    return content


def _versions(state):
    """Returns the versions of modules as ``state_dict()`` notes them for readers."""
    found = OrderedDict([("", {"version": 1})])
    for name in state:
        parts = name.split(".")[:-1]
        for length in range(1, len(parts) + 1):
            found.setdefault(".".join(parts[:length]), {"version": 1})
        module = ".".join(parts)
        if name.endswith(".num_batches_tracked"):
            found[module] = {"version": 2}
        elif name.endswith(".weight_orig"):
            found[module] = {"version": 1, "spectral_norm": {"weight.version": 1}}
    return found
