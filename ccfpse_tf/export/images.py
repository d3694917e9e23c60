"""Encoded images inside the exported graph: headers, decoding, resizing.

The size that a file claims is read from its header and checked before anything is
decoded: a few kilobytes can hold gigabytes of equal pixels. Decoders name neither input
nor row when a file is damaged, so they run where their errors can be caught.
"""

from collections.abc import Callable

import tensorflow as tf

from ccfpse_tf.export.graph_checks import all_rows, require
from ccfpse_tf.export.sizes import Sizes

STYLE_PIXELS = 64 * 2**20  # of one photo, 192 MB decoded
_HEADER = 26  # signature, length and name of the first chunk, size, depth, colour
_GREY, _PNG = 0, b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_JPEG = b"\xff\xd8\xff"


class _Header:
    """The first bytes of encoded images ``(batch,)``; undefined for other than PNG."""

    def __init__(self, encoded):
        head = tf.strings.substr(encoded, 0, _HEADER)
        padded = tf.strings.substr(head + tf.constant(b"\0" * _HEADER), 0, _HEADER)
        bytes_ = tf.io.decode_raw(padded, tf.uint8, fixed_length=_HEADER)
        bytes_ = tf.cast(tf.reshape(bytes_, (-1, _HEADER)), tf.int64)
        self.is_png = _starts(bytes_, _PNG)
        self.is_jpeg = _starts(bytes_, _JPEG)
        self.width = _integer(bytes_[:, 16:20])
        self.height = _integer(bytes_[:, 20:24])
        self.depth = bytes_[:, 24]
        self.color = bytes_[:, 25]


def _starts(rows, signature):
    expected = tf.constant(list(signature), tf.int64)
    return tf.reduce_all(rows[:, : len(signature)] == expected, -1)


def _integer(rows):
    return tf.reduce_sum(rows * tf.constant([1 << 24, 1 << 16, 1 << 8, 1], tf.int64), 1)


def decode_maps(
    encoded: tf.Tensor, name: str, sizes: Sizes, otherwise: tf.Tensor | None = None
) -> tf.Tensor:
    """Decodes PNGs of ids.

    Args:
        encoded: ``(batch,)`` strings, grey PNGs of 8 or 16 bits.
        name: of the input, for messages.
        sizes: of the images that can be generated.
        otherwise: int32 maps taken where a string is empty, all of the size of these
            maps; without them, empty strings are errors, too.

    Returns:
        int32 ``(batch, height, width)``.

    Raises:
        tf.errors.InvalidArgumentError: as it says.
    """
    header = _Header(encoded)
    if otherwise is None:
        left_out = tf.zeros_like(header.is_png)
        height, width = header.height[0], header.width[0]
    else:
        left_out = encoded == ""
        height, width = tf.unstack(tf.shape(otherwise, tf.int64)[1:])
    checks = _map_checks(header, height, width, name, sizes)
    encoded, left_out, depth = require(
        [encoded, left_out, header.depth],
        *(all_rows(passed | left_out, message) for passed, message in checks),
    )

    def decode(row):
        # Eight bits come as 257 times their value.
        wide = tf.cast(tf.io.decode_png(encoded[row], 1, tf.uint16)[..., 0], tf.int32)
        return wide // tf.where(depth[row] == 8, 257, 1)

    def one(row):
        if otherwise is None:
            return decode(row)
        return tf.cond(left_out[row], lambda: otherwise[row], lambda: decode(row))

    maps = _decoded(one, tf.size(encoded), name, "PNG")
    return tf.ensure_shape(maps, (None, *sizes.shape()))


def _map_checks(header, height, width, name, sizes):
    """The checks of each row, with the message for rows that do not pass."""
    return [
        (header.is_png, lambda row: _say(name, row, "is not a PNG (or cut short)")),
        (
            (header.color == _GREY) & ((header.depth == 8) | (header.depth == 16)),
            lambda row: _say(
                name,
                row,
                "is not a grey PNG of 8 or 16 bits (colour type {}, {} bits); send "
                "class ids as grey values, not colours",
                header.color[row],
                header.depth[row],
            ),
        ),
        (
            sizes.passed(header.height, header.width),
            lambda row: _say(
                name,
                row,
                "is {}x{} (height x width), the model generates " + sizes.allowed + "; "
                "resize it without smoothing (nearest neighbour)",
                header.height[row],
                header.width[row],
            ),
        ),
        (
            (header.height == height) & (header.width == width),
            lambda row: _say(
                name,
                row,
                "is {}x{} (height x width), the first label map {}x{}: all maps of a "
                "request must have one size",
                header.height[row],
                header.width[row],
                height,
                width,
            ),
        ),
    ]


