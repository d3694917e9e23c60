"""The number of pixels that a request would decode, from the headers alone.

A PNG of a few kilobytes can hold a billion pixels: what its header promises is counted
before anything is decoded.
"""

import io
from collections.abc import Mapping

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from ccfpse_tf.serving.api_error import bad_request

# Pillow's own classes, which read the header without pixels. `Image.open` would refuse
# large images by its own limit, without the number that the client is told.
_COUNTED = {b"\x89PNG\r\n\x1a\n": PngImageFile, b"\xff\xd8": JpegImageFile}
# TensorFlow's decoders take these, too, although their pixels cannot be counted.
_UNCOUNTED = {
    b"\x89PNG\r\n\x1a\n": "a PNG whose header cannot be read",
    b"\xff\xd8": "a JPEG whose header cannot be read",
    b"GIF8": "a GIF",
    b"BM": "a BMP",
}


def size_of(content: bytes) -> tuple[int, int] | None:
    """Returns height and width of a PNG or JPEG; None for other data."""
    for start, reader in _COUNTED.items():
        if content.startswith(start):
            try:
                with reader(io.BytesIO(content)) as image:
                    return image.height, image.width
            except (OSError, SyntaxError, ValueError):
                return None
    return None


def pixels_of(inputs: Mapping[str, np.ndarray]) -> int:
    """Returns the pixels of all images and maps of a request.

    Raises:
        ApiError: 400, for images whose pixels cannot be counted.
    """
    total = 0
    for array in inputs.values():
        if array.dtype == object:
            total += sum(_pixels(content) for content in array.reshape(-1))
        elif array.ndim >= 3:  # (batch, height, width, ...)
            total += int(np.prod(array.shape[:3], dtype=object))
    return total


def check_pixels(inputs: Mapping[str, np.ndarray], most: int) -> None:
    """Refuses a request of too many pixels.

    Raises:
        ApiError: 400, with both numbers.
    """
    total = pixels_of(inputs)
    if total > most:
        raise bad_request(
            f"the request's images have {total} pixels, this server takes {most} in "
            "one request: send smaller images or fewer"
        )


def _pixels(content):
    size = size_of(content)
    if size is None:
        for start, name in _UNCOUNTED.items():
            if content.startswith(start):
                raise bad_request(f"an image is {name}: send PNG, or JPEG for photos")
        return 0
    return size[0] * size[1]
