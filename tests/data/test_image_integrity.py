"""Which files are stored as they are: those that TensorFlow decodes as Pillow does."""

import zlib

import numpy as np
import pytest

from ccfpse_tf.data.image_files import decode_photo
from ccfpse_tf.data.image_integrity import decodes_in_tensorflow
from ccfpse_tf.errors import InputError
from tests.data.raw_images import chunk, encoded, png
from tests.data.toy import coordinates


def seeds():
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (24, 40, 3), np.uint8)
    smooth = coordinates(24, 40) * 5
    return {
        "PNG": [encoded(photo, "PNG"), encoded(smooth[..., 0].copy(), "PNG")],
        "JPEG": [
            encoded(smooth, "JPEG"),
            encoded(photo, "JPEG", progressive=True),
            encoded(smooth, "JPEG", restart_marker_blocks=2),
        ],
    }


def damaged(content, rng):
    """Cuts a file, flips bits, or takes out, puts in or overwrites a few bytes."""
    place = int(rng.integers(0, len(content)))
    if rng.random() < 0.3:
        place = int(rng.integers(max(0, len(content) - 30), len(content)))
    count = int(rng.integers(1, 16))
    way = rng.integers(0, 4)
    if way == 0:
        return content[:place]
    if way == 1:
        return content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :]
    if way == 2:
        return content[:place] + content[place + count :]
    return content[:place] + rng.bytes(count) + content[place:]


def with_right_checksums(content):
    """A PNG whose damage its checksums do not tell."""
    parts, place = content[:8], 8
    while place + 12 <= len(content):
        end = place + 8 + int.from_bytes(content[place : place + 4], "big")
        parts += chunk(content[place + 4 : place + 8], content[place + 8 : end])
        place = end + 4
    return parts


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_what_would_be_stored_as_it_is_decodes_in_tensorflow(kind):
    import tensorflow as tf

    rng = np.random.default_rng(1)
    stored = refused = 0
    for number in range(300):
        content = damaged(seeds()[kind][number % len(seeds()[kind])], rng)
        if kind == "PNG" and number % 2:
            content = with_right_checksums(content)
        try:
            photo = decode_photo(content, "a")
        except InputError:
            refused += 1
            continue
        if photo.original is None or not decodes_in_tensorflow(photo.original):
            continue
        stored += 1
        again = tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")
        np.testing.assert_array_equal(again, photo.pixels)
    assert refused > 100 and stored + refused <= 300
    assert stored > 50 or kind == "PNG"  # its checksums leave little through


def raw_png(pixels, before=b"", between=None):
    """A PNG of compressed data as given, with further parts."""
    first = between is not None and chunk(b"IDAT", pixels[:9]) + between
    content = png(np.zeros((2, 2, 3)), 8, before)
    at, end = content.index(b"IDAT") - 4, len(content) - 12
    rest = pixels[9:] if between is not None else pixels
    return content[:at] + (first or b"") + chunk(b"IDAT", rest) + content[end:]


def test_parts_of_a_png_that_tensorflow_does_not_take():
    pixels = zlib.compress(bytes(14))
    assert decodes_in_tensorflow(raw_png(pixels))
    assert decodes_in_tensorflow(raw_png(pixels, between=b""))
    assert decodes_in_tensorflow(raw_png(pixels, before=chunk(b"abCd", b"x")))
    assert not decodes_in_tensorflow(raw_png(pixels[:-4]))
    assert not decodes_in_tensorflow(raw_png(pixels, before=chunk(b"ABCD", b"x")))
    assert not decodes_in_tensorflow(raw_png(pixels, between=chunk(b"tEXt", b"a\0b")))


def test_jpegs_that_tensorflow_does_not_take():
    content = encoded(coordinates(16, 16), "JPEG")
    assert decodes_in_tensorflow(content)
    assert not decodes_in_tensorflow(content[:-2])  # without its end
    for frame in (b"\xff\xc3", b"\xff\xc9"):  # lossless, arithmetic coding
        assert not decodes_in_tensorflow(content.replace(b"\xff\xc0", frame))
