"""The segments of a layout: connected components of each class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ccfpse_tf.data.segments.components import components

# Of 1,000 pixels at 256x512: smaller segments are not looked up.
QUERIED_SHARE = 1000 / (256 * 512)


@dataclass(frozen=True)
class Segment:
    """A segment of a layout; masks are boolean ``(height, width)`` of the whole image.

    Attributes:
        label: its class.
        mask: its own pixels.
        mask_with_thin: those of thin structures in front of it too, within the box
            around its own.
        area: number of its own pixels.
    """

    label: int
    mask: np.ndarray
    mask_with_thin: np.ndarray
    area: int


def segments_of(
    label: np.ndarray,
    classes: Sequence[int],
    thin_classes: Sequence[int] = (),
    above: float = 0,
) -> Iterator[Segment]:
    """Yields the segments of a layout, by class and then column by column.

    A segment is an 8-connected component of one class. Pixels of thin classes, such as
    poles, are added to every other class before the analysis, so that a pole does not
    cut the building behind it. Components with at least as many thin pixels as own ones
    are left out (Qi et al. 2018).

    Args:
        label: class indices ``(height, width)``.
        classes: those that have segments, in this order.
        thin_classes: see above.
        above: segments of so many pixels or fewer are left out.
    """
    thin = np.isin(label, thin_classes)
    for class_ in classes:
        own = label == class_
        if own.sum() <= above:
            continue
        numbers, count = components(own if class_ in thin_classes else own | thin)
        areas = np.bincount(numbers[own], minlength=count + 1)
        sizes = np.bincount(numbers.ravel(), minlength=count + 1)
        for number in range(1, count + 1):
            area, thin_area = areas[number], sizes[number] - areas[number]
            if area > max(above, thin_area):
                whole = numbers == number
                mask = whole & own
                boxed = np.zeros_like(whole)
                box = box_of(mask)
                boxed[box] = whole[box]
                yield Segment(int(class_), mask, boxed, int(area))


def box_of(mask: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns of the smallest box around a mask that is not empty."""
    bounds = []
    for axis in (1, 0):
        places = np.flatnonzero(mask.any(axis))
        bounds.append(slice(int(places[0]), int(places[-1]) + 1))
    return tuple(bounds)
