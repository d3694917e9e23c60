"""The painting page on ``ccfpse serve`` itself, in a process of its own."""

import types

import numpy as np
import pytest

from tests.evaluation.tiny import GREYS, make_segmenter
from tests.serving.page.paint_tab import PaintTab
from tests.serving.page.shots import LOOKS, take
from tests.serving.page.stand_in import pixels
from tests.serving.palette_model import CLASSES, PALETTE, expected, png
from tests.serving.running import server


@pytest.fixture(scope="module")
def address(models, tmp_path_factory):
    """The address of the server, which labels photos, too."""
    segmenter = make_segmenter(tmp_path_factory.mktemp("segmenter"))
    with server(models, "--evaluator", segmenter) as (_, url):
        yield url


def _picture(page):
    """The image that the page shows."""
    height, width, values = page.evaluate(
        """() => {
            const image = document.querySelector('#picture');
            const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
            const context = canvas.getContext('2d');
            context.drawImage(image, 0, 0);
            const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
            return [canvas.height, canvas.width, Array.from(data)];
        }"""
    )
    return np.array(values, np.uint8).reshape(height, width, 4)[..., :3]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_painted_is_drawn(chromium, address, scheme):
    description = {"image_size": (8, 8)}
    there = types.SimpleNamespace(address=address, description=description, asked=[])
    paint = PaintTab(chromium, there, color_scheme=scheme)
    paint.status("Drawn")
    before = _picture(paint.page)
    np.testing.assert_array_equal(before, PALETTE[np.eye(8, dtype=int)])
    paint.choose(f"class {CLASSES - 1}")
    paint.tool("fill")
    paint.page.mouse.click(*paint.place(6.5, 1.5))
    paint.page.locator("#result-list li").nth(1).wait_for()
    after = _picture(paint.page)
    painted = (after == PALETTE[CLASSES - 1]).all(-1)
    assert painted[1, 6] and not painted[1, 1] and 20 < painted.sum() < 64
    paint.tab.check()
    paint.page.context.close()


def test_a_photo_becomes_a_layout_and_a_picture(chromium, address):
    description = {"image_size": (8, 8)}
    there = types.SimpleNamespace(address=address, description=description, asked=[])
    paint = PaintTab(chromium, there)
    paint.status("Drawn")
    classes = np.tile([[1, 2], [3, 0]], (1, 1)).repeat(48, 0).repeat(48, 1)
    photo = png(GREYS[classes][..., None].repeat(3, -1).astype(np.uint8))
    paint.load("#from-photo-file", "p.png", photo)
    paint.message("p.png: a network made this layout")
    paint.page.locator("#result-list li").nth(1).wait_for()
    layout, _ = paint.saved("#save-layout")
    wanted = np.array([[1, 2], [3, 0]]).repeat(4, 0).repeat(4, 1)
    np.testing.assert_array_equal(pixels(layout), wanted)
    shift = int(GREYS[classes].mean())  # the palette model's style of that photo
    error = _picture(paint.page).astype(int) - expected(wanted, shift)
    assert abs(error).max() <= 2  # the photo was sent as JPEG
    paint.tab.check()
    paint.page.context.close()


def test_screenshots_of_every_model_and_look(chromium, address, tmp_path):
    paths = list(take(chromium, address, tmp_path))
    assert [path.name for path in paths] == [f"palette-{look}.png" for look in LOOKS]
    widths = [pixels(path.read_bytes()).shape[1] for path in paths]
    assert widths == [1280, 1280, 390]
