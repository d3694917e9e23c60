"""Canvases: segments of photographs, pasted where a layout asks for them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ccfpse_tf.data.segments.color_transfer import recolored
from ccfpse_tf.data.segments.extraction import QUERIED_SHARE, Segment, segments_of
from ccfpse_tf.data.segments.search import search

ELISION = 0.035  # of the height: the band along a segment's edge
TRAINING_ELISION = 0.05
RECOLORED_SHARE = 0.2  # of training segments
SEARCHED_IMAGES = 100  # at random, for every training canvas


@dataclass(frozen=True)
class Canvas:
    """What the refinement network reads.

    Attributes:
        colors: uint8 ``(height, width, 3)``, 0 where there is no material.
        mask: boolean ``(height, width)``, True where there is any.
        label: the layout, changed to the outlines of what was pasted.
    """

    colors: np.ndarray
    mask: np.ndarray
    label: np.ndarray


@dataclass(frozen=True)
class Material:
    """A segment of a layout, and what is pasted for it.

    Attributes:
        segment: of the layout.
        shape: boolean ``(height, width)``, the pixels that are pasted.
        colors: uint8 ``(height, width, 3)``, which are pasted there.
    """

    segment: Segment
    shape: np.ndarray
    colors: np.ndarray


def canvas_of(
    bank,
    label: np.ndarray,
    random: np.random.Generator,
    exclude: int | None = None,
) -> Canvas:
    """Fills a layout with the segments of a bank that fit best.

    Args:
        bank: a :class:`ccfpse_tf.data.segments.bank.MemoryBank`.
        label: class indices ``(height, width)`` of the bank's size.
        random: chooses the pixels that are elided.
        exclude: number of an image that gives nothing, as it is the layout's own.
    """
    materials = [
        material
        for segment in queries_of(bank, label)
        if (material := _found(bank, segment, exclude)) is not None
    ]
    return _pasted(bank, label, materials, ELISION, random)


def training_canvas(
    bank,
    image: np.ndarray,
    label: np.ndarray,
    random: np.random.Generator,
    exclude: int | None = None,
) -> Canvas:
    """A canvas whose photograph is known: the image's own pixels in found outlines.

    Every segment keeps those pixels that lie in the best one of 100 random images, too.
    A fifth of the segments take that one's colours.

    Args:
        bank: as for :func:`canvas_of`, as all the following.
        image: the photograph, uint8 ``(height, width, 3)``.
        label: see there.
        random: also chooses the images, and the segments that are coloured.
        exclude: number of the image in the bank.
    """
    count = len(bank.keys)
    images = random.permutation(count)[: SEARCHED_IMAGES + 1]
    images = images[images != exclude][:SEARCHED_IMAGES]
    materials = []
    for segment in queries_of(bank, label):
        found = _found(bank, segment, exclude, images)
        colored = random.random() < RECOLORED_SHARE
        if found is None:
            continue
        shape, colors = found.shape & segment.mask, image
        if colored and shape.any():
            colors = image.copy()
            colors[shape] = recolored(image[shape], found.colors[found.shape])
        shape = shape & colors.any(-1)
        materials.append(replace(found, shape=shape, colors=colors))
    return _pasted(bank, label, materials, TRAINING_ELISION, random, outside=True)


def queries_of(bank, label: np.ndarray) -> list[Segment]:
    """The segments of a layout that are looked up, from back to front."""
    least = QUERIED_SHARE * label.size
    return list(segments_of(label, bank.class_order, bank.thin_classes, least))


def _found(bank, segment, exclude, images=None):
    """The best match as material, or None."""
    matches = search(bank, segment.mask, segment.label, exclude, images, keep=1)
    if not matches:
        return None
    best = matches[0]
    box, mask = bank.mask(best.segment)
    shape = np.zeros_like(segment.mask)
    shape[box] = mask
    colors = bank.image(best.image)
    return Material(segment, shape & colors.any(-1), colors)  # black counts as absent


def _pasted(bank, label, materials, elision, random, outside=False):
    """Pastes from back to front: there is no order but that of the classes."""
    colors = np.zeros((*label.shape, 3), np.uint8)
    mask, changed = np.zeros(label.shape, bool), label.copy()
    void = bank.facts["void"]
    for material in materials:
        erased = material.segment.mask_with_thin
        if void is not None:
            changed[erased] = void
    filled = {id(material.segment): material for material in materials}
    order = {class_: turn for turn, class_ in enumerate(bank.class_order)}
    everything = [material.segment for material in materials]
    everything += _without(bank, label, everything)
    for segment in sorted(everything, key=lambda s: order[s.label]):  # stable
        material = filled.get(id(segment))
        if material is None:
            changed[segment.mask] = segment.label
            colors[segment.mask], mask[segment.mask] = 0, False
            continue
        shape = material.shape
        changed[shape] = segment.label
        colors[shape], mask[shape] = material.colors[shape], True
        elided = _band(shape, int(elision * len(label)) // 2, outside)
        elided &= random.random(label.shape) < 0.5
        colors[elided], mask[elided] = 255, True  # white, and so still in the mask
    return Canvas(colors, mask, changed)


def _without(bank, label, found):
    """The segments of a layout that nothing is pasted for, however small."""
    known = {segment.label: np.zeros(label.shape, bool) for segment in found}
    for segment in found:
        known[segment.label] |= segment.mask
    return [
        segment
        for segment in segments_of(label, bank.class_order, bank.thin_classes)
        if segment.label not in known or not known[segment.label][segment.mask].any()
    ]


def _band(shape: np.ndarray, radius: int, outside: bool) -> np.ndarray:
    """Pixels of a shape within ``radius`` (of rows or columns) of one that is not.

    Args:
        shape: boolean ``(height, width)``.
        radius: pixels.
        outside: whether those as near on the other side of the edge belong to it.
    """
    band = shape & _dilated(~shape, radius)
    if outside:
        band |= ~shape & _dilated(shape, radius)
    return band


def _dilated(mask, radius):
    """True within a square of ``radius`` around any pixel of a mask."""
    for axis, size in enumerate(mask.shape):
        sums = np.cumsum(mask, axis, dtype=np.int32)
        sums = np.concatenate([np.zeros_like(sums.take([0], axis)), sums], axis)
        places = np.arange(size)
        low = np.maximum(places - radius, 0)
        high = np.minimum(places + radius + 1, size)
        mask = sums.take(high, axis) > sums.take(low, axis)
    return mask
