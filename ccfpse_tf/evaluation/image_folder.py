"""Image files of an evaluation, named by the layouts' keys."""

from pathlib import Path

import numpy as np
from PIL import Image

from ccfpse_tf.data.image_files import read_photo
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.atomic import new_file


def stem(key: str) -> str:
    """The name, without ending, of a layout's image file."""
    return key.replace("/", "__")


def image_of(folder: Path, key: str) -> Path:
    """Returns the path of a layout's image in a folder of images.

    Raises:
        InputError: the folder does not hold it.
    """
    for name in (f"{stem(key)}.png", f"{stem(key)}_style1.png"):
        if (path := Path(folder) / name).is_file():
            return path
    raise InputError(
        f"--images {folder}: no {stem(key)}.png (or {stem(key)}_style1.png) for the "
        f"layout {key}; generate the whole split, or evaluate its start with --count"
    )


def first_size(folder: Path) -> tuple[int, int]:
    """``(height, width)`` of the first image of a folder.

    Raises:
        InputError: the folder holds no PNG, or one that cannot be read.
    """
    path = next(iter(sorted(Path(folder).glob("*.png"))), None)
    if path is None:
        raise InputError(f"--images {folder}: no *.png in there")
    return read_image(path, None).shape[:2]


def read_image(path: Path, size: tuple[int, int] | None) -> np.ndarray:
    """Reads an RGB image, uint8 ``(height, width, 3)``.

    Raises:
        InputError: it cannot be read, or is not of ``size`` (None: any).
    """
    image = read_photo(path).pixels
    if size and image.shape[:2] != size:
        found, wanted = ("x".join(map(str, x)) for x in (image.shape[:2], size))
        raise InputError(
            f"{path}: is {found} (height x width), the others are {wanted}"
        )
    return image


def read_generated(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Reads an image that an evaluation has generated before; see `read_image`."""
    try:
        return read_image(path, size)
    except InputError as error:
        raise InputError(f"{error}, or delete it to have it generated again") from error


def write_image(path: Path, image: np.ndarray) -> None:
    """Writes a PNG, whole or not at all."""
    with new_file(path) as aside:
        Image.fromarray(image).save(aside, format="png")
