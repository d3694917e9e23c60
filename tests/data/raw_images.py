"""Image files made of raw samples, as Pillow cannot write them."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # of PNG, by channels


def chunk(kind, data):
    """A part of a PNG."""
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def packed(values, bits):
    """Rows of samples of `bits`, each row filled up to whole bytes."""
    rows = []
    for row in np.asarray(values).reshape(len(values), -1):
        text = "".join(format(int(value), f"0{bits}b") for value in row)
        text += "0" * (-len(text) % 8)
        rows.append(bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8)))
    return rows


def png(values, bits, before=b""):
    """A PNG of raw samples `(h, w)` or `(h, w, channels)`."""
    values = np.asarray(values)
    channels = values.shape[2] if values.ndim == 3 else 1
    size = struct.pack(">II", values.shape[1], values.shape[0])
    header = size + bytes([bits, COLOR_TYPES[channels], 0, 0, 0])
    data = zlib.compress(b"".join(b"\0" + row for row in packed(values, bits)))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + before
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


def tiff(values, bits, kind=1, white_is_zero=False):
    """A grey TIFF of raw samples; `kind` 1 unsigned, 2 signed."""
    values = np.asarray(values) & (2**bits - 1)
    data = b"".join(packed(values, bits))
    if bits in (16, 32):
        data = values.astype(f"<u{bits // 8}").tobytes()
    height, width = values.shape
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: int(not white_is_zero)}
    tags |= {273: 134, 277: 1, 278: height, 279: len(data), 339: kind}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in tags)
    start = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0\0\0\0"
    return start.ljust(134, b"\0") + data


def encoded(array, kind, **options):
    """The content of a file that Pillow writes."""
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
