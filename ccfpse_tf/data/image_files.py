"""Reading image files: photographs as RGB, maps as exact integers or colours.

Every command reads its files here. A file that cannot be read without doubt is refused
with an `InputError` that names it, says what was found and the way out.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ccfpse_tf.data.image_kind import ImageKind
from ccfpse_tf.data.opened_image import OpenedImage
from ccfpse_tf.errors import InputError

_ORIENTATION = 0x0112  # EXIF tag; the official pipeline ignores it, and so do we
_PHOTO_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
_DARKEST = 16  # of 255: 16-bit photos that stay below it hold 12 bits or fewer


@dataclass(frozen=True)
class Photo:
    """A photograph.

    `pixels` uint8 `(height, width, 3)`; `original` the bytes of the file if it is a
    JPEG or PNG whose samples are these pixels, else None; `orientation` the EXIF
    orientation, 1 for upright, which `pixels` do not follow.
    """

    pixels: np.ndarray
    original: bytes | None
    orientation: int = 1


def read_photo(path: str | Path, max_pixels: int | None = None) -> Photo:
    """Reads a photograph as RGB.

    Args:
        path: of any format in `image_kind.FORMATS`.
        max_pixels: that a file may have, as the option `--max-pixels` says; None for
            the limits of `OpenedImage`.

    Raises:
        InputError: a file that cannot be opened, no image, a damaged one, one with
            too many pixels or several pictures, or samples whose white is not known.
    """
    return decode_photo(_content(path), str(path), max_pixels)


def read_style(path: str | Path) -> Photo:
    """Reads the photograph of `--style`, and tells if it has an EXIF orientation.

    Raises:
        InputError: as `read_photo`, with the option's name.
    """
    try:
        photo = read_photo(path)
    except InputError as error:
        raise InputError(f"--style {error}") from error
    if photo.orientation != 1:
        print(turned_note([str(path)]))
    return photo


def decode_photo(content: bytes, path: str, max_pixels: int | None = None) -> Photo:
    """Decodes the content of a photograph; see `read_photo`."""
    with OpenedImage(content, path, max_pixels, photo=True) as opened:
        image, kind = opened.image, opened.kind
        pixels = _photo_pixels(image, kind, path)
        if kind.bits > 8 and kind.format in ("PNG", "TIFF", "PPM"):
            _check_range(pixels, kind, path)
        keep = (
            kind.bits == 8
            and kind.format in ("PNG", "JPEG")
            and image.mode in ("RGB", "L")
            and "transparency" not in image.info
        )
        return Photo(pixels, content if keep else None, _orientation(image))


def read_label(
    path: str | Path, by_color: bool = False, max_pixels: int | None = None
) -> np.ndarray:
    """Reads a label map without changing a value.

    Args:
        path: of a format without loss.
        by_color: read palette files by their colours instead of their numbers.
        max_pixels: as for `read_photo`.

    Returns:
        Integer ids `(height, width)`, or uint8 colours `(height, width, 3)`.

    Raises:
        InputError: as for `read_photo`, a compression with loss, colours of 16 bits,
            fractions, or a map in the transparency alone.
    """
    return read_label_file(path, by_color, max_pixels).values


def decode_label(content: bytes, path: str, by_color: bool = False) -> np.ndarray:
    """Decodes the content of a label file; see `read_label`."""
    return _decode_label(content, path, by_color, None).values


@dataclass(frozen=True)
class LabelFile:
    """A label file that was read.

    `values` as `read_label` returns them; `stored` tells how the file holds them: grey,
    table (of colours) or colors; `bits` those of one sample.
    """

    values: np.ndarray
    stored: str
    bits: int


def read_label_file(
    path: str | Path, by_color: bool = False, max_pixels: int | None = None
) -> LabelFile:
    """Reads a label map, and how it is stored; see `read_label`."""
    return _decode_label(_content(path), str(path), by_color, max_pixels)


def read_ids(path: str | Path, max_pixels: int | None = None) -> np.ndarray:
    """Reads an instance map `(height, width)` of any integers; see `read_label`."""
    values = read_label(path, max_pixels=max_pixels)
    if values.ndim == 2:
        return values
    if (values != values[..., :1]).any():
        raise InputError(
            f"{path}: instance map with colours; needs one channel of ids: save it as "
            "16-bit grey PNG"
        )
    return values[..., 0]


def photo_size(path: str | Path) -> tuple[int, int]:
    """Returns height and width of a photograph, from its header; see `read_photo`."""
    with OpenedImage(_content(path), str(path), decode=False) as opened:
        return opened.image.height, opened.image.width


def encode_png(array: np.ndarray) -> bytes:
    """Returns a PNG of uint8 `(h, w, 3)`, or of uint8 or uint16 `(h, w)`."""
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG", compress_level=3)  # 6: 3x the time, -6 %
    return buffer.getvalue()


def turned_note(paths: list[str]) -> str | None:
    """One line about photographs whose EXIF orientation is not 1; None without any."""
    if not paths:
        return None
    count = "a photo has" if len(paths) == 1 else f"{len(paths)} photos have"
    return (
        f"note: {count} an EXIF orientation, which is ignored as in the official code "
        f"({paths[0]}{', ...' if len(paths) > 1 else ''}): viewers show them turned or "
        "mirrored. If their maps fit what viewers show, turn the photos first: `magick "
        "mogrify -auto-orient FILES`"
    )


def _content(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; check the file") from error


def _decode_label(content, path, by_color, max_pixels) -> LabelFile:
    with OpenedImage(content, path, max_pixels) as opened:
        image, kind = opened.image, opened.kind
        _check_exact(kind, path)
        if image.mode in ("LA", "RGBA"):
            _check_transparency(np.asarray(image), path)
        if image.mode in ("RGB", "RGBA", "RGBX") or (image.mode == "P" and by_color):
            values = np.asarray(image.convert("RGB"))
        else:
            values = _integers(image, kind, path)
        return LabelFile(values, *_stored_as(image.mode, kind))


def _stored_as(mode: str, kind: ImageKind) -> tuple[str, int]:
    if mode in ("P", "PA"):
        return "table", 8
    if mode not in ("1", "L", "LA") and not mode.startswith("I"):
        return "colors", 8
    # Greys are colours of 8 bits only where white is the highest number of their bits.
    exact = kind.bits <= 8 and (kind.white == 2**kind.bits - 1 or mode == "LA")
    return "grey", kind.bits if exact else 16


def _check_exact(kind: ImageKind, path: str) -> None:
    """Refuses kinds of which Pillow does not give the values that were saved."""
    if kind.lossy:
        raise InputError(
            f"{path}: label maps must be stored without loss, but this is "
            f"{kind.lossy}, whatever its name says; make it again as PNG from its "
            "source, as saving this file as PNG would keep the smeared values"
        )
    if kind.colors != "grey" and (kind.bits > 8 or kind.stretched):
        raise InputError(
            f"{path}: {kind.colors} of {kind.bits} bits per sample cannot be read "
            "exactly; save ids as grey PNG of 8 or 16 bits, colours as PNG with 8 bits "
            "per sample"
        )
    if kind.inverted:
        raise InputError(
            f"{path}: a {kind.format} in which 0 is white, so that ids would be "
            "inverted; make it again as PNG from its source (a converter would invert "
            "the ids, too)"
        )


def _photo_pixels(image: Image.Image, kind: ImageKind, path: str) -> np.ndarray:
    # White is 65535 in these by their formats' definition, or Pillow makes it so.
    if kind.format in ("PNG", "PPM") and image.mode.startswith("I"):
        grey = (np.asarray(image).astype(np.int32) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=-1)
    if kind.bits > 8 and image.mode not in _PHOTO_MODES or kind.signed:
        raise InputError(
            f"{path}: a {kind.format} of {kind.bits} bits per sample (Pillow mode "
            f"{image.mode!r}), so which value is white is not known; save the photo "
            "with 8 bits per sample, or as PNG of 16 bits with white as 65535"
        )
    if image.mode not in _PHOTO_MODES:
        raise InputError(
            f"{path}: pixels of Pillow mode {image.mode!r}; allowed: grey, palette, "
            "RGB, CMYK; save the photo as RGB"
        )
    return np.asarray(image.convert("RGB"))


def _check_range(pixels: np.ndarray, kind: ImageKind, path: str) -> None:
    if pixels.max() < _DARKEST:
        raise InputError(
            f"{path}: a {kind.format} of {kind.bits} bits per sample that would come "
            f"out black: its values stay below {(int(pixels.max()) + 1) / 256:.2%} of "
            "white, as those of cameras of 12 bits or fewer do; save it with 8 bits "
            "per sample, stretched as it should be seen"
        )


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation. TIFF files are turned by Pillow and have none any more."""
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # as of a damaged file, but here the pixels are whole
        return 1
    return orientation if orientation in range(2, 9) else 1