def decode_photos(encoded: tf.Tensor, name: str, size: tuple[int, int]) -> tf.Tensor:
    """Decodes PNG or JPEG photos of any size, resized to ``size``.

    Args:
        encoded: ``(batch,)`` strings.
        name: of the input, for messages.
        size: ``(height, width)``.

    Returns:
        uint8 ``(batch, *size, 3)``.

    Raises:
        tf.errors.InvalidArgumentError: neither PNG nor JPEG, or more pixels than
            ``STYLE_PIXELS``.
    """
    header = _Header(encoded)
    encoded, is_png = require(
        [encoded, header.is_png],
        all_rows(
            header.is_png | header.is_jpeg,
            lambda row: _say(name, row, "is neither PNG nor JPEG"),
        ),
    )
    height, width = _photo_sizes(encoded, is_png, header, name)
    pixels = height * width
    most = f"has {{}}x{{}} pixels, more than {STYLE_PIXELS}; send a smaller copy"
    encoded, is_png = require(
        [encoded, is_png],
        all_rows(
            (tf.maximum(height, width) <= STYLE_PIXELS) & (pixels <= STYLE_PIXELS),
            lambda row: _say(name, row, most, height[row], width[row]),
        ),
    )

    def one(row):
        photo = tf.cond(
            is_png[row],
            lambda: tf.io.decode_png(encoded[row], 3),
            lambda: tf.io.decode_jpeg(encoded[row], 3, dct_method="INTEGER_ACCURATE"),
        )
        return resize_photos(photo[None], size)[0]

    return _decoded(one, tf.size(encoded), name, "PNG or JPEG")


def _photo_sizes(encoded, is_png, header, name):
    """Height and width of PNGs and JPEGs, each ``(batch,)``."""

    def one(row):
        of_png = tf.stack([header.height[row], header.width[row]])
        return tf.cond(
            is_png[row],
            lambda: of_png,
            lambda: tf.cast(tf.image.extract_jpeg_shape(encoded[row])[:2], tf.int64),
        )

    sizes = _decoded(one, tf.size(encoded), name, "PNG or JPEG")
    return tf.unstack(sizes, axis=1)


def _decoded(
    decode: Callable[[tf.Tensor], tf.Tensor], rows: tf.Tensor, name: str, kind: str
) -> tf.Tensor:
    """Stacks what ``decode`` gives for every row number.

    The error of a decoder would end the request and name neither input nor row. Of a
    `tf.data.Dataset`, the rows with errors can be left out, and then be named.

    Raises:
        tf.errors.InvalidArgumentError: names the first row that cannot be decoded.
    """
    rows = tf.cast(rows, tf.int64)
    numbers = tf.data.Dataset.range(rows)
    whole = numbers.map(lambda row: (row, decode(row))).ignore_errors().batch(rows)
    nothing = tf.nest.map_structure(
        lambda spec: tf.zeros([size or 0 for size in spec.shape], spec.dtype),
        whole.element_spec,
    )
    # Of one element: `reduce` would take ten times as long, whatever the image.
    none = tf.data.Dataset.from_tensors(nothing)
    found, decoded = whole.concatenate(none).take(1).get_single_element()
    passed = tf.reduce_any(tf.range(rows)[:, None] == found[None], 1)
    text = f"is a {kind} that cannot be decoded: it is damaged or cut short; send the "
    text += "whole file"
    [decoded] = require([decoded], all_rows(passed, lambda row: _say(name, row, text)))
    return decoded


def resize_photos(photos: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Resizes as images of the training were: Pillow's bicubic filter.

    Antialiased, first the width, then the height, with whole levels in between.

    Args:
        photos: uint8 ``(batch, height, width, 3)``.
        size: ``(height, width)``.

    Returns:
        uint8 ``(batch, *size, 3)``; the same values if it was that size.
    """
    for step in ((tf.shape(photos)[1], size[1]), size):
        resized = tf.image.resize(photos, step, "bicubic", antialias=True)
        photos = tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)
    return tf.ensure_shape(photos, (None, *size, 3))


def _say(name, row, text, *values):
    """``name[row] text``, braces replaced by the values."""
    return tf.strings.format(f"{name}[{{}}] {text}", [row, *values])
