"""Whether JPEG and PNG files are whole, and whether TensorFlow decodes them, too.

Pillow passes over wrong checksums and missing ends at which TensorFlow stops.
"""

from __future__ import annotations

import re
import zlib

import numpy as np
from PIL import Image

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column and row of each pass, and steps between columns and rows.
_NOT_INTERLACED = ((0, 0, 1, 1),)
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_PNG_LONGEST_EDGE = 1_000_000  # libpng's limit
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # not stuffing, not a restart
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_ARITHMETIC, _JPEG_END = 0xCC, 0xD9


def damage(content: bytes) -> str | None:
    """Says what is wrong with a PNG by its length and checksums; None for the rest."""
    if not content.startswith(_PNG):
        return None
    for kind, start, end in _png_chunks(content):
        if end + 4 > len(content):
            return "the PNG is cut short"
        if zlib.crc32(memoryview(content)[start - 4 : end]) != _number(content, end):
            return f"the PNG is damaged: wrong checksum of {kind!r}"
        if kind == b"IEND":
            return None
    return "the PNG is cut short: its end is missing"


def lacks_rows(image: Image.Image, content: bytes) -> bool:
    """Returns whether a decoded PNG holds fewer pixels than its header promises.

    Pillow leaves missing rows at 0. So the time to count is spent only where the last
    row is 0, or rows do not come in order.
    """
    if image.format != "PNG":
        return False
    last = image.crop((0, image.height - 1, image.width, image.height))
    if np.asarray(last).any() and not content[28]:
        return False
    return _png_pixels(content)[0] < _png_bytes(content)


def decodes_in_tensorflow(content: bytes) -> bool:
    """Returns whether TensorFlow decodes a JPEG or PNG as well as Pillow has done it.

    TensorFlow's libraries know less: no arithmetic coding, no lossless JPEG, no new
    parts of PNG; and they insist on the end of a JPEG and of a PNG's pixels.
    """
    if content.startswith(_PNG):
        return _plain_png(content)
    return content.startswith(b"\xff\xd8") and _plain_jpeg(content)


def _number(content: bytes, start: int) -> int:
    return int.from_bytes(content[start : start + 4], "big")


def _png_chunks(content: bytes):
    """Yields kind, first byte and end of the data of each chunk."""
    start = len(_PNG)
    while start + 8 <= len(content):
        end = start + 8 + _number(content, start)
        yield content[start + 4 : start + 8], start + 8, end
        start = end + 4


def _plain_png(content: bytes) -> bool:
    """Whether there are only parts that every reader knows, whole and in order."""
    kinds = _png_kinds(content)
    pixels = kinds.count(b"IDAT")
    first = kinds.index(b"IDAT")
    critical = {kind for kind in kinds if kind[:1].isupper()}
    return (
        max(_number(content, 16), _number(content, 20)) <= _PNG_LONGEST_EDGE
        and critical <= {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
        and kinds.count(b"IHDR") == 1
        and kinds[first : first + pixels] == [b"IDAT"] * pixels
        and _png_pixels(content) == (_png_bytes(content), True)
    )


def _png_kinds(content: bytes) -> list[bytes]:
    kinds = [kind for kind, _, _ in _png_chunks(content)]
    return kinds[: kinds.index(b"IEND") + 1]


def _png_pixels(content: bytes) -> tuple[int, bool]:
    """Bytes of pixels that a PNG holds, and whether their stream ends properly."""
    parts = [
        content[start:end]
        for kind, start, end in _png_chunks(content)
        if kind == b"IDAT"
    ]
    inflater = zlib.decompressobj()
    try:
        # One byte more than is needed tells a longer stream.
        length = len(inflater.decompress(b"".join(parts), _png_bytes(content) + 1))
    except zlib.error:
        return 0, False
    return length, inflater.eof and not inflater.unused_data


def _png_bytes(content: bytes) -> int:
    """Bytes of pixels, filters included, that the header of a PNG promises."""
    width, height = _number(content, 16), _number(content, 20)
    bits = content[24] * _PNG_CHANNELS[content[25]]
    total = 0
    for x, y, dx, dy in _ADAM7 if content[28] else _NOT_INTERLACED:
        columns, rows = -(-(width - x) // dx), -(-(height - y) // dy)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _plain_jpeg(content: bytes) -> bool:
    """Whether it is one Huffman-coded frame of 8 bits, and has its end."""
    position, frames = 2, 0
    while found := _JPEG_MARKER.search(content, position):
        marker, position = content[found.end() - 1], found.end()
        if marker == _JPEG_END:
            return frames == 1
        if marker in _JPEG_FRAMES:
            frames += 1
            if marker > 0xC2 or content[position + 2 : position + 3] != b"\x08":
                return False
        if marker == _JPEG_ARITHMETIC:
            return False
        position += int.from_bytes(content[position : position + 2], "big")
    return False
