"""Tiles of noise that all scenes share, each starting somewhere else in them."""

from functools import lru_cache

import numpy as np
from PIL import Image

from ccfpse_tf.data.transforms import resize

TILE = 256  # a power of two: positions wrap with `& (TILE - 1)`


def _random(seed: int, size: int) -> np.ndarray:
    bits = np.random.PCG64(np.random.SeedSequence(seed))
    return np.random.Generator(bits).random((size, size)).astype(np.float32)


@lru_cache(maxsize=1)
def grain() -> np.ndarray:
    """White noise in [0, 1), float32 (TILE, TILE)."""
    return _random(1, TILE)


@lru_cache(maxsize=1)
def clouds() -> np.ndarray:
    """Smooth noise of several scales, 0..1 with mean 0.5, float32 (TILE, TILE)."""
    total = np.zeros((TILE, TILE), np.float32)
    for octave, cells in enumerate((4, 8, 16, 32, 64, 128)):
        # Padded by two wrapped cells on each side, so that the tile has no seam.
        coarse = np.pad(_random(10 + octave, cells), 2, mode="wrap")
        step = TILE // cells
        size = TILE + 4 * step
        smooth = resize(coarse, (size, size), Image.Resampling.BICUBIC)
        inner = slice(2 * step, 2 * step + TILE)
        total += smooth[inner, inner] * 0.62**octave
    low, high = total.min(), total.max()
    return (total - low) / (high - low)


def stretched(
    tile: np.ndarray,
    offset: tuple[int, int],
    window: tuple[int, int],
    size: tuple[int, int],
) -> np.ndarray:
    """A (height, width) window of the tile at an offset, resized to size."""
    rows = (np.arange(window[0]) + offset[0]) & (TILE - 1)
    columns = (np.arange(window[1]) + offset[1]) & (TILE - 1)
    return resize(tile[np.ix_(rows, columns)], size, Image.Resampling.BILINEAR)
