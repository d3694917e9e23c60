"""Reads PyTorch's legacy format (``torch.save`` before 1.6) without PyTorch.

Such a file holds five pickles: a magic number, a version, facts about the machine, the
saved object, the keys of its storages. Behind them are the storages: of each, the count
of its elements (int64) and the elements. No file is believed: the tensors' sizes are
checked against those of the storages, and these against that of the file.
"""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ccfpse_tf.files.restricted_pickle import Damaged, RestrictedUnpickler, expect

_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_COUNT = 8  # bytes of the count before each storage
_DIMENSIONS = 32
_EMPTY = 2**31  # elements along the other axes of a tensor without elements
_COPIES = 4  # arrays made from a file may take so many times its bytes


@dataclass(frozen=True)
class Kind:
    """The type of a storage's elements.

    Args:
        name: as PyTorch calls it.
        size: bytes of one element.
        dtype: in the file, as NumPy calls it; None for types that are not read.
    """

    name: str
    size: int
    dtype: str | None = None


_KINDS = {
    "Float": Kind("float32", 4, "<f4"),
    "Long": Kind("int64", 8, "<i8"),
    "Int": Kind("int32", 4, "<i4"),
    "Byte": Kind("uint8", 1, "u1"),
    "Bool": Kind("bool", 1, "u1"),
    # Their sizes are known, so that a training's other tensors don't hide its weights.
    "Double": Kind("float64", 8),
    "Half": Kind("float16", 2),
    "BFloat16": Kind("bfloat16", 2),
    "Short": Kind("int16", 2),
    "Char": Kind("int8", 1),
}


@dataclass
class Storage:
    """Elements that tensors share.

    Args:
        kind: their type.
        count: how many.
        start: place of the first byte in the file, which is found last.
    """

    kind: Kind
    count: int
    start: int = 0


@dataclass(frozen=True)
class View:
    """A part of a storage: ``count`` elements from ``first`` on."""

    storage: Storage
    first: int
    count: int


@dataclass(frozen=True)
class Tensor:
    """A tensor as a pickle describes it, which lies within its storage.

    Args:
        storage: of its elements.
        first: place of the first one in the storage.
        shape: of the tensor.
        strides: in elements, none below 0.
    """

    storage: Storage
    first: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Size of the elements."""
        return math.prod(self.shape) * self.storage.kind.size

    def array(self, file: bytes) -> np.ndarray:
        """The elements, copied from the file's content."""
        kind = self.storage.kind
        view = np.ndarray(
            self.shape,
            kind.dtype,
            file,
            self.storage.start + kind.size * self.first,
            tuple(kind.size * stride for stride in self.strides),
        )
        if kind.name == "bool":
            return view != 0  # the byte may be any
        return np.array(view, view.dtype.newbyteorder("="))


def load(file: bytes) -> object:
    """Returns the object in a file: of dictionaries, lists, numbers, text, `Tensor`.

    Raises:
        Damaged: a file of another kind, cut short, or that contradicts itself.
        Forbidden: an object that is not data. Nothing in the file was run.
    """
    opened = io.BytesIO(file)
    storages: dict[str, Storage] = {}
    pickles = RestrictedUnpickler(
        opened, _FUNCTIONS, lambda identity: _storage(identity, storages)
    )
    if pickles.load() != _MAGIC or pickles.load() != _VERSION:
        raise Damaged("it does not begin as PyTorch's legacy format does")
    if expect(pickles.load(), dict).get("little_endian") is not True:
        raise Damaged("it is from a machine that is not little-endian")
    content = pickles.load()
    keys = expect(pickles.load(), list)
    if sorted(expect(key, str) for key in keys) != sorted(storages):
        raise Damaged("its list of storages is not that of its tensors")
    _find(file, opened.tell(), [storages[key] for key in keys])
    return content


def arrays(file: bytes, tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Returns the elements of tensors, whose kinds must have a dtype.

    Args:
        file: the content that they are from.
        tensors: by name.

    Raises:
        Damaged: tensors that share storages so often that they take far more memory
            than their file.
    """
    total = sum(tensor.bytes for tensor in tensors.values())
    if total > _COPIES * len(file):
        raise Damaged(f"its tensors share their storages: they take {total} bytes")
    return {name: tensor.array(file) for name, tensor in tensors.items()}


def _find(file, place, storages):
    """Finds the bytes of storages that follow one another up to the file's end."""
    for storage in storages:
        count = int.from_bytes(file[place : place + _COUNT], "little")
        storage.start = place + _COUNT
        place = storage.start + storage.count * storage.kind.size
        if place > len(file):
            raise Damaged("it is cut short")
        if count != storage.count:
            raise Damaged(f"a storage of {storage.count} elements has {count}")
    if place != len(file):
        raise Damaged(f"{len(file) - place} bytes follow its end")


def _storage(identity, storages):
    """The storage of ``("storage", type, key, device, count, view)``, or a view."""
    if len(identity) != 6 or identity[0] != "storage":
        raise Damaged("its pickle refers to something other than a storage")
    _, kind, key, _, count, view = identity
    found = Storage(expect(kind, Kind), _whole(count))
    found = storages.setdefault(expect(key, str), found)
    if (found.kind, found.count) != (kind, count):
        raise Damaged("it gives a storage two types or sizes")
    if view is None:
        return View(found, 0, count)
    if len(expect(view, tuple)) != 3:
        raise Damaged("it holds an incomplete view of a storage")
    first, length = map(_whole, view[1:])
    if first + length > count:
        raise Damaged("it holds a view that is larger than its storage")
    return View(found, first, length)


def _whole(value):
    if type(value) is not int or value < 0:
        raise Damaged("it holds a size that is not a whole number of 0 or more")
    return value


def _tensor(view=None, offset=None, shape=None, strides=None, *others):
    """``_rebuild_tensor_v2``; the others are of gradients and of lazy conjugates."""
    expect(view, View)
    for value in (offset, *expect(shape, tuple), *expect(strides, tuple)):
        _whole(value)
    if len(shape) != len(strides) or len(shape) > _DIMENSIONS:
        raise Damaged("it holds a tensor with wrong strides")
    if len(others) > 3 or (len(others) == 3 and others[2]):
        raise Damaged("it holds a tensor that is computed from its storage")
    count = math.prod(shape)
    if not count:
        if math.prod(n or 1 for n in shape) > _EMPTY:
            raise Damaged("it holds a tensor whose shape is too large")
        return Tensor(view.storage, 0, shape, (0,) * len(shape))
    last = sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    if offset + last >= view.count or count > view.count:
        raise Damaged(
            "it holds a tensor that is larger than its storage, as expand() makes them"
        )
    return Tensor(view.storage, view.first + offset, shape, strides)


def _parameter(tensor=None, *others):
    """``_rebuild_parameter``; the others are of gradients."""
    if len(others) > 2:
        raise Damaged("it holds a parameter with more than a tensor")
    return expect(tensor, Tensor)


_FUNCTIONS = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    **{f"torch.{name}Storage": kind for name, kind in _KINDS.items()},
}
