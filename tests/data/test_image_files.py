"""Photographs and maps of every kind: read exactly, or refused by name."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.data.image_files import (
    decode_label,
    decode_photo,
    photo_size,
    read_ids,
    read_label,
    read_label_file,
    read_photo,
    turned_note,
)
from ccfpse_tf.data.image_integrity import decodes_in_tensorflow
from ccfpse_tf.errors import InputError
from tests.data.raw_images import chunk, encoded, png, tiff
from tests.data.toy import coordinates, save

IDS = np.array([[0, 1, 2, 3], [3, 2, 1, 0]])


def label_image(tmp_path, image):
    image.save(tmp_path / "l.png")
    return str(tmp_path / "l.png")


def test_label_modes(tmp_path):
    ids = np.array([[0, 1], [1, 0]], np.uint8)
    palette = Image.fromarray(ids).convert("P")
    palette.putpalette([9, 9, 9, 50, 60, 70])
    for image in (
        Image.fromarray(ids),
        Image.fromarray(ids * 255).convert("1"),
        Image.fromarray(ids.astype(np.uint16)),
        palette,
        Image.merge("LA", [Image.fromarray(ids)] * 2),
    ):
        np.testing.assert_array_equal(read_label(label_image(tmp_path, image)), ids)
    colors = read_label(label_image(tmp_path, palette), by_color=True)
    np.testing.assert_array_equal(colors[0], [[9, 9, 9], [50, 60, 70]])
    rgb = Image.fromarray(coordinates(2, 3)).convert("RGBA")
    np.testing.assert_array_equal(
        read_label(label_image(tmp_path, rgb)), coordinates(2, 3)
    )


def test_label_must_not_be_lossy_or_fractional(tmp_path):
    save(tmp_path / "l.jpg", np.zeros((2, 2), np.uint8))
    with pytest.raises(InputError, match=r"l\.jpg: label maps must be stored without"):
        read_label(str(tmp_path / "l.jpg"))
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "l.tif")
    with pytest.raises(InputError, match=r"l\.tif: pixels of Pillow mode 'F'"):
        read_label(str(tmp_path / "l.tif"))


def test_instances_keep_16_bits_and_refuse_colours(tmp_path):
    ids = np.array([[0, 33001], [65535, 1]], np.uint16)
    np.testing.assert_array_equal(read_ids(str(save(tmp_path / "i.png", ids))), ids)
    path = save(tmp_path / "c.png", coordinates(2, 2))
    with pytest.raises(InputError, match="instance map with colours"):
        read_ids(str(path))


def test_original_bytes_only_where_they_decode_alike(tmp_path):
    path = save(tmp_path / "a.jpg", coordinates(8, 8))
    assert read_photo(path).original == path.read_bytes()
    for mode, name in [("CMYK", "c.jpg"), ("RGBA", "d.png"), ("P", "e.png")]:
        Image.fromarray(coordinates(8, 8)).convert(mode).save(tmp_path / name)
        photo = read_photo(tmp_path / name)
        assert photo.pixels.shape == (8, 8, 3) and photo.original is None


@pytest.mark.parametrize("keep", [10, 60])
def test_truncated_files_are_named(tmp_path, keep):
    rng = np.random.default_rng(0)
    path = save(tmp_path / "a.png", rng.integers(0, 256, (20, 20, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:keep])
    for read in (read_photo, read_label):
        with pytest.raises(InputError, match=r"a\.png: cannot be read as an image"):
            read(str(path))


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_greys_of_every_depth_are_ids(bits):
    ids = IDS % 2**bits
    for content in (png(ids, bits), tiff(ids, bits)):
        np.testing.assert_array_equal(decode_label(content, "l"), ids)


def test_signed_and_large_ids_of_tiff_files():
    for bits in (8, 16, 32):
        found = decode_label(tiff(-IDS, bits, kind=2), "l.tif")
        np.testing.assert_array_equal(found, -IDS)
    large = IDS + 3_000_000_000
    np.testing.assert_array_equal(decode_label(tiff(large, 32), "l.tif"), large)
    np.testing.assert_array_equal(decode_label(tiff(IDS + 4000, 12), "l"), IDS + 4000)


@pytest.mark.parametrize("white", [3, 100, 255, 300, 65535])
def test_ids_of_pgm_files_are_not_stretched(white):
    dtype = "u1" if white < 256 else ">u2"
    content = b"P5\n# by hand\n4 2\n%d\n" % white + IDS.astype(dtype).tobytes()
    np.testing.assert_array_equal(decode_label(content, "l.pgm"), IDS)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_maps_of_16_bits_in_several_channels_are_refused(tmp_path, channels):
    path = tmp_path / "l.png"
    path.write_bytes(png(np.repeat(IDS[..., None], channels, -1), 16))
    for read in (read_label, read_ids):
        with pytest.raises(InputError, match=r"l\.png: .* of 16 bits .*16-bit|16 bits"):
            read(path)


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("JPEG", {}, "this is JPEG"),
        ("TIFF", {"compression": "jpeg"}, "TIFF compression jpeg"),
        ("WEBP", {}, "WebP with loss"),
        ("JPEG2000", {}, "this is JPEG2000"),
    ],
)
def test_lossy_maps_are_refused_whatever_their_name(kind, options, words):
    content = encoded(np.repeat(IDS.astype(np.uint8), 8, 0), kind, **options)
    with pytest.raises(InputError, match=rf"^l\.png: .*stored without loss.*{words}"):
        decode_label(content, "l.png")


def test_lossless_webp_and_gif_keep_their_values():
    colors = coordinates(5, 6)
    content = encoded(colors, "WEBP", lossless=True)
    np.testing.assert_array_equal(decode_label(content, "l.webp"), colors)
    palette = Image.fromarray(IDS.astype(np.uint8)).convert("P")
    palette.putpalette([9, 9, 9, 8, 8, 8, 70, 7, 7, 6, 60, 6])
    np.testing.assert_array_equal(decode_label(encoded(palette, "PNG"), "l"), IDS)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (tiff(IDS, 8, white_is_zero=True), "0 is white"),
        (b"P4 4 2\n\x60\x60", "0 is white"),
        (b"P6 1 1 100\n\x01\x02\x03", "RGB of 7 bits"),
    ],
)
def test_inverted_and_stretched_maps_are_refused(content, words):
    with pytest.raises(InputError, match=f"^l: .*{words}"):
        decode_label(content, "l")


def test_a_map_in_the_transparency_is_refused():
    alpha = IDS.astype(np.uint8)
    for mode in ("LA", "RGBA"):
        bands = [Image.new("L", (4, 2), 255)] * (len(mode) - 1)
        image = Image.merge(mode, [*bands, Image.fromarray(alpha)])
        with pytest.raises(InputError, match=r"one value everywhere .*0\.\.3"):
            decode_label(encoded(image, "PNG"), "l.png")


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "PNG", "WEBP"])
def test_several_pictures_in_a_file_are_refused(kind):
    pages = [Image.fromarray(coordinates(4, 4, n * 90)) for n in range(3)]
    content = encoded(pages[0], kind, save_all=True, append_images=pages[1:])
    for decode in (decode_photo, decode_label):
        with pytest.raises(InputError, match=r"^a: holds 3 pictures|stored without"):
            decode(content, "a")


def test_smaller_copies_in_a_tiff_do_not_count():
    large, small = (Image.fromarray(coordinates(n, n)) for n in (8, 4))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    content = encoded(large, "TIFF", save_all=True, append_images=[small])
    assert decode_photo(content, "a.tif").pixels.shape == (8, 8, 3)


def ramp():
    return np.repeat(np.arange(0, 256, 5)[None], 3, 0)


def test_grey_photos_of_16_bits_keep_their_greys(tmp_path):
    for content in (
        png(ramp() * 257, 16),
        png(np.repeat(ramp()[..., None] * 257, 3, -1), 16),
        b"P5 52 3 65535\n" + (ramp() * 257).astype(">u2").tobytes(),
    ):
        photo = decode_photo(content, "a")
        np.testing.assert_array_equal(photo.pixels[..., 1], ramp())
        assert photo.original is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (tiff(ramp() * 257, 16), "which value is white is not known"),
        (tiff(ramp() * 16, 12), "which value is white is not known"),
        (encoded(ramp().astype(np.float32) / 255, "TIFF"), "white is not known"),
        (png(ramp() * 16, 16), "would come out black"),
        (encoded(Image.new("LAB", (4, 4)), "TIFF"), "mode 'LAB'; allowed: grey"),
    ],
)
def test_photos_of_unknown_range_are_refused(content, words):
    with pytest.raises(InputError, match=f"^a: .*{words}"):
        decode_photo(content, "a")


def test_orientation_is_told_and_does_not_turn(tmp_path):
    exif = Image.Exif()
    for value in (1, 3, 8):
        exif[0x0112] = value
        Image.fromarray(coordinates(4, 6)).save(tmp_path / "a.png", exif=exif)
        photo = read_photo(tmp_path / "a.png")
        assert photo.orientation == value and photo.pixels.shape == (4, 6, 3)
    assert turned_note([]) is None
    assert "2 photos have an EXIF" in turned_note(["a.jpg", "b.jpg"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\0" * 600, "nothing but zero bytes"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><Error/>", "a web page"),
        (b"\x1f\x8b\x08\0", "a gzip archive"),
        (b"PK\x03\x04..", "a zip archive"),
        (b"\0\0\0\x18ftypheic", "a HEIC photo"),
        (b"hello", "begins with b'hello'"),
    ],
)
def test_files_that_are_no_images_are_called_what_they_are(tmp_path, content, words):
    (tmp_path / "a.png").write_bytes(content)
    for read in (read_photo, read_label, read_ids, photo_size):
        with pytest.raises(InputError, match=rf"/a\.png: .*{words}"):
            read(tmp_path / "a.png")


def test_large_files_are_told_their_pixels_and_the_option(tmp_path):
    path = save(tmp_path / "a.png", coordinates(30, 40))
    with pytest.raises(InputError, match=r"30 x 40 = 1,200 .*--max-pixels 1200"):
        read_photo(path, max_pixels=1199)
    assert read_photo(path, max_pixels=1200).pixels.shape == (30, 40, 3)
    assert photo_size(path) == (30, 40)
    bomb = png(np.zeros((1, 1)), 8).replace(
        chunk(b"IHDR", struct.pack(">II", 1, 1) + bytes([8, 0, 0, 0, 0])),
        chunk(b"IHDR", struct.pack(">II", 60000, 60000) + bytes([8, 0, 0, 0, 0])),
    )
    with pytest.raises(InputError, match=r"3,600,000,000 pixels; .*make it smaller"):
        decode_label(bomb, "bomb.png")


def test_few_bytes_cannot_claim_gigabytes_unless_the_option_says_so(tmp_path):
    """Maps of one channel take a quarter of what colours take."""
    content = encoded(Image.new("L", (7000, 6000)), "PNG")
    with pytest.raises(InputError, match=r"42,000,000 .*--max-pixels 42000000"):
        decode_photo(content, "sky.png")
    assert decode_photo(content, "sky.png", 42_000_000).pixels.shape[:2] == (6000, 7000)
    assert decode_label(content, "sky.png").shape == (6000, 7000)
    size = bytes([0x56, 0x50, 0x38, 0x20])  # 20566 x 8248
    gif = encoded(Image.new("P", (2, 2)), "GIF").replace(
        struct.pack("<HH", 2, 2), size, 2
    )
    for decode in (decode_photo, decode_label):
        with pytest.raises(InputError, match="pixels; allowed are"):
            decode(gif, "bomb.gif")


@pytest.mark.parametrize(
    ("content", "stored"),
    [
        (png(IDS % 2, 1), ("grey", 1)),
        (png(IDS, 2), ("grey", 2)),
        (tiff(IDS, 8), ("grey", 8)),
        (png(IDS, 16), ("grey", 16)),
        (b"P5 4 2 100 " + bytes(8), ("grey", 16)),  # by no step of its bits
        (encoded(np.zeros((2, 2, 3), np.uint8), "PNG"), ("colors", 8)),
        (encoded(Image.new("P", (2, 2)), "GIF"), ("table", 8)),
        (encoded(Image.new("LA", (2, 2)), "PNG"), ("grey", 8)),
    ],
)
def test_how_a_file_stores_its_pixels(tmp_path, content, stored):
    (tmp_path / "l.png").write_bytes(content)
    file = read_label_file(tmp_path / "l.png")
    assert (file.stored, file.bits) == stored


def test_a_png_with_too_few_rows_is_refused():
    label = np.zeros((6, 4), int)
    content = png(label, 8)
    short = content.replace(chunk_of(content, b"IDAT"), chunk_of(png(label[:3], 8)))
    np.testing.assert_array_equal(decode_label(content, "l"), label)
    for decode in (decode_label, decode_photo):
        with pytest.raises(InputError, match=r"^l: .*rows are missing"):
            decode(short, "l")


def test_interlaced_files_are_read():
    label = np.arange(35).reshape(5, 7)
    passes = "0088 0488 4084 0244 2042 0122 1021".split()
    data = b""
    for y, x, dy, dx in (map(int, digits) for digits in passes):
        data += b"".join(b"\0" + bytes(row) for row in label[y::dy, x::dx].tolist())
    size = struct.pack(">II", 7, 5)
    content = png(label, 8).replace(
        chunk(b"IHDR", size + bytes([8, 0, 0, 0, 0])),
        chunk(b"IHDR", size + bytes([8, 0, 0, 0, 1])),
    )
    whole = content.replace(chunk_of(content), chunk(b"IDAT", zlib.compress(data)))
    np.testing.assert_array_equal(decode_label(whole, "l"), label)
    assert decodes_in_tensorflow(whole)
    half = content.replace(chunk_of(content), chunk(b"IDAT", zlib.compress(data[:20])))
    with pytest.raises(InputError, match="^l: cannot be read as an image"):
        decode_label(half, "l")


def chunk_of(content, kind=b"IDAT"):
    """The first part of that kind."""
    start = content.index(kind) - 4
    length = struct.unpack(">I", content[start : start + 4])[0]
    return content[start : start + length + 12]
