"""Masks as run lengths within their boxes."""

from __future__ import annotations

import numpy as np

BOX = ("top", "left", "bottom", "right")  # the last two are after the last pixel


def encode(mask: np.ndarray, box: tuple[slice, slice]) -> np.ndarray:
    """Returns the lengths of the runs in a box, row by row, that of zeros first.

    Args:
        mask: boolean ``(height, width)``, False outside of the box.
        box: rows and columns.

    Returns:
        uint32; they add up to the pixels of the box.
    """
    flat = np.ravel(mask[box])
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = [0, *([0] if flat[0] else []), *changes, flat.size]
    return np.diff(edges).astype(np.uint32)


def decode(lengths: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Returns the boolean mask of a box of this shape."""
    values = np.arange(len(lengths)) % 2 == 1
    return np.repeat(values, lengths).reshape(shape)


def coarse_cells(size: tuple[int, int], edge: int) -> tuple[np.ndarray, np.ndarray]:
    """The first row and the first column of every cell of a coarse mask.

    Args:
        size: height and width of the images.
        edge: cells in either direction, at most.
    """
    rows, columns = (
        np.unique(np.arange(min(edge, n)) * n // min(edge, n)) for n in size
    )
    return rows, columns


def coarse(mask: np.ndarray, edge: int) -> np.ndarray:
    """Which cells of a coarse grid a mask fills by half at least, as bits.

    Args:
        mask: boolean ``(height, width)``.
        edge: cells in either direction, at most.

    Returns:
        uint64 ``(edge * edge / 64,)``, bits that are not needed 0.
    """
    rows, columns = coarse_cells(mask.shape, edge)
    sums = np.add.reduceat(mask, rows, axis=0, dtype=np.int32)
    sums = np.add.reduceat(sums, columns, axis=1)
    pixels = np.outer(*_lengths(mask.shape, (rows, columns)))
    bits = np.zeros(edge * edge, bool)
    filled = np.ravel(2 * sums >= pixels) & np.ravel(sums > 0)
    bits[: filled.size] = filled
    return np.packbits(bits).view(np.uint64)


def _lengths(size, starts):
    return [np.diff([*first, n]) for first, n in zip(starts, size, strict=True)]
