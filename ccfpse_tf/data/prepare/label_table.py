"""The table from values or colours of label files to classes, and its errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ccfpse_tf.data.datasets import Color
from ccfpse_tf.data.transforms import describe_ids, map_labels, unknown_values

_VALUES_PER_FILE = 5  # distinct wrong values named for one file


def pack_colors(rgb: np.ndarray) -> np.ndarray:
    """Packs `(..., 3)` uint8 colours into int32: red * 65536 + green * 256 + blue."""
    red, green, blue = np.moveaxis(rgb.astype(np.int32), -1, 0)
    return (red << 16) | (green << 8) | blue


def unpack_color(value: int) -> Color:
    """The inverse of `pack_colors` for one value."""
    return (value >> 16, value >> 8 & 255, value & 255)


@dataclass(frozen=True)
class LabelTable:
    """Maps label files to class indices.

    Args:
        ids: file id -> index, for files of integers.
        colors: packed colour -> index, for files of colours; empty if the data set
            does not use them.
    """

    ids: Mapping[int, int]
    colors: Mapping[int, int] = field(default_factory=dict)

    def values(self, label: np.ndarray) -> tuple[np.ndarray, bool]:
        """Returns the `(height, width)` values of a label, and whether as colours.

        A colour file of greys counts as a file of ids where no colours are known:
        that is how several tools save integer maps.

        Raises:
            ValueError: if the file has colours and the table does not.
        """
        if label.ndim == 2:
            return label, False
        if self.colors:
            return pack_colors(label), True
        if (label == label[..., :1]).all():
            return label[..., 0], False
        row, column = np.argwhere((label != label[..., :1]).any(-1))[0]
        raise ValueError(
            f"colour {tuple(map(int, label[row, column]))} at row {row}, column "
            f"{column}, but the label maps of these data hold ids (`prepare` reads "
            "colours by --palette, without --label-format ids)"
        )

    def problems(self, label: np.ndarray) -> list[str]:
        """Describes what `label` holds that the table does not know."""
        try:
            values, colored = self.values(label)
        except ValueError as error:
            return [str(error)]
        ids = self.colors if colored else self.ids
        unknown = unknown_values(values, ids)
        if not unknown.any():
            return []
        found, first = np.unique(values[unknown], return_index=True)
        places = np.argwhere(unknown)[first[:_VALUES_PER_FILE]]
        allowed = "the palette's colours" if colored else describe_ids(ids)
        problems = []
        for value, (row, column) in zip(found, places, strict=False):
            shown = f"colour {unpack_color(int(value))}" if colored else f"id {value}"
            problems.append(
                f"{shown} at row {row}, column {column}; allowed {allowed}; "
                + ("add it to the palette" if colored else "see --label-map")
            )
        if len(found) > _VALUES_PER_FILE:
            problems.append(
                f"and {len(found) - _VALUES_PER_FILE} more unknown values "
                f"({unknown.mean():.1%} of the pixels)"
            )
        return problems

    def indices(self, label: np.ndarray) -> np.ndarray:
        """Returns the class indices, int32 `(height, width)`; `InputError` if unknown.

        Call `problems` first where every wrong value matters.
        """
        values, colored = self.values(label)
        return map_labels(values, self.colors if colored else self.ids)


def count_values(label: np.ndarray) -> tuple[dict[int, int], bool]:
    """Counts the pixels of each value; colours are packed unless all are grey.

    Returns:
        value -> pixels, and whether the values are colours.
    """
    colored = label.ndim == 3 and not (label == label[..., :1]).all()
    if colored:
        label = pack_colors(label)
    elif label.ndim == 3:
        label = label[..., 0]
    if label.dtype in (np.uint8, np.uint16):
        counts = np.bincount(label.ravel())
        return {int(v): int(counts[v]) for v in np.flatnonzero(counts)}, colored
    found, counts = np.unique(label, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True)), colored


def pack_color(color: Color) -> int:
    """Packs one colour as `pack_colors` does."""
    return color[0] << 16 | color[1] << 8 | color[2]
