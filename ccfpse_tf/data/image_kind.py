"""What a file is, read from its bytes: neither its name nor Pillow's mode tells it all.

Pillow keeps the upper half of 16-bit colours, stretches greys of few bits to 0..255 and
opens files that TensorFlow does not decode. The functions here say so beforehand.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from PIL import Image, TiffImagePlugin

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "PPM", "GIF", "JPEG2000", "AVIF")
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_COLORS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey and alpha", 6: "RGBA"}
_PNG_LONGEST_EDGE = 1_000_000  # libpng's limit
_LOSSY = ("JPEG", "MPO", "JPEG2000", "AVIF")
# TIFF compressions that keep every value: none, CCITT, LZW, Deflate, PackBits, LZMA,
# Zstandard.
_TIFF_LOSSLESS = (1, 2, 3, 4, 5, 8, 32773, 32946, 34925, 50000)
_TIFF_SUBFILE, _TIFF_BITS, _TIFF_COMPRESSION = 254, 258, 259
_TIFF_COLORS, _TIFF_KIND = 262, 339
_SIGNED = 2
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # not stuffing, not a restart
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_ARITHMETIC, _JPEG_END = 0xCC, 0xD9
_PPM_HEADER = re.compile(
    rb"P[2356]" + rb"(?:\s|#[^\n]*\n)+\d+" * 2 + rb"(?:\s|#[^\n]*\n)+(\d+)"
)

# What people find under the name of an image: first bytes, what it is, the way out.
_FOREIGN = (
    (
        b"version https://git-lfs",
        "a Git LFS pointer, which stands for the file",
        "fetch the file itself: `git lfs pull` in its repository",
    ),
    (b"\x1f\x8b", "a gzip archive", "unpack it first (gunzip)"),
    (b"PK\x03\x04", "a zip archive", "unpack it first (unzip)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"BZh", "a bzip2 archive", "unpack it first (bunzip2)"),
    (b"\xfd7zXZ\0", "an xz archive", "unpack it first (unxz)"),
    (b"%PDF", "a PDF document", "save its picture as PNG"),
    (b"%!PS", "a PostScript document", "save its picture as PNG"),
    (b"8BPS", "a Photoshop document", "save a flattened copy as PNG"),
    (b"\x93NUMPY", "a NumPy array", "save it as PNG"),
    (b"\x89HDF\r\n", "an HDF5 file", "save its picture as PNG"),
    (b"\x00\x05\x16\x07", "a note that macOS keeps beside a file", "delete it"),
    (b"<svg", "an SVG drawing", "save it as PNG"),
)
_WEB_PAGES = (b"<!doctype html", b"<html", b"<head", b"<?xml", b"<error")
_HEIC = (b"heic", b"heix", b"hevc", b"heim", b"heis")


@dataclass(frozen=True)
class ImageKind:
    """How the pixels of a file are stored.

    `bits` of a sample; `colors` "grey" or others such as "RGB"; `white` the number that
    is stored for white in a grey file; `inverted` whether 0 is white; `signed` whether
    samples have a sign; `lossy` the name of a compression that changes values, or None.
    """

    format: str
    bits: int
    colors: str
    white: int
    inverted: bool = False
    signed: bool = False
    lossy: str | None = None

    @property
    def stretched(self) -> bool:
        """Whether Pillow gives other numbers than those that are stored."""
        few = self.colors == "grey" and 1 < self.bits < 8
        return few or self.format == "PPM" and self.white not in (1, 255, 65535)


def foreign(content: bytes) -> str | None:
    """Describes a file that is no image at all, with the way out; else None."""
    if not content:
        return "is empty (0 bytes); replace the file"
    if not content[:512].strip(b"\0") and not content.strip(b"\0"):
        return "holds nothing but zero bytes; copy or download it again"
    start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    for first, what, way_out in _FOREIGN:
        if start.startswith(first):
            return f"is {what}, not an image; {way_out}"
    if start[:20].lower().startswith(_WEB_PAGES):
        return (
            "is a web page (HTML or XML), as servers send where a login is needed or "
            "a file is gone, not an image; download the image again"
        )
    if content[4:8] == b"ftyp" and content[8:12] in _HEIC:
        return "is a HEIC photo, which is not read; save it as JPEG or PNG"
    return None


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


def kind_of(image: Image.Image, content: bytes) -> ImageKind:
    """Reads how an opened image is stored; its pixels need not be decoded yet."""
    name = image.format
    if name == "PNG":
        if content[12:16] != b"IHDR":
            raise ValueError("a PNG that does not begin with its header")
        bits = content[24]
        return ImageKind(name, bits, _PNG_COLORS[content[25]], 2**bits - 1)
    if name == "PPM":
        white = _ppm_white(content)
        colors = "grey" if image.mode in ("1", "L", "I") else image.mode
        inverted = image.mode == "1"
        return ImageKind(name, white.bit_length(), colors, white, inverted)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return _tiff_kind(image)
    lossy = name if name in _LOSSY else None
    if name == "WEBP" and not _webp_lossless(content):
        lossy = "WebP with loss"
    return ImageKind(
        name, 16 if ";16" in image.mode else 8, image.mode, 255, lossy=lossy
    )


def count_pictures(image: Image.Image) -> int:
    """Counts pages or frames, without smaller copies of the first one."""
    frames = getattr(image, "n_frames", 1)
    if frames == 1 or image.format == "MPO":  # whose others are previews
        return 1
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return frames
    others = 0
    for frame in range(1, frames):
        image.seek(frame)
        others += not image.tag_v2.get(_TIFF_SUBFILE, 0) & 1
    image.seek(0)
    return 1 + others


def decodes_in_tensorflow(content: bytes) -> bool:
    """Returns whether TensorFlow decodes a JPEG or PNG as well as Pillow has done it.

    TensorFlow's libraries know less: no arithmetic coding, no lossless JPEG, no new
    parts of PNG; and they insist on the end of a JPEG and of a PNG's pixels.
    """
    if content.startswith(_PNG):
        return _plain_png(content)
    return content.startswith(b"\xff\xd8") and _plain_jpeg(content)


def _tiff_kind(image: TiffImagePlugin.TiffImageFile) -> ImageKind:
    tags = image.tag_v2
    bits = max(tags.get(_TIFF_BITS, (1,)))
    colors = tags.get(_TIFF_COLORS, 1)
    compression = tags.get(_TIFF_COMPRESSION, 1)
    lossy = None
    if compression not in _TIFF_LOSSLESS:
        name = TiffImagePlugin.COMPRESSION_INFO.get(compression, compression)
        lossy = f"TIFF compression {name}"
    grey = len(tags.get(_TIFF_BITS, (1,))) == 1
    return ImageKind(
        "TIFF",
        bits,
        "grey" if grey and colors in (0, 1) else image.mode,
        2**bits - 1,
        inverted=colors == 0,
        signed=_SIGNED in tags.get(_TIFF_KIND, (1,)),
        lossy=lossy,
    )


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
    kinds, pixels = [], []
    for kind, start, end in _png_chunks(content):
        kinds.append(kind)
        if kind == b"IDAT":
            pixels.append(content[start:end])
        if kind == b"IEND":
            break
    width, height = _number(content, 16), _number(content, 20)
    first, last = kinds.index(b"IDAT"), kinds.index(b"IDAT") + len(pixels)
    critical = {kind for kind in kinds if kind[:1].isupper()}
    return (
        max(width, height) <= _PNG_LONGEST_EDGE
        and critical <= {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
        and kinds.count(b"IHDR") == 1
        and set(kinds[first:last]) == {b"IDAT"}
        and _ends(b"".join(pixels), 2 * height * (3 * width + 1))
    )


def _ends(compressed: bytes, limit: int) -> bool:
    """Whether compressed data are whole, and no longer than pixels can be."""
    inflater = zlib.decompressobj()
    try:
        inflater.decompress(compressed, limit)
    except zlib.error:
        return False
    return inflater.eof and not inflater.unused_data


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


def _ppm_white(content: bytes) -> int:
    """The number that stands for white; 1 in files of black and white."""
    if content[1:2] in (b"1", b"4"):
        return 1
    header = _PPM_HEADER.match(content)
    if header is None:
        raise ValueError("a PPM that is not of the kinds P1 to P6")
    return int(header[1])


def _webp_lossless(content: bytes) -> bool:
    """Walks the parts of a WebP file: VP8L keeps every value, VP8 does not."""
    start = 12
    while start + 8 <= len(content):
        kind = content[start : start + 4]
        if kind in (b"VP8L", b"VP8 "):
            return kind == b"VP8L"
        size = int.from_bytes(content[start + 4 : start + 8], "little")
        start += 8 + size + size % 2
    return False
