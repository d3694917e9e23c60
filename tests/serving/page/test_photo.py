"""A photo becomes a layout and a style, where the server has a network for that."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.serving.page.stand_in import ID, SIZE, pixels, street

same = np.testing.assert_array_equal


@pytest.fixture
def labelling(server):
    """The stand-in with an answer to photos: half trees, half road."""
    server.layout = np.full(SIZE, ID["tree"], np.uint8)
    server.layout[30:] = ID["road"]
    return server


def photo(width, height, color=(20, 200, 40)):
    file = io.BytesIO()
    Image.new("RGB", (width, height), color).save(file, "PNG")
    return file.getvalue()


def test_there_is_no_button_where_the_server_has_no_network(paint):
    assert not paint.page.locator("#from-photo").is_visible()


def test_layout_style_and_picture_from_a_photo(labelling, paint):
    page = paint.page
    assert page.locator("#from-photo").is_visible()
    content = photo(4096, 1000)
    asked = paint.after(lambda: paint.load("#from-photo-file", "street.png", content))
    same(asked.label, labelling.layout)
    assert asked.signature == "stylize_bytes" and asked.instance is None
    (sent,) = labelling.photos
    assert Image.open(io.BytesIO(sent)).size == (2048, 500)
    assert Image.open(io.BytesIO(asked.style)).size == (512, 125)
    assert abs(pixels(sent).mean((0, 1)) - (20, 200, 40)).max() < 3
    paint.message("street.png: a network made this layout, and it makes mistakes")
    paint.status("Drawn")
    assert page.locator("#photo-use").is_checked()
    assert page.locator("#from-photo").is_enabled()
    paint.tab.screenshot("from-photo")

    paint.choose("car")
    style = asked.style
    asked = paint.after(lambda: paint.drag((10, 10), (30, 10)))
    assert (asked.label[10, 10:30] == ID["car"]).all() and asked.style == style
    page.locator("#undo").click()
    asked = paint.after(page.locator("#undo").click)
    same(asked.label, street()[0])


def test_maps_of_another_size_are_scaled(labelling, paint):
    small = labelling.layout[::2, ::2]
    labelling.layout = small
    content = photo(30, 20)
    asked = paint.after(lambda: paint.load("#from-photo-file", "s.png", content))
    same(asked.label, small.repeat(2, 0).repeat(2, 1))


def test_what_goes_wrong_is_told_and_nothing_is_lost(labelling, paint):
    page = paint.page
    paint.load("#from-photo-file", "p.jpg", b"no photo", "image/jpeg")
    paint.message("p.jpg: no layout. This browser can't read it as a photo.")
    paint.quiet()

    labelling.refusal = 400, "the photo has too many pixels"
    paint.load("#from-photo-file", "p.png", photo(30, 20))
    paint.message("p.png: no layout. The server refuses (400). the photo has too many")
    assert not page.get_by_role("button", name="Try again").is_visible()
    labelling.refusal = 503, "later"
    paint.load("#from-photo-file", "p.png", photo(30, 20))
    paint.message("The server is busy (503). later")
    paint.quiet()
    labelling.refusal = None
    labelling.layout = np.full(SIZE, ID["car"], np.uint8)
    asked = paint.after(page.get_by_role("button", name="Try again").click)
    same(asked.label, labelling.layout)
    paint.message("first draft")
    paint.status("Drawn")

    labelling.layout = np.full(SIZE, 99, np.uint8)
    paint.load("#from-photo-file", "p.png", photo(30, 20))
    paint.message("p.png: no layout. The model has no class with id 99")
    paint.quiet()
    # The browser itself reports both refusals.
    assert len(paint.tab.errors) == 2
    paint.tab.errors.clear()
