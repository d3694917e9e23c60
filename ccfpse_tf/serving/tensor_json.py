"""Arrays from and to JSON, by the rules of TensorFlow Serving's REST API.

Written from its documentation (``g3doc/api_rest.md``); messages that clients may look
for have its wording. Values are checked level by level, not one by one, so that a map
of a million numbers takes a fraction of a second.
"""

import base64
import binascii
import itertools
import json
from typing import Any

import numpy as np

from ccfpse_tf.serving.api_error import ApiError, bad_request, shown

_KINDS = {type(None): "Null", dict: "Object", list: "Array", str: "String"}
_NUMBERS = {int: "Number", float: "Number"}
_SPACES = str.maketrans("", "", " \t\r\n\f\v")


def parse(body: bytes) -> dict[str, Any]:
    """Reads a request's JSON object; ``NaN`` and ``Infinity`` are numbers.

    Raises:
        ApiError: 400, for anything but a JSON object in UTF-8.
    """
    if not body:
        raise bad_request("JSON Parse error: The document is empty")
    try:
        # Bytes given to json.loads may be UTF-16 as well, which is not the protocol's.
        value = json.loads(body.decode("utf-8-sig"))
    except RecursionError:
        raise bad_request("JSON Parse error: nested too deeply") from None
    except json.JSONDecodeError as error:
        raise bad_request(
            f"JSON Parse error: {error.msg} at offset: {error.pos}"
        ) from None
    except ValueError as error:  # not UTF-8, or a number of thousands of digits
        raise bad_request(f"JSON Parse error: {shown(str(error))}") from None
    if not isinstance(value, dict):
        raise bad_request(f"JSON Value: {quoted(value)} Is not object")
    return value


def to_array(value: Any, dtype: np.dtype) -> np.ndarray:
    """Converts nested lists; ``object`` stands for strings, which become bytes.

    Raises:
        ApiError: 400, for ragged lists and values that are not of the type.
    """
    shape, first = [], value
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else None
    if len(shape) > 32:
        raise bad_request(
            f"Encountered list at unexpected level: {len(shape)} expected < 32"
        )
    items = [value]
    for level, size in enumerate(shape):
        items = _open_lists(items, level, size)
    if any(issubclass(kind, list) for kind in set(map(type, items))):
        raise bad_request(
            f"Encountered list at unexpected level: {len(shape)} expected < "
            f"{len(shape)}"
        )
    return _leaves(items, np.dtype(dtype)).reshape(shape)


def from_array(array: np.ndarray, name: str) -> Any:
    """Nested lists of an output; strings of names that end in ``_bytes`` as base64."""
    if array.dtype == object:
        as_bytes = name.endswith("_bytes")
        flat = [_string(item, as_bytes) for item in array.reshape(-1)]
        for size in reversed(array.shape[1:]):
            flat = [flat[start : start + size] for start in range(0, len(flat), size)]
        return flat if array.ndim else flat[0]
    if array.dtype.kind == "f":
        # The shortest decimals that give this float again, not its double's.
        return array.astype(str).astype(np.float64).tolist()
    return array.tolist()


def is_base64(value: Any) -> bool:
    """Returns True for ``{"b64": "..."}`` and nothing more."""
    return (
        isinstance(value, dict)
        and len(value) == 1
        and isinstance(value.get("b64"), str)
    )


def quoted(value: Any) -> str:
    """A value as JSON for a message, cut where it is long."""
    # A client may have sent megabytes: only the beginning is written out.
    pieces, length = [], 0
    for piece in json.JSONEncoder().iterencode(value):
        pieces.append(piece)
        length += len(piece)
        if length > 250:
            break
    return shown("".join(pieces))


def _open_lists(items, level, size):
    for item in items:
        if type(item) is not list:
            raise bad_request(
                f"JSON Value: {quoted(item)} found at incorrect level: {level + 1} in "
                f"the JSON DOM"
            )
        if len(item) != size:
            raise bad_request(
                f"Encountered list at unexpected size: {len(item)} at level: {level} "
                f"expected size: {size}"
            )
    return list(itertools.chain.from_iterable(items))


def _leaves(items, dtype):
    if dtype.kind == "O":
        return _strings(items)
    if dtype.kind not in "biuf":
        raise ApiError(501, f"Conversion of JSON Value to type: {dtype.name}")
    allowed = {"b": {bool}, "f": {int, float}}.get(dtype.kind, {int})
    if not set(map(type, items)) <= allowed:
        wrong = next(item for item in items if type(item) not in allowed)
        raise _type_error(wrong, dtype)
    if dtype.kind == "f":
        return _floats(items, dtype)
    if dtype.kind != "b" and items:
        limits = np.iinfo(dtype)
        for extreme in (min(items), max(items)):
            if not limits.min <= extreme <= limits.max:
                raise _type_error(extreme, dtype)
    return np.array(items, dtype)


def _floats(items, dtype):
    largest = 2 ** (np.finfo(dtype).nmant + 1) - 1
    for item in items:
        if type(item) is int and abs(item) > largest:
            raise _lossy(item, dtype)
    array = np.array(items, np.float64)
    beyond = np.isfinite(array) & (np.abs(array) > np.finfo(dtype).max)
    if beyond.any():
        raise _lossy(items[int(beyond.argmax())], dtype)
    return array.astype(dtype)


def _strings(items):
    array = np.empty(len(items), object)
    for index, item in enumerate(items):
        array[index] = _bytes_of(item)
    return array


def _bytes_of(item):
    if isinstance(item, str):
        try:
            return item.encode()
        except UnicodeEncodeError:
            raise bad_request(
                "JSON Parse error: The surrogate pair in string is invalid."
            ) from None
    if not isinstance(item, dict):
        raise _type_error(item, np.dtype(object))
    if not is_base64(item):
        raise bad_request(
            f"JSON Value: {quoted(item)} not formatted correctly for base64 data"
        )
    text = item["b64"].translate(_SPACES).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise bad_request("Unable to base64 decode") from None


def _string(item, as_bytes):
    if as_bytes:
        return {"b64": base64.b64encode(item).decode()}
    return item.decode("utf-8", "replace")


def _type_error(value, dtype):
    kind = {True: "True", False: "False"}.get(value) if type(value) is bool else None
    kind = kind or (_KINDS | _NUMBERS)[type(value)]
    return bad_request(
        f"JSON Value: {quoted(value)} Type: {kind} is not of expected type: "
        f"{_name(dtype)}"
    )


def _lossy(value, dtype):
    return bad_request(
        f"Cannot convert JSON value: {quoted(value)} to {_name(dtype)} without loss of "
        "precision."
    )


def _name(dtype):
    """A type's name as TensorFlow Serving writes it."""
    return {"object": "string", "float32": "float", "float64": "double"}.get(
        dtype.name, dtype.name
    )
