"""Things drawn onto photos, with masks: ``python -m benchmarks.anomalies``.

On each photo stands one thing that no data set of streets has: an ellipse or a box in
stripes or checks of two random colours, in the lower half. ``OUT/photos`` and
``OUT/masks`` are for `ccfpse resynthesise --masks`; docs/anomalies.md has the figures.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from ccfpse_tf.data.find_files import find_in
from ccfpse_tf.data.image_files import read_photo
from ccfpse_tf.runtime.natural_option import natural

SIZES = 0.12, 0.25  # edges of a thing, as shares of the photo's height


def thing(
    height: int, width: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns where a thing stands on a photo, and its colours.

    Args:
        height, width: of the photo.
        random: decides place, size, outline, pattern and colours.

    Returns:
        Booleans ``(height, width)`` and uint8 ``(height, width, 3)``.
    """
    rows, columns = np.mgrid[:height, :width]
    tall, wide = random.uniform(*SIZES, 2) * height / 2
    y = random.uniform(0.6 * height, height - tall)
    x = random.uniform(0.25 * width, 0.75 * width)
    down, across = (rows - y) / tall, (columns - x) / wide
    if random.random() < 0.5:
        inside = down**2 + across**2 < 1
    else:
        inside = np.maximum(np.abs(down), np.abs(across)) < 1
    period = max(random.uniform(0.1, 0.4) * tall, 2)
    angle = random.uniform(0, np.pi)
    along = rows * np.cos(angle) + columns * np.sin(angle)
    second = along // period % 2 < 1
    if random.random() < 0.5:
        other = rows * np.sin(angle) - columns * np.cos(angle)
        second ^= other // period % 2 < 1
    colours = random.integers(0, 256, (2, 3), np.uint8)
    return inside, colours[second.astype(int)]


def main(argv=None) -> None:
    """Runs it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", required=True, metavar="DIR")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR")
    parser.add_argument("--seed", type=natural, default=0)
    arguments = parser.parse_args(argv)
    for name in ("photos", "masks"):
        (arguments.out / name).mkdir(parents=True, exist_ok=True)
    files = find_in(arguments.photos, "--photos").by_key(flat=True)
    for number, (key, file) in enumerate(sorted(files.items())):
        photo = read_photo(file.path).pixels
        random = np.random.default_rng([arguments.seed, number])
        inside, colours = thing(*photo.shape[:2], random)
        drawn = np.where(inside[..., None], colours, photo)
        Image.fromarray(drawn).save(arguments.out / "photos" / f"{key}.png")
        mask = Image.fromarray(inside.astype(np.uint8) * 255)
        mask.save(arguments.out / "masks" / f"{key}.png")
    print(f"{len(files)} photos in {arguments.out}")


if __name__ == "__main__":
    main()
