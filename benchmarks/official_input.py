"""Cityscapes as the official code reads it: from the full-size files, every epoch.

Written from a description: open photo, labelIds and instanceIds with Pillow, resize to
512x256 pixels (photo bicubic, maps nearest), mirror half of them, make arrays with the
photo in [-1, 1]. Without TensorFlow, so that worker processes start fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ccfpse_tf.data.prepare.parallel import WorkerPool

SIZE = (256, 512)  # height, width


def photos(source: Path) -> list[Path]:
    """The training photos of a Cityscapes folder."""
    return sorted((source / "leftImg8bit" / "train").glob("*/*_leftImg8bit.png"))


def load(task: tuple[Path, bool]) -> dict[str, np.ndarray]:
    """Loads one image with its maps; `task` is (photo, whether mirrored)."""
    photo, mirrored = task
    with Image.open(photo) as opened:
        image = opened.convert("RGB")
    maps = {"label": "labelIds", "instance": "instanceIds"}
    arrays = {"image": _finish(image, Image.Resampling.BICUBIC, mirrored)}
    for name, word in maps.items():
        with Image.open(_map_of(photo, word)) as opened:
            array = _finish(opened, Image.Resampling.NEAREST, mirrored)
        arrays[name] = array.astype(np.int32)
    pixels = arrays["image"].astype(np.float32) / np.float32(255)
    arrays["image"] = (pixels - np.float32(0.5)) / np.float32(0.5)
    return arrays


def stream(
    source: Path, count: int, workers: WorkerPool | None = None
) -> Iterator[dict[str, np.ndarray]]:
    """Yields `count` loaded images, epoch after epoch in random order.

    Args:
        workers: processes that load; None loads in this one, as the official default.
    """
    random = np.random.default_rng(0)
    paths = photos(source)
    order = [paths[i] for _ in range(count) for i in random.permutation(len(paths))]
    tasks = [(path, bool(random.integers(2))) for path in order[:count]]
    yield from map(load, tasks) if workers is None else workers.map(load, tasks)


def _finish(image: Image.Image, resampling, mirrored: bool) -> np.ndarray:
    image = image.resize((SIZE[1], SIZE[0]), resampling)
    if mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(image)


def _map_of(photo: Path, word: str) -> Path:
    city = photo.parent.name
    name = photo.name.replace("leftImg8bit", f"gtFine_{word}")
    return photo.parents[3] / "gtFine" / "train" / city / name
