"""Connected components of masks, by the runs of their rows."""

from __future__ import annotations

import numpy as np


def components(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Numbers the 8-connected components of a mask.

    Args:
        mask: boolean ``(height, width)``.

    Returns:
        int32 ``(height, width)``, 0 outside of the mask, and the number of components.
        These are numbered from 1 in the order of their first pixel, column by column.
    """
    rows, starts, ends = runs_of(mask)
    if not len(rows):
        return np.zeros(mask.shape, np.int32), 0
    names = _joined(len(rows), *_touching(rows, starts, ends, len(mask)))
    # The first pixel column by column: the leftmost column, and its topmost row there.
    first = starts * np.int64(len(mask)) + rows
    least = np.full(len(rows), np.iinfo(np.int64).max)
    np.minimum.at(least, names, first)
    roots = np.flatnonzero(names == np.arange(len(rows)))
    order = roots[np.argsort(least[roots], kind="stable")]
    numbers = np.zeros(len(rows), np.int32)
    numbers[order] = np.arange(1, len(order) + 1)
    return _painted(mask.shape, rows, starts, ends, numbers[names]), len(order)


def runs_of(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, first column and column after the last, of all runs, row by row."""
    padded = np.zeros((mask.shape[0], mask.shape[1] + 2), np.int8)
    padded[:, 1:-1] = mask
    steps = np.diff(padded, axis=1)
    rows, starts = np.nonzero(steps == 1)
    _, ends = np.nonzero(steps == -1)
    return rows, starts, ends


def _touching(rows, starts, ends, height):
    """Pairs of runs of neighbouring rows that touch, corners included."""
    bounds = np.searchsorted(rows, np.arange(height + 1))
    # Runs of one row are apart, so both their edges are in order. The keys put all rows
    # one after the other.
    width = np.int64(ends.max() + 2)
    by_start, by_end = rows * width + starts, rows * width + ends
    above = rows + 1 < height
    run = np.flatnonzero(above)
    below = (rows[run] + 1) * width
    # Those below that end at or after my start, and begin at or before my end.
    low = np.searchsorted(by_end, below + starts[run], "left")
    high = np.searchsorted(by_start, below + ends[run], "right")
    low = np.maximum(low, bounds[rows[run] + 1])
    high = np.minimum(high, bounds[rows[run] + 2])
    counts = np.maximum(high - low, 0)
    first = np.repeat(run, counts)
    offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return first, np.repeat(low, counts) + offsets


def _joined(count, first, second):
    """For every run the least number of those that it is connected with."""
    names = np.arange(count)
    while True:
        least = np.minimum(names[first], names[second])
        before = names.copy()
        # Not only the runs, but what they are called so far, takes the smaller name.
        np.minimum.at(names, before[first], least)
        np.minimum.at(names, before[second], least)
        while True:
            shorter = names[names]
            if np.array_equal(shorter, names):
                break
            names = shorter
        if np.array_equal(names, before):
            return names


def _painted(shape, rows, starts, ends, values):
    """A map with the value of each run on its pixels."""
    changes = np.zeros((shape[0], shape[1] + 1), np.int32)
    # Runs of a row may follow on each other with a gap only: no place is met twice.
    changes[rows, starts] = values
    changes[rows, ends] = -values
    return np.cumsum(changes, axis=1, dtype=np.int32)[:, :-1]
