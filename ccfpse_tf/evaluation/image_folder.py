"""Image files of an evaluation, named by the layouts' keys."""

from pathlib import Path

import numpy as np
from PIL import Image

from ccfpse_tf.data.file_template import compose
from ccfpse_tf.data.find_files import images_in
from ccfpse_tf.data.image_files import read_photo
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.atomic import new_file


def stem(key: str) -> str:
    """The name, without ending, of a layout's image file."""
    return key.replace("/", "__")


class ImageFolder:
    """Images that were generated elsewhere.

    Args:
        place: a folder, searched with its subfolders, or a template with ``{key}``.

    Raises:
        InputError: no folder, no PNG, names that occur twice.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self._files = images_in(place, "--images", flat=True)

    def path_of(self, key: str) -> Path:
        """Returns the path of a layout's image.

        Raises:
            InputError: the folder does not hold it.
        """
        name = compose(stem(key))
        for found in (name, f"{name}_style1"):
            if found in self._files:
                return Path(self._files[found].path)
        raise InputError(
            f"--images {self.place}: no {stem(key)}.png (or {stem(key)}_style1.png) "
            f"for the layout {key}; generate the whole split, or evaluate its start "
            "with --count"
        )

    def first_size(self) -> tuple[int, int]:
        """``(height, width)`` of the first image; `InputError` if it is unreadable."""
        first = next(iter(self._files.values()))
        return read_image(Path(first.path), None).shape[:2]


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
