"""Opening an image file of any kind, with errors that name it and the way out."""

from __future__ import annotations

import io
import threading

from PIL import Image

from ccfpse_tf.data.image_integrity import damage, lacks_rows
from ccfpse_tf.data.image_kind import FORMATS, count_pictures, foreign, kind_of
from ccfpse_tf.errors import InputError

MAX_PIXELS = 178_956_970  # of one file: Pillow's own limit against "bombs"
MOST_PIXELS = 2**29 - 1  # that TensorFlow decodes from one PNG
_BYTES_PER_PIXEL = 20  # while photo and map are read and resized
# Memory that the pixels of one file may take unless an option allows more: a few bytes
# can claim gigabytes of equal pixels. Photos and maps of cameras are far below.
_MEMORY, _MEMORY_PER_BYTE = 200_000_000, 64
_BYTES_OF_COLORS, _BYTES_OF_IDS = 8, 2  # of a pixel, as Pillow's image and as array
_OPENING = threading.Lock()


class OpenedImage:
    """An image file and its kind; a context manager.

    Args:
        content: of the file.
        path: its name, for messages.
        max_pixels: that it may have, as an option says; None for `MAX_PIXELS`, and
            for no more memory than a file of its length should need.
        decode: read the pixels, too.
        photo: whether pixels become colours, whatever the file holds.

    Attributes:
        image: Pillow's image.
        kind: how its pixels are stored.

    Raises:
        InputError: no image, a damaged one, too many pixels, more than one picture.
    """

    def __init__(
        self,
        content: bytes,
        path: str,
        max_pixels: int | None = None,
        *,
        decode: bool = True,
        photo: bool = False,
    ) -> None:
        reason = foreign(content)
        if reason:
            raise InputError(f"{path}: {reason}")
        reason = damage(content)
        if reason:
            raise InputError(
                f"{path}: cannot be read as an image ({reason}); replace the file"
            )
        try:
            self.image = _open(content)
            self.kind = kind_of(self.image, content)
            _check_pixels(self.image, path, max_pixels, photo, len(content))
            pictures = count_pictures(self.image)
            if decode:
                self.image.load()
            if decode and lacks_rows(self.image, content):
                raise ValueError("rows are missing")
        except InputError:
            raise
        except Image.UnidentifiedImageError as error:
            raise InputError(
                f"{path}: cannot be read as an image (begins with {content[:12]!r}: "
                f"damaged, or of no kind of {', '.join(FORMATS)} that is read); "
                "replace the file, or save it as PNG"
            ) from error
        except Exception as error:  # damaged files break Pillow in any place
            raise InputError(
                f"{path}: cannot be read as an image "
                f"({str(error) or type(error).__name__}); replace the file if it is "
                "cut short or damaged, else save it as PNG"
            ) from error
        if pictures > 1:
            raise InputError(
                f"{path}: holds {pictures} pictures (pages or frames); save the one "
                "that is meant as a file of its own"
            )

    def __enter__(self) -> OpenedImage:
        return self

    def __exit__(self, *_) -> None:
        self.image.close()


def _open(content: bytes) -> Image.Image:
    """Reads the header. Pillow's limit of pixels is off meanwhile: ours comes next."""
    with _OPENING:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            Image.preinit()
            if not content.startswith((b"\x89PNG", b"\xff\xd8")):
                Image.init()  # loads the rare formats, which takes a while
            formats = [name for name in FORMATS if name in Image.OPEN]
            return Image.open(io.BytesIO(content), formats=formats)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _check_pixels(
    image: Image.Image, path: str, max_pixels: int | None, photo: bool, length: int
) -> None:
    pixels, allowed = image.width * image.height, max_pixels
    if allowed is None:
        colors = photo or len(image.getbands()) > 1
        memory = _MEMORY + _MEMORY_PER_BYTE * length
        most = memory // (_BYTES_OF_COLORS if colors else _BYTES_OF_IDS)
        allowed = min(MAX_PIXELS, most)
    if pixels <= allowed:
        return
    way_out = "make it smaller (maps without smoothing)"
    if pixels <= MOST_PIXELS:
        way_out += (
            f"; prepare alone takes it with --max-pixels {pixels}, and up to "
            f"{-(-pixels * _BYTES_PER_PIXEL // 2**30)} GB of memory for each of its "
            "--workers"
        )
    raise InputError(
        f"{path}: has {image.height} x {image.width} = {pixels:,} pixels; allowed are "
        f"{allowed:,} in a file of {length:,} bytes: {way_out}"
    )
