"""Reading label files by number or by colour: one way for all files of a data set.

Where a palette has colours, files that hold nothing but black and white may have been
stored as greys or single bits by a program that saves space. They mean the same colours
as the others, so no file is read on its own: `auto` looks at all of them first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ccfpse_tf.data.image_files import read_label_file
from ccfpse_tf.data.prepare.label_table import LabelTable, count_values
from ccfpse_tf.errors import InputError

READINGS = ("auto", "ids", "colors")
BITS, GREY, TABLE, COLORS = "bits", "grey", "table", "colors"
MASK, WHITE = "mask", "white"
"""Forms of label files: of single bits, of other greys, with a colour table, of
colours; and files of numbers that are all 0 or 255, or among which is 255."""


@dataclass(frozen=True)
class Label:
    """A label file that was read.

    `values` are ids `(h, w)` or uint8 colours `(h, w, 3)`; `form` is one of those above
    where it may matter, else None, and `white` is then the number that stands for it.
    """

    values: np.ndarray
    form: str | None = None
    white: int = 255


def load_label(path: str | Path, reading: str, max_pixels: int | None = None) -> Label:
    """Reads a label file.

    Args:
        path: of the file.
        reading: `ids` gives numbers unless the file holds colours; `colors` gives
            colours, of grey files as well; `auto` gives what the file holds, where a
            colour table counts as colours.
        max_pixels: that a file may have; see `read_label`.

    Raises:
        InputError: for a file that cannot be read so.
    """
    file = read_label_file(path, reading != "ids", max_pixels)
    values = file.values
    if reading == "ids" and (values.ndim == 3 or values.max(initial=0) > 1):
        return Label(values)
    if file.stored != "grey":
        return Label(values, file.stored)
    white = 2**file.bits - 1
    if reading == "colors":
        return Label(grey_as_colors(values, white, path), COLORS)
    return Label(values, BITS if white == 1 else GREY, white)


def grey_as_colors(values: np.ndarray, white: int, path: str | Path) -> np.ndarray:
    """Returns the greys `(h, w, 3)`, 0..255, of a grey file of 0..`white`."""
    if white > 255:
        raise InputError(
            f"{path}: holds greys of 0..{white}, where colours of 8 bits are expected; "
            "save it as the other label files are saved"
        )
    greys = (values.astype(np.int32) * 255 // white).astype(np.uint8)
    return np.repeat(greys[..., None], 3, axis=-1)


@dataclass(frozen=True)
class LabelFacts:
    """What one label file holds, in one reading.

    Attributes:
        problems: a line each, without the file's name.
        counts: value, or packed colour -> pixels.
        colored: whether the values are colours.
        repeats: class index -> how many of the values are this class, less one.
    """

    problems: tuple[str, ...] = ()
    counts: Mapping[int, int] = field(default_factory=dict)
    colored: bool = False
    repeats: Mapping[int, int] = field(default_factory=dict)


def label_facts(values: np.ndarray, table: LabelTable | None) -> LabelFacts:
    """Counts the values of a label file and lists those that the table lacks."""
    counts, colored = count_values(values)
    if table is None:
        return LabelFacts((), counts, colored)
    if not table.colors:
        colored = False
    elif values.ndim == 3 and not colored:
        counts, colored = {value * 0x010101: n for value, n in counts.items()}, True
    problems = tuple(table.problems(values))
    return LabelFacts(problems, counts, colored, _repeats(counts, colored, table))


def grey_facts(label: Label, table: LabelTable, path: str) -> LabelFacts:
    """Returns the facts of a grey label file that is read by its colours."""
    values, _ = count_values(label.values)
    counts = {value * 255 // label.white * 0x010101: n for value, n in values.items()}
    problems: tuple[str, ...] = ()
    if label.white > 255 or counts.keys() - table.colors.keys():
        try:
            colors = grey_as_colors(label.values, label.white, path)
            problems = tuple(table.problems(colors))
        except InputError as error:
            problems = (str(error).removeprefix(f"{path}: "),)
    return LabelFacts(problems, counts, True, _repeats(counts, True, table))


def _repeats(counts, colored: bool, table: LabelTable) -> dict[int, int]:
    indices = table.colors if colored else table.ids
    found: dict[int, int] = {}
    for value in counts:
        index = indices.get(value)
        if index is not None:
            found[index] = found.get(index, -1) + 1
    return {index: extra for index, extra in found.items() if extra}
