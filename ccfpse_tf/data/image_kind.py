"""What a file is, read from its bytes: neither its name nor Pillow's mode tells it all.

Pillow keeps the upper half of 16-bit colours and stretches greys of few bits to 0..255.
The functions here say so beforehand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from PIL import Image, TiffImagePlugin

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "PPM", "GIF", "JPEG2000", "AVIF")
_PNG_COLORS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey and alpha", 6: "RGBA"}
_LOSSY = ("JPEG", "MPO", "JPEG2000", "AVIF")
# TIFF compressions that keep every value: none, CCITT, LZW, Deflate, PackBits, LZMA,
# Zstandard.
_TIFF_LOSSLESS = (1, 2, 3, 4, 5, 8, 32773, 32946, 34925, 50000)
_TIFF_SUBFILE, _TIFF_BITS, _TIFF_COMPRESSION = 254, 258, 259
_TIFF_COLORS, _TIFF_KIND = 262, 339
_SIGNED = 2
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
        2 ** min(bits, 32) - 1,
        inverted=colors == 0,
        signed=_SIGNED in tags.get(_TIFF_KIND, (1,)),
        lossy=lossy,
    )


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
