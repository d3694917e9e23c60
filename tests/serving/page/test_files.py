"""Layouts from files and back, with exactly the values of the file."""

import struct
import zlib

import numpy as np
from PIL import Image

from tests.data.raw_images import png as raw_png
from tests.serving.page.stand_in import CLASSES, ID, SIZE, pixels, png, street

same = np.testing.assert_array_equal


def test_label_maps_load_and_save(paint):
    rng = np.random.default_rng(0)
    ids = rng.integers(0, len(CLASSES) + 1, SIZE).astype(np.uint8)
    smooth = np.sort(ids.reshape(-1)).reshape(SIZE)  # rows that filters are made for
    files = {
        "grey.png": (png(ids), ids),
        "palette.png": (png(_with_palette(ids)), ids),
        "two bits.png": (png(_with_palette(ids // 3), bits=2), ids // 3),
        "filtered.png": (png(np.repeat(smooth[..., None], 3, -1)), smooth),
        "sixteen.png": (png(ids[::-1].astype(np.uint16)), ids[::-1]),
        "interlaced.png": (_interlaced(ids[:, ::-1]), ids[:, ::-1]),
    }
    for name, (content, wanted) in files.items():
        asked = paint.after(lambda n=name, c=content: paint.load("#layout-file", n, c))
        same(asked.label, wanted, err_msg=name)
        assert asked.instance is None
    content, name = paint.saved("#save-layout")
    assert (content[24:26], name) == (b"\x08\0", "toy-layout.png")  # 8 bits, grey
    same(pixels(content), wanted)


def test_colour_maps(paint):
    page = paint.page
    colors = [tuple(bytes.fromhex(code[1:])) for _, code in CLASSES]
    table = np.array([(0, 0, 0), *colors], np.uint8)
    ids = np.random.default_rng(1).integers(0, len(table), SIZE)
    asked = paint.after(lambda: paint.load("#layout-file", "c.png", png(table[ids])))
    same(asked.label, ids)

    foreign = table[ids]
    foreign[3, 4:7] = (200, 41, 40)  # near a car's
    foreign[9, 9] = (134, 190, 235)  # near the sky's
    paint.load("#layout-file", "f.png", png(foreign))
    paint.message("f.png: 2 colours are no class's: #c82928 (3 px), #86beeb (1 px).")
    paint.quiet()
    asked = paint.after(page.get_by_role("button", name="Use the nearest").click)
    ids[3, 4:7], ids[9, 9] = ID["car"], ID["sky"]
    same(asked.label, ids)

    large = np.kron(table[ids], np.ones((2, 2, 1), np.uint8))
    paint.drawn(page.locator("#blank").click)
    asked = paint.after(lambda: paint.load("#layout-file", "l.png", png(large)))
    same(asked.label, ids)
    paint.status("Drawn")
    paint.message("l.png: 128 × 96 was scaled to 64 × 48.")


def test_files_that_are_refused(paint):
    label, _ = street()
    good = png(label)
    bomb = bytearray(good)
    bomb[16:24] = struct.pack(">II", 60000, 60000)
    bomb[29:33] = struct.pack(">I", zlib.crc32(bomb[12:29]))
    flipped = bytearray(good)
    flipped[50] ^= 1
    deep = np.repeat(label[..., None], 3, -1)  # ids in 16-bit colours
    ids = "no class with id 101, 104, 106; its ids are 0, 1,"
    wrong = {
        "ids.png": (png(label + 100), ids),
        "cut.png": (good[:-20], "the file is cut short"),
        "text.png": (b"hello", "it is no PNG file"),
        "bomb.png": (bytes(bomb), "60000 × 60000 pixels; at most"),
        "flip.png": (bytes(flipped), "the file is damaged"),
        "short.png": (_raw(*SIZE[::-1], b"\0" * 99), "the file is cut short"),
        "deep.png": (raw_png(deep, 16), "its colours have 16 bits; save ids as a grey"),
        "long.png": (_raw(8, 8, b"\0" * 1000), "it holds more data than"),
    }
    for name, (content, reason) in wrong.items():
        paint.load("#layout-file", name, content)
        paint.message(f"{name} can't be loaded: ")
        paint.message(reason)
    paint.load("#photo-file", "p.jpg", b"no photo", "image/jpeg")
    paint.message("p.jpg: this browser can't read it as a photo.")
    paint.quiet()


def _with_palette(values):
    """A palette image without colours of classes, whose indices are the ids."""
    image = Image.fromarray(np.ascontiguousarray(values))
    image.putpalette([10, 20, 30] * 256)
    return image


def _chunk(kind, body):
    check = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)


def _raw(width, height, data, interlaced=0):
    """A grey PNG of 8 bits around any data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, interlaced)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _interlaced(values):
    """An Adam7 file, which Pillow reads but does not write."""
    passes = "0088 0488 4084 0244 2042 0122 1021".split()
    data = b""
    for y, x, dy, dx in (map(int, digits) for digits in passes):
        data += b"".join(b"\0" + row.tobytes() for row in values[y::dy, x::dx])
    content = _raw(*values.shape[::-1], data, interlaced=1)
    same(pixels(content), values)
    return content
