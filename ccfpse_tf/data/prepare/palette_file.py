"""The file in which users name their classes, and give them ids and colours.

Plain text, a class a line; `#` starts a comment that fills a line:

    # id  red green blue  name
    0     128 128 128     sky
    1     128 0 0         building
    -     0 0 0           not labelled

The colour may be left out where label files hold ids. `-` instead of the id means
don't care; an id may come again with another colour. The same as JSON:

    {"classes": [{"id": 0, "color": [128, 128, 128], "name": "sky"}, ...,
                 {"id": null, "color": [0, 0, 0], "name": "not labelled"}]}
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ccfpse_tf.data.datasets import Color, distinct_colors
from ccfpse_tf.errors import DataErrors, InputError

_LINE = "expected `ID RED GREEN BLUE NAME` or `ID NAME`, with - as ID for don't care"


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
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read as a palette file ({error})"
        ) from error
    problems: list[str] = []
    if text.lstrip().startswith("{"):
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
        numbers = words[1:4]
        has_color = len(numbers) == 3 and all(word.isdigit() for word in numbers)
        name = " ".join(words[4:] if has_color else words[1:])
        if not (words[0] == "-" or words[0].isdigit()) or not name:
            problems.append(f"{path}: line {number} is {line.strip()!r}; {_LINE}")
            continue
        color = tuple(map(int, numbers)) if has_color else None
        if color and max(color) > 255:
            problems.append(f"{path}: line {number}: colour {color}; allowed 0..255")
            continue
        entries.append(
            PaletteLine(None if words[0] == "-" else int(words[0]), color, name)
        )
    return entries


def _parse_json(text: str, path: Path, problems: list[str]) -> list[PaletteLine]:
    example = 'expected {"classes": [{"id": 0, "color": [r, g, b], "name": "sky"}]}'
    try:
        classes = json.loads(text)["classes"]
    except (json.JSONDecodeError, KeyError) as error:
        problems.append(f"{path}: {error}; {example}")
        return []
    entries = []
    for number, item in enumerate(classes if isinstance(classes, list) else [classes]):
        entry = _json_entry(item)
        if entry is None:
            problems.append(f"{path}: class {number} is {item!r}; {example}")
        else:
            entries.append(entry)
    return entries


def _json_entry(item: object) -> PaletteLine | None:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        return None
    id_, color = item.get("id"), item.get("color")
    if not (id_ is None or type(id_) is int and id_ >= 0):
        return None
    if color is None:
        return PaletteLine(id_, None, item["name"])
    if not isinstance(color, list) or len(color) != 3:
        return None
    if not all(type(channel) is int and 0 <= channel <= 255 for channel in color):
        return None
    return PaletteLine(id_, tuple(color), item["name"])


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
