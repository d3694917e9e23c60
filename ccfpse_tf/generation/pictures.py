"""Label maps in colour and grids of pictures, as NumPy arrays."""

from collections.abc import Sequence

import numpy as np

GAP = 4  # pixels between the cells of a grid
BACKGROUND = 255


def colorize(
    label: np.ndarray,
    palette: Sequence[tuple[int, int, int]],
    instance: np.ndarray | None = None,
) -> np.ndarray:
    """Paints class indices in their colours.

    Args:
        label: ``(height, width)`` class indices.
        palette: RGB of every index.
        instance: ``(height, width)`` ids; a darker line is drawn where they change.

    Returns:
        uint8 ``(height, width, 3)``.
    """
    image = np.asarray(palette, np.uint8)[label]
    if instance is not None:
        edge = np.zeros(label.shape, bool)
        edge[1:] |= instance[1:] != instance[:-1]
        edge[:, 1:] |= instance[:, 1:] != instance[:, :-1]
        image[edge] //= 3
    return image


def grid(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Sets equally large uint8 pictures in rows and columns, a white gap between."""
    height, width, channels = rows[0][0].shape
    columns = len(rows[0])
    canvas = np.full(
        (
            len(rows) * (height + GAP) - GAP,
            columns * (width + GAP) - GAP,
            channels,
        ),
        BACKGROUND,
        np.uint8,
    )
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            top, left = i * (height + GAP), j * (width + GAP)
            canvas[top : top + height, left : left + width] = picture
    return canvas
