"""The pictures of a study as arrays: layouts in colour, images spoilt on purpose."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from ccfpse_tf.data.datasets import Color, distinct_colors
from ccfpse_tf.data.image_files import read_label
from ccfpse_tf.data.label_mapping import DONT_CARE_FILE_ID
from ccfpse_tf.data.prepare.label_reading import load_label
from ccfpse_tf.data.transforms import describe_ids, resize
from ccfpse_tf.errors import InputError

HIGHEST_ID = 65535
_BLUR = 1 / 12  # radius, as a part of the shorter side
_NOISE = 70  # standard deviation, of 255


def hold_colors(paths: Iterable[Path]) -> bool:
    """Returns whether one of these label files holds colours other than greys.

    Then the others hold colours as well, even if a program has saved black and white
    as greys or single bits.
    """
    for path in paths:
        try:
            label = read_label(str(path))
        except InputError:
            continue  # named when it is drawn
        if label.ndim == 3 and (label != label[..., :1]).any():
            return True
    return False


def draw_layout(
    path: Path,
    size: tuple[int, int],
    colors: Mapping[int, Color] | None,
    by_color: bool = False,
) -> np.ndarray:
    """Returns a label file in colours, resized by nearest neighbour.

    Files in colour are shown as they are; greys count as ids. Without ``colors``, ids
    get colours that can be told apart (255 is black) and palette files their own.

    Args:
        path: a PNG with ids or colours.
        size: ``(height, width)`` of the result.
        colors: of every id.
        by_color: show greys as they are, too; see `hold_colors`.

    Returns:
        uint8 ``(height, width, 3)``.

    Raises:
        InputError: unreadable file, or an id without colour.
    """
    if by_color:
        label = load_label(path, "colors").values
        return resize(label, size, Image.Resampling.NEAREST)
    label = read_label(path, by_color=colors is None)
    if label.ndim == 3 and (label == label[..., :1]).all():
        label = label[..., 0]
    if label.ndim == 2:
        label = _paint(label, path, colors)
    return resize(label, size, Image.Resampling.NEAREST)


def spoil(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns a spoilt copy: blurred, and under heavy noise.

    Args:
        image: uint8 ``(height, width, 3)``.
        rng: of the noise.
    """
    radius = max(1.0, min(image.shape[:2]) * _BLUR)
    soft = Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius))
    noisy = np.asarray(soft, np.float64) + rng.normal(0, _NOISE, image.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _paint(ids, path, colors):
    found = np.unique(ids)
    if colors is None:
        if found[0] < 0 or found[-1] > HIGHEST_ID:
            raise InputError(
                f"{path}: label ids {found[0]}..{found[-1]}; allowed 0..{HIGHEST_ID}"
            )
        shown = distinct_colors(int(found[-1]) + 1)
        colors = {int(i): shown[i] for i in found} | {DONT_CARE_FILE_ID: (0, 0, 0)}
    unknown = ~np.isin(found, list(colors))
    if unknown.any():
        row, column = np.argwhere(ids == found[unknown][0])[0]
        raise InputError(
            f"{path}: id {ids[row, column]} at row {row}, column {column} has no "
            f"colour; there are colours for {describe_ids(colors)}: give the labels "
            "that --a was generated from, or another --palette"
        )
    table = np.array([colors[int(i)] for i in found], np.uint8)
    return table[np.searchsorted(found, ids)]
