"""How many pixels a request would have decoded, from the headers alone.

A PNG of a few kilobytes can hold a billion pixels: what its header promises is counted
before anything is decoded.
"""

import struct
from collections.abc import Mapping

import numpy as np

from ccfpse_tf.serving.api_error import bad_request

_PNG = b"\x89PNG\r\n\x1a\n"
# Start-of-frame markers; C4, C8 and CC in their midst are other things.
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_UNCOUNTED = {
    b"\xff\xd8": "a JPEG whose header cannot be read",
    b"GIF8": "a GIF",
    b"BM": "a BMP",
}


def size_of(content: bytes) -> tuple[int, int] | None:
    """Height and width of a PNG or JPEG; None for whatever is neither, or cut short."""
    if content.startswith(_PNG):
        if len(content) < 24 or content[12:16] != b"IHDR":
            return None
        width, height = struct.unpack(">II", content[16:24])
        return height, width
    if content.startswith(b"\xff\xd8"):
        return _jpeg_size(content)
    return None


def pixels_of(inputs: Mapping[str, np.ndarray]) -> int:
    """The pixels of all images and maps of a request.

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
        # The decoders of TensorFlow take these as well; none is of the protocol.
        for start, name in _UNCOUNTED.items():
            if content.startswith(start):
                raise bad_request(f"an image is {name}: send PNG, or JPEG for photos")
        return 0
    return size[0] * size[1]


def _jpeg_size(content):
    place = 2
    while place + 9 <= len(content):
        if content[place] != 0xFF:
            return None
        marker = content[place + 1]
        if marker == 0xFF:  # padding
            place += 1
        elif marker in _JPEG_FRAMES:
            return struct.unpack(">HH", content[place + 5 : place + 9])
        else:
            (length,) = struct.unpack(">H", content[place + 2 : place + 4])
            if length < 2:
                return None
            place += 2 + length
    return None
