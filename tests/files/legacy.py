"""Files in PyTorch's legacy format, made without PyTorch; good ones and others."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
MACHINE = {
    "protocol_version": VERSION,
    "little_endian": True,
    "type_sizes": {"short": 2, "int": 4, "long": 4},
}
STORAGES = {"float32": "Float", "int64": "Long", "int32": "Int", "uint8": "Byte"}
STORAGES |= {"bool": "Bool", "float64": "Double", "float16": "Half"}


def data(value) -> bytes:
    """The operations that leave a plain value on the stack."""
    return pickle.dumps(value, 2)[2:-1]


def call(name: str, *arguments: bytes) -> bytes:
    """The operations that call ``module.name`` with arguments."""
    return function(name) + b"(" + b"".join(arguments) + b"tR"


def function(name: str) -> bytes:
    """The operation that asks for ``module.name``."""
    module, _, name = name.rpartition(".")
    return f"c{module}\n{name}\n".encode()


def storage(key="0", kind="Float", count=6, view=None) -> bytes:
    """The operations that leave a storage on the stack."""
    parts = data("storage"), function(f"torch.{kind}Storage"), data(key), data("cpu")
    return b"(" + b"".join(parts) + data(count) + data(view) + b"tQ"


def tensor(
    stored: bytes, shape=(2, 3), strides=(3, 1), offset=0, rest=(False,), hooks=None
) -> bytes:
    """The operations that leave a tensor on the stack."""
    facts = data(offset), data(shape), data(strides), *map(data, rest)
    hooks = hooks or call("collections.OrderedDict")
    return call("torch._utils._rebuild_tensor_v2", stored, *facts, hooks)


def dictionary(items: Mapping[str, bytes]) -> bytes:
    """The operations that leave a dictionary on the stack."""
    pairs = (data(name) + value for name, value in items.items())
    return b"}(" + b"".join(pairs) + b"u"


def elements(*numbers, dtype="<f4") -> bytes:
    """A storage as it is behind the pickles."""
    array = np.array(numbers, dtype)
    return array.size.to_bytes(8, "little") + array.tobytes()


def file(content: bytes, keys=(), storages=(), magic=MAGIC, machine=MACHINE) -> bytes:
    """A file whose object is what the operations in ``content`` leave."""
    heads = b"".join(pickle.dumps(x, 2) for x in (magic, VERSION, machine))
    pickled = b"\x80\2" + content + b"."
    return heads + pickled + pickle.dumps(list(keys), 2) + b"".join(storages)


def parts(state: Mapping[str, np.ndarray]) -> tuple[bytes, list, list]:
    """The arguments of :func:`file` for arrays, each with a storage of its own."""
    items, storages = {}, []
    for number, (name, value) in enumerate(state.items()):
        value = np.ascontiguousarray(value).reshape(np.shape(value))
        strides = tuple(step // value.itemsize for step in value.strides)
        stored = storage(str(number), STORAGES[value.dtype.name], value.size)
        items[name] = tensor(stored, value.shape, strides)
        storages.append(value.size.to_bytes(8, "little") + value.tobytes())
    return dictionary(items), list(map(str, range(len(state)))), storages


def write(path: Path, state: Mapping[str, np.ndarray]) -> None:
    """Writes arrays as PyTorch does."""
    path.write_bytes(file(*parts(state)))
