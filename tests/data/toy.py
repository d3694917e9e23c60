"""Small data sets on disk for the tests of this folder."""

from pathlib import Path

import numpy as np
from PIL import Image


def coordinates(height, width, number=0):
    """An image whose red and green are the row and column, blue the image number."""
    rows, columns = np.mgrid[:height, :width]
    blue = np.full_like(rows, number)
    return np.stack([rows, columns, blue], -1).astype(np.uint8)


def save(path, array):
    """Saves an array as PNG (or by its ending), making folders."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def make_folder(root, count=6, size=(40, 48), classes=4, instances=False, start=0):
    """Writes `image/`, `label/` and, if asked for, `instance/` with `count` PNGs.

    Label = (row + number) % classes; instance = 300 * row + column, so 16 bits.
    """
    root = Path(root)
    for number in range(start, start + count):
        image = coordinates(*size, number)
        rows, columns = np.mgrid[: size[0], : size[1]]
        name = f"p{number:03d}.png"
        save(root / "image" / name, image)
        save(root / "label" / name, ((rows + number) % classes).astype(np.uint8))
        if instances:
            save(root / "instance" / name, (300 * rows + columns).astype(np.uint16))
    return root


def folder_argv(root, out, *more):
    """The command line that prepares `make_folder(root)` into `out`."""
    argv = ["--images", f"{root}/image", "--labels", f"{root}/label"]
    if (Path(root) / "instance").is_dir():
        argv += ["--instances", f"{root}/instance"]
    return [*argv, "--out", str(out), "--workers", "1", *map(str, more)]
