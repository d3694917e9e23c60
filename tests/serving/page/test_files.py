"""Layouts from files and back, with exactly the values of the file."""

import struct
import zlib

import numpy as np
from PIL import Image

from tests.data.raw_images import png as raw_png
from tests.serving.page.paint_tab import edges
from tests.serving.page.stand_in import CLASSES, ID, SIZE, pixels, png, street

same = np.testing.assert_array_equal


def same_edges(found, wanted):
    """The numbers of objects may differ, not where they change."""
    for ours, theirs in zip(edges(found), edges(wanted), strict=True):
        same(ours, theirs)


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


def test_maps_of_another_shape_are_stretched_or_cut(paint):
    page = paint.page
    rng = np.random.default_rng(2)
    ids = rng.integers(0, len(CLASSES) + 1, (60, 128)).astype(np.uint8)
    rows = np.floor((np.arange(SIZE[0]) + 0.5) * 60 / SIZE[0]).astype(int)
    asked = paint.after(lambda: paint.load("#layout-file", "w.png", png(ids)))
    same(asked.label, ids[rows, 1::2])
    paint.message("w.png: 128 × 60 was scaled to 64 × 48, which stretches it.")
    paint.tab.screenshot("paint-offer")
    crop, resize = (
        page.get_by_role("button", name=name, exact=True) for name in ("Crop", "Resize")
    )
    asked = paint.after(crop.click)  # 80 x 60 from column 24
    columns = 24 + np.floor((np.arange(SIZE[1]) + 0.5) * 80 / SIZE[1]).astype(int)
    same(asked.label, ids[np.ix_(rows, columns)])
    paint.message("w.png: the middle of 128 × 60 was taken and scaled to 64 × 48.")
    # The instance map of the file is cut as the file was.
    objects = np.arange(ids.size, dtype=np.uint16).reshape(ids.shape) // 640
    asked = paint.after(lambda: paint.load("#objects-file", "o.png", png(objects)))
    same_edges(asked.instance, objects[np.ix_(rows, columns)])
    paint.message("o.png: the middle of 128 × 60 was taken")
    asked = paint.after(resize.click)
    same_edges(asked.instance, objects[rows, 1::2])

    exact = np.full((48, 70), ID["tree"], np.uint8)
    exact[:, 3:67] = street()[0]
    paint.after(lambda: paint.load("#layout-file", "e.png", png(exact)))
    asked = paint.after(crop.click)
    same(asked.label, street()[0])
    paint.message("e.png: the middle of 70 × 48 was cut to 64 × 48.")
    asked = paint.after(page.locator("#undo").click)
    assert (asked.label == ID["tree"]).any()
    paint.status("Drawn")


def test_no_pixel_of_an_unknown_class_is_passed_over(paint):
    ids = np.full((SIZE[0] * 3, SIZE[1] * 3), ID["sky"], np.uint8)
    ids[0, 0] = 77  # which no pixel of the smaller map is taken from
    paint.load("#layout-file", "bad.png", png(ids))
    paint.message("bad.png can't be loaded: The model has no class with id 77;")
    paint.quiet()


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
