"""The search for segments of the shape that a layout asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ccfpse_tf.data.segments import run_lengths
from ccfpse_tf.data.segments.shard import EDGE

CANDIDATES = 50  # that are compared at full size
KEPT = 10


@dataclass(frozen=True)
class Match:
    """A segment of the bank that was found.

    Attributes:
        segment: its number in the bank.
        image: the number of its image.
        iou: intersection over union of the two masks, in image coordinates.
    """

    segment: int
    image: int
    iou: float


def search(
    bank,
    mask: np.ndarray,
    label: int,
    exclude: int | None = None,
    images: np.ndarray | None = None,
    keep: int = KEPT,
    candidates: int = CANDIDATES,
) -> list[Match]:
    """The segments of one class whose masks overlap best with a mask, best first.

    All segments of the class are compared by coarse masks; the best of these are
    compared pixel by pixel. Only segments with a common pixel are matches. Of equal
    ones the one of the earlier image comes first, then the earlier segment of an image.

    Args:
        bank: a :class:`ccfpse_tf.data.segments.bank.MemoryBank`.
        mask: boolean ``(height, width)`` of the bank's size.
        label: the class.
        exclude: number of an image whose segments are no matches.
        images: numbers of the only images whose segments may be.
        keep: matches at most.
        candidates: that are compared pixel by pixel.
    """
    kind = bank.segments_of(label)
    allowed = np.ones(len(kind.rows), bool)
    if images is not None:
        allowed &= np.isin(kind.images, images)
    if exclude is not None:
        allowed &= kind.images != exclude
    places = np.flatnonzero(allowed)
    if len(places) > candidates:
        scores = kind.coarse_ious(run_lengths.coarse(mask, EDGE), places)
        places = places[_best(scores, candidates)]
    area = int(mask.sum())
    found = []
    for row in kind.rows[places].tolist():
        box, other = bank.mask(row)
        common = int(np.count_nonzero(mask[box] & other))
        if common:
            total = area + int(bank.segments["area"][row]) - common
            found.append(Match(row, int(bank.segments["image"][row]), common / total))
    found.sort(key=lambda match: -match.iou)  # stable
    return found[:keep]


def _best(scores, count):
    """Places of the largest scores, in order; of equal ones the earlier."""
    least = np.partition(scores, -count)[-count]
    chosen = scores > least
    equal = np.flatnonzero(scores == least)
    chosen[equal[: count - np.count_nonzero(chosen)]] = True
    return np.flatnonzero(chosen)
