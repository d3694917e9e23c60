"""The requests of the page: their times and contents, and the kept settings."""

import io

import numpy as np
from PIL import Image

from tests.serving.page.stand_in import ID, pixels, png

same = np.testing.assert_array_equal

DROP = """(node) => new Promise((done) => {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, {width: 8, height: 8}).toBlob((blob) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([blob], "d.png", {type: "image/png"}));
        const options = {dataTransfer, bubbles: true, cancelable: true};
        node.dispatchEvent(new DragEvent("drop", options));
        done();
    });
})"""


def test_the_last_change_wins(paint, server):
    page = paint.page
    count = len(server.asked)
    paint.choose("tree")
    paint.drag((4, 4), (10, 4))
    paint.drag((4, 14), (10, 14))  # before the pause is over: one request
    paint.asked(count + 1)
    paint.quiet()
    paint.status("Drawn")

    server.delay = 1.0
    results = page.locator("#result-list li").count()
    paint.after(lambda: paint.drag((30, 4)))
    last = paint.after(lambda: paint.drag((50, 4)))
    paint.status("Drawn")
    page.wait_for_timeout(300)
    assert page.locator("#result-list li").count() == results + 1
    same(pixels(paint.saved("#save-image")[0]), server.draw(last))
    assert len(paint.tab.errors) == 1  # the request that was ended

    server.delay = 0.0
    page.locator("#auto").uncheck()
    paint.drag((20, 8), (30, 8))
    paint.quiet()
    asked = paint.after(page.locator("#draw").click)
    assert (asked.label[8, 20:31] == ID["tree"]).all()


def test_seed_and_reference_photo(paint):
    page = paint.page
    asked = paint.after(lambda: page.locator("#seed-number").fill("123456"))
    assert (asked.signature, asked.seed) == ("serving_default", 123456)
    assert paint.drawn(lambda: page.locator("#seed").fill("77")).seed == 77
    assert page.locator("#seed-number").input_value() == "77"
    asked = paint.drawn(page.locator("#random").click)
    assert asked.seed == int(page.locator("#seed").input_value())

    photo = np.zeros((600, 900, 3), np.uint8)
    photo[:, :450] = (250, 120, 10)
    asked = paint.after(lambda: paint.load("#photo-file", "p.png", png(photo)))
    assert (asked.signature, asked.seed) == ("stylize_bytes", None)
    sent = Image.open(io.BytesIO(asked.style))
    assert (sent.format, sent.size) == ("JPEG", (512, 341))
    left = np.asarray(sent)[:, :200].mean((0, 1))
    np.testing.assert_allclose(left, (250, 120, 10), atol=4)
    assert paint.drawn(page.locator("#photo-use").uncheck).style is None
    assert paint.drawn(page.locator("#photo-use").check).style == asked.style
    assert paint.drawn(page.locator("#photo-remove").click).style is None
    asked = paint.after(lambda: page.locator("#style").evaluate(DROP))
    assert Image.open(io.BytesIO(asked.style)).size == (8, 8)


def test_the_strip_brings_back_layout_image_and_style(paint, server):
    page = paint.page
    first = paint.drawn(lambda: page.locator("#seed-number").fill("5"))
    paint.status("Drawn")
    paint.choose("tree")
    paint.drawn(lambda: paint.drag((10, 10), (50, 40)))
    paint.status("Drawn")
    paint.drawn(page.locator("#random").click)
    paint.status("Drawn")
    strip = page.locator("#result-list li")
    assert strip.count() == 4
    strip.nth(2).get_by_role("button", name="Bring back").click()
    paint.status("An earlier result")
    paint.quiet()  # the image is known
    same(pixels(paint.saved("#save-layout")[0]), first.label)
    same(pixels(paint.saved("#save-image")[0]), server.draw(first))
    assert page.locator("#seed").input_value() == "5"
    paint.drawn(page.locator("#undo").click)
    paint.status("Drawn in")
    assert strip.count() == 5
    strip.nth(1).hover()
    strip.nth(1).get_by_role("button", name="Remove").click()
    assert strip.count() == 4


def test_a_reload_keeps_the_work(paint, server):
    page = paint.page
    paint.choose("person")
    page.locator("#object-new").click()
    paint.drawn(lambda: paint.drag((4, 4), (30, 12)))
    page.locator("#seed-number").fill("31")
    paint.status("Drawn")
    photo = np.full((30, 30, 3), 90, np.uint8)
    asked = paint.after(lambda: paint.load("#photo-file", "p.png", png(photo)))
    paint.status("Drawn")
    results = page.locator("#result-list li")
    count = results.count()
    page.reload()
    paint.status("Drawn before")
    paint.quiet()  # the image is kept as well
    assert results.count() == count
    same(pixels(paint.saved("#save-layout")[0]), asked.label)
    same(pixels(paint.saved("#save-objects")[0]), asked.instance)
    same(pixels(paint.saved("#save-image")[0]), server.draw(asked))
    assert paint.drawn(lambda: None).style == asked.style
    assert paint.drawn(page.locator("#photo-use").uncheck).seed == 31
    paint.status("Drawn")
    last = paint.after(lambda: (paint.drag((50, 40)), page.reload()))
    paint.status("Drawn")
    assert (last.label != asked.label).any()


def test_the_server_goes_away_and_comes_back(open_paint, server):
    paint = open_paint(server)
    paint.status("Drawn")
    page = paint.page
    server.away = True
    paint.choose("tree")
    paint.drag((4, 4), (30, 12))
    paint.message("The server does not answer. Your layout is kept. Trying again in 2")
    server.away = False
    asked = paint.after(lambda: None)
    assert (asked.label == ID["tree"]).any()
    paint.status("Drawn")
    assert page.locator("#message").is_hidden()

    server.refusal = (503, "too many at once")
    page.locator("#random").click()
    paint.message("The server is busy (503). too many at once Your layout is kept. Try")
    server.refusal = (400, "label_bytes[0] is wrong")
    page.get_by_role("button", name="Try now").click()
    paint.message("The server refuses (400). label_bytes[0] is wrong Your layout is")
    server.refusal = None
    paint.quiet(2.2)  # the same request would be refused again
    paint.after(page.locator("#draw").click)
    paint.status("Drawn")
    assert page.locator("#message").is_hidden()
    assert paint.tab.foreign == []
    assert all("load resource" in e or "failed" in e for e in paint.tab.errors)


def test_a_server_that_starts_late_and_is_slow(open_paint, server):
    server.away = True
    paint = open_paint(server)
    paint.message("The server does not answer. Trying again every 3 seconds.")
    server.away, server.delay = False, 5.0
    paint.page.get_by_role("button", name="Try now").click()
    paint.status("Still drawing; the server is slow")
    assert paint.page.locator("#message").is_hidden()
    paint.status("Drawn")
