"""Text and JSON as people save them: with a byte order mark, or not as text at all."""

from __future__ import annotations

import codecs
import json
import os
from pathlib import Path
from typing import Any

from ccfpse_tf.errors import InputError

_LARGEST = 64 << 20  # bytes; whoever names a video as a palette learns it at once
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16's, which is its beginning
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def read_text(path: str | Path, what: str) -> str:
    """Reads a UTF-8 text, without the byte order mark that Windows puts before it.

    Args:
        path: the file.
        what: for messages, such as "a palette file".

    Raises:
        InputError: no such file, another encoding, no text, more than 64 MB.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST + 1)
        return _decode(content)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
    except ValueError as error:
        reason = str(error)
    raise InputError(f"{path}: cannot be read as {what} ({reason})")


def read_json(path: str | Path, what: str) -> Any:
    """Reads a JSON file; errors as for `read_text` and `parse_json`."""
    text = read_text(path, what)
    try:
        return parse_json(text)
    except ValueError as error:
        raise InputError(f"{path}: cannot be read as {what} ({error})") from None


def parse_json(text: str) -> Any:
    """Parses JSON.

    Raises:
        ValueError: for text that is not JSON, with line and column, for a name that
            an object gives twice, and for brackets nested too deeply.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("brackets are nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} is there twice; leave one out")
        found[name] = value
    return found


def _decode(content: bytes) -> str:
    if len(content) > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST >> 20} MB")
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            raise ValueError(f"it is {encoding} text; save it as UTF-8")
    if b"\0" in content:
        raise ValueError("it is not a text file, as it holds zero bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise ValueError(
            f"line {line} holds the byte 0x{byte:02x}, which is not UTF-8; save it as "
            "UTF-8"
        ) from None