def _check_transparency(samples: np.ndarray, path: str) -> None:
    """Refuses maps that hold their shapes in the transparency alone."""
    colors, alpha = samples[..., :-1], samples[..., -1]
    if alpha.min() < alpha.max() and (colors == colors[0, 0]).all():
        raise InputError(
            f"{path}: has one value everywhere ({colors[0, 0].tolist()}), but its "
            f"transparency, which is not read, is {alpha.min()}..{alpha.max()}; save "
            "the ids as grey values without transparency"
        )


def _integers(image: Image.Image, kind: ImageKind, path: str) -> np.ndarray:
    values = np.asarray(image)
    if image.mode == "1":
        return values.astype(np.uint8)
    if image.mode == "P":
        return values
    if image.mode == "LA":
        return values[..., 0]
    if image.mode == "L" and kind.signed:
        return values.view(np.int8).astype(np.int32)
    if image.mode in ("L", "I") and kind.stretched:
        most = 255 if image.mode == "L" else 65535
        exact = (values.astype(np.int64) * kind.white + most // 2) // most
        return exact.astype(np.uint8 if kind.white < 256 else np.int32)
    if image.mode == "L":
        return values
    if image.mode == "I" and kind.bits == 32 and not kind.signed:
        return values.view(np.uint32).astype(np.int64)
    if image.mode.startswith("I"):
        return values.astype(np.int32)
    raise InputError(
        f"{path}: pixels of Pillow mode {image.mode!r}; allowed: 1, 8 or 16 bit grey, "
        "palette, or RGB colours; save it as PNG of one of these"
    )
