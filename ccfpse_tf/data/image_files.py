"""Opening image files, photographs and integer maps, with errors that name them."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

from ccfpse_tf.errors import InputError

_LOSSY = (".jpg", ".jpeg", ".webp")
_KEPT = {"JPEG": ("RGB", "L"), "PNG": ("RGB", "L")}  # formats to store as they are
_ORIENTATION = 0x0112  # EXIF tag; the official pipeline ignores it, and so do we
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


def read_image(path: str) -> tuple[np.ndarray, bytes | None]:
    """Reads a photo as RGB; returns it and, if they can be stored, its bytes."""
    with open(path, "rb") as file:
        content = file.read()
    with _open(io.BytesIO(content), path) as image:
        keep = image.mode in _KEPT.get(image.format, ())
        keep = keep and "transparency" not in image.info
        return np.asarray(image.convert("RGB")), content if keep else None


def read_label(path: str, by_color: bool = False) -> np.ndarray:
    """Reads a label file: ids `(h, w)` or colours `(h, w, 3)`."""
    if path.lower().endswith(_LOSSY):
        raise InputError(
            f"{path}: label maps must be stored without loss; save it as PNG"
        )
    with open(path, "rb") as file:
        return decode_label(file, path, by_color)


def decode_label(file, path: str, by_color: bool = False) -> np.ndarray:
    """Decodes an open label file; see `read_label`."""
    with _open(file, path) as image:
        if image.mode in ("RGB", "RGBA") or (image.mode == "P" and by_color):
            return np.asarray(image.convert("RGB"))
        return _integers(image, path)


def read_ids(path: str) -> np.ndarray:
    """Reads an instance map `(h, w)` of any integers."""
    with open(path, "rb") as file, _open(file, path) as image:
        if image.mode in ("RGB", "RGBA"):
            channels = np.asarray(image)[..., :3]
            if (channels != channels[..., :1]).any():
                raise InputError(
                    f"{path}: instance map with colours; needs one channel of ids"
                )
            return channels[..., 0]
        return _integers(image, path)


def stored_as(path: str) -> tuple[str, int]:
    """Returns how a file stores its pixels: grey, table or colors; bits per sample."""
    with Image.open(path) as image:
        if image.mode in ("P", "PA"):
            return "table", 8
        if image.mode not in ("1", "L", "LA") and not image.mode.startswith("I"):
            return "colors", 8
        return "grey", {"1": 1, "L": 8, "LA": 8}.get(image.mode, 16)


def turned_by_exif(path: str) -> bool:
    """Returns whether viewers turn this photo on its side, unlike its stored pixels."""
    try:
        with Image.open(path) as image:
            return image.getexif().get(_ORIENTATION, 1) >= 5
    except _UNREADABLE:
        return False


def _integers(image: Image.Image, path: str) -> np.ndarray:
    if image.mode == "LA":
        image = image.convert("L")
    if image.mode == "1":
        return np.asarray(image).astype(np.uint8)
    if image.mode in ("L", "P"):
        return np.asarray(image)
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.int32)
    raise InputError(
        f"{path}: pixels of Pillow mode {image.mode!r}; "
        "allowed: 1, 8 or 16 bit grey, palette, or RGB colours"
    )


class _open:
    """Opens and decodes an image; what Pillow raises becomes an `InputError`."""

    def __init__(self, file, path: str) -> None:
        self.path = path
        try:
            self.image = Image.open(file)
            self.image.load()
        except (*_UNREADABLE, Image.DecompressionBombError) as error:
            raise InputError(
                f"{path}: cannot be read as an image ({error}); "
                "replace the file, it may be cut short"
            ) from error

    def __enter__(self) -> Image.Image:
        return self.image

    def __exit__(self, *_) -> None:
        self.image.close()
