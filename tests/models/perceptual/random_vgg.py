"""Random VGG19 weights, which do not need a download."""

from pathlib import Path

import numpy as np


def write_vgg(path: Path) -> None:
    """Writes a ``.npz`` with torchvision's names."""
    random = np.random.default_rng(0)
    widths = (64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512)
    places = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28)
    arrays, before = {}, 3
    for place, width in zip(places, widths, strict=True):
        shape = (width, before, 3, 3)
        scale = np.sqrt(2 / (9 * before))
        kernel = random.standard_normal(shape, dtype=np.float32) * np.float32(scale)
        arrays[f"features.{place}.weight"] = kernel
        arrays[f"features.{place}.bias"] = np.zeros(width, np.float32)
        before = width
    np.savez(path, **arrays)
