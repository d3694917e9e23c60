"""The file in which users name their classes, and give them ids and colours.

Plain text, a class a line; `#` starts a comment, on a line of its own or, with a space
after it, behind a name:

    # id  red green blue  name
    0     128 128 128     sky
    1     #800000         building
    -     0 0 0           not labelled

The colour may be left out where label files hold ids. `-` instead of the id means
don't care; an id may come again with another colour. The same as JSON:

    {"classes": [{"id": 0, "color": [128, 128, 128], "name": "sky"}, ...,
                 {"id": null, "color": "#000000", "name": "not labelled"}]}
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ccfpse_tf.data.datasets import Color, distinct_colors
from ccfpse_tf.errors import DataErrors
from ccfpse_tf.files.text_files import parse_json, read_text

LARGEST_ID = 2**31 - 1  # label files hold no larger integers
_LINE = (
    "expected `ID RED GREEN BLUE NAME`, `ID #RRGGBB NAME` or `ID NAME`, with - as ID "
    "for don't care"
)
_JSON = 'expected {"classes": [{"id": 0, "color": [r, g, b], "name": "sky"}]}'
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_NUMBER = re.compile(r"[0-9]{1,10}")
_COLOR_LIKE = re.compile(r"#.*|0x[0-9a-f]+|rgba?\(.*", re.IGNORECASE)
_SHOWN = 80  # characters of a wrong line


@dataclass(frozen=True)
class PaletteLine:
    """One line: `id` None means don't care, `color` None that there is no colour."""

    id: int | None
    color: Color | None
    name: str


@dataclass(frozen=True)
class Palette:
    """The classes of a user's data set in the order of their indices."""

    class_names: tuple[str, ...]
    colors: tuple[Color, ...]
    ids: dict[int, int]
    """File id -> index. Ids need not start at 0: they are numbered in order."""
    color_indices: dict[Color, int]
    """Colour in label files -> index; empty if the file gives no colours."""
    dont_care: bool


def read_palette(path: str | Path) -> Palette:
    """Reads a palette file, text or JSON.

    Raises:
        InputError: if it cannot be read, or for every line that is wrong.
    """
    path = Path(path)
    text = read_text(path, "a palette file")
    problems: list[str] = []
    if text.lstrip().startswith(("{", "[")):
        entries = _parse_json(text, path, problems)
    else:
        entries = _parse_text(text, path, problems)
    problems += _contradictions(entries, path)
    if not problems and not any(entry.id is not None for entry in entries):
        problems.append(f"{path}: does not name a class; {_LINE}")
    if problems:
        raise DataErrors(problems, "the palette file")
    return _collect(entries)


def _parse_text(text: str, path: Path, problems: list[str]) -> list[PaletteLine]:
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if "#" in words:
            words = words[: words.index("#")]
        try:
            entries.append(_text_entry(words))
        except ValueError as error:
            shown = repr(line.strip()[:_SHOWN])
            problems.append(f"{path}: line {number} is {shown}: {error}")
    return entries


def _text_entry(words: list[str]) -> PaletteLine:
    """Reads the words of a line; `ValueError` says what is wrong with them."""
    first, *rest = words
    if first != "-" and not _is_id(first):
        raise ValueError(f"{first[:_SHOWN]!r} is not an id, 0..{LARGEST_ID}; {_LINE}")
    color = None
    if rest and _HEX.fullmatch(rest[0]):
        color, rest = tuple(bytes.fromhex(rest[0][1:])), rest[1:]
    elif len(rest) > 2 and all(map(_NUMBER.fullmatch, rest[:3])):
        color, rest = tuple(map(int, rest[:3])), rest[3:]
        if max(color) > 255:
            raise ValueError(f"colour {color}; allowed 0..255")
    if not rest:
        raise ValueError(f"it has no name; {_LINE}")
    if _looks_like_color(rest[0]):
        raise ValueError(
            f"{rest[0][:_SHOWN]!r} looks like a part of a colour, and names begin with "
            f"another word; {_LINE} (JSON takes every name)"
        )
    return PaletteLine(None if first == "-" else int(first), color, " ".join(rest))


def _looks_like_color(word: str) -> bool:
    digits = any(map(str.isnumeric, word)) and not any(map(str.isalpha, word))
    return digits or bool(_COLOR_LIKE.fullmatch(word))


def _is_id(word: str) -> bool:
    return bool(_NUMBER.fullmatch(word)) and int(word) <= LARGEST_ID


def _parse_json(text: str, path: Path, problems: list[str]) -> list[PaletteLine]:
    try:
        classes = parse_json(text)["classes"]
        if not isinstance(classes, list):
            raise ValueError(f"classes is {classes!r}"[:_SHOWN])
    except (KeyError, TypeError):
        problems.append(f"{path}: is not an object with 'classes'; {_JSON}")
        return []
    except ValueError as error:
        problems.append(f"{path}: {error}; {_JSON}")
        return []
    entries = []
    for number, item in enumerate(classes):
        entry = _json_entry(item)
        if entry is None:
            shown = repr(item)[:_SHOWN]
            problems.append(f"{path}: class {number} is {shown}; {_JSON}")
        else:
            entries.append(entry)
    return entries


def _json_entry(item: object) -> PaletteLine | None:
    if not isinstance(item, dict) or "id" not in item:
        return None
    id_, color, name = item["id"], item.get("color"), item.get("name")
    if not isinstance(name, str) or not name.strip():
        return None
    if not (id_ is None or type(id_) is int and 0 <= id_ <= LARGEST_ID):
        return None
    if color is None:
        return PaletteLine(id_, None, name)
    if isinstance(color, str) and _HEX.fullmatch(color):
        return PaletteLine(id_, tuple(bytes.fromhex(color[1:])), name)
    if not isinstance(color, list) or len(color) != 3:
        return None
    if not all(type(channel) is int and 0 <= channel <= 255 for channel in color):
        return None
    return PaletteLine(id_, tuple(color), name)


def _contradictions(entries: list[PaletteLine], path: Path) -> list[str]:
    problems, names, colors = [], {}, {}
    for entry in entries:
        if entry.id is not None and names.setdefault(entry.id, entry.name) != (
            entry.name
        ):
            problems.append(
                f"{path}: id {entry.id} is both {names[entry.id]!r} and {entry.name!r}"
            )
        if entry.color and colors.setdefault(entry.color, entry.id) != entry.id:
            problems.append(
                f"{path}: colour {entry.color} belongs to ids {colors[entry.color]} "
                f"and {entry.id}"
            )
    colored = [entry for entry in entries if entry.color]
    if colored and len(colored) < len(entries):
        missing = next(entry for entry in entries if not entry.color)
        problems.append(f"{path}: {missing.name!r} has no colour, others have")
    return problems


def _collect(entries: list[PaletteLine]) -> Palette:
    first = {}
    for entry in entries:
        if entry.id is not None:
            first.setdefault(entry.id, entry)
    order = sorted(first)
    index = {id_: position for position, id_ in enumerate(order)}
    spare = distinct_colors(len(order))
    return Palette(
        class_names=tuple(first[id_].name for id_ in order),
        colors=tuple(first[id_].color or spare[index[id_]] for id_ in order),
        ids=index,
        color_indices={
            entry.color: len(order) if entry.id is None else index[entry.id]
            for entry in entries
            if entry.color
        },
        dont_care=any(entry.id is None for entry in entries),
    )
