"""The picture on a preset's card: layouts, and what the model draws of them."""

import io
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image

from ccfpse_tf.data.description import Description
from ccfpse_tf.data.transforms import resize_ids, resize_image

STYLES = 3  # drawn of every layout
EDGE = 256  # pixels of the shorter edge, at most
_GAP = 8
_QUALITY = 90


def picture_of(
    draw: Callable[[Mapping[str, np.ndarray]], np.ndarray],
    data: Description,
    layouts: Sequence[tuple],
    codes: Sequence[np.ndarray],
) -> bytes:
    """Returns a JPEG: a row per layout, the layout in colours, then images of it.

    Args:
        draw: maps ``label``, maybe ``instance`` and ``z`` to images with values of
            0..255, all of a batch.
        data: gives the colours of the classes.
        layouts: ``(label, instance or None)``, ``(height, width)`` each.
        codes: style codes ``(z_dim,)``, of which the first three are taken; none for a
            model without.
    """
    palette = np.array(data.index_palette, np.uint8)
    rows = []
    for label, instance in layouts:
        inputs = {"label": label[None].astype(np.int32)}
        if instance is not None:
            inputs["instance"] = instance[None].astype(np.int32)
        styles = [{"z": code[None]} for code in codes[:STYLES]] or [{}]
        images = [draw(inputs | style)[0] for style in styles]
        size = _shown(label.shape)
        row = [palette[resize_ids(label, size)]]
        row += [resize_image(image.astype(np.uint8), size) for image in images]
        rows.append(_joined(row, axis=1))
    file = io.BytesIO()
    Image.fromarray(_joined(rows, axis=0)).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def _shown(size):
    scale = min(1, EDGE / min(size))
    return tuple(max(1, round(edge * scale)) for edge in size)


def _joined(parts, axis):
    """Puts pictures beside or below each other, with white between them."""
    other = max(part.shape[1 - axis] for part in parts)
    pieces = []
    for part in parts:
        size = [part.shape[0], part.shape[1], 3]
        size[1 - axis] = other
        canvas = np.full(size, 255, np.uint8)
        canvas[: part.shape[0], : part.shape[1]] = part
        gap = np.full((_GAP, other, 3) if axis == 0 else (other, _GAP, 3), 255)
        pieces += [canvas, gap.astype(np.uint8)]
    return np.concatenate(pieces[:-1], axis)
