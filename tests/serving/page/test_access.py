"""Keyboard, names, colours, small screens, fingers, many classes."""

import numpy as np
import pytest

from tests.serving.page.stand_in import ID, StandIn, describe, pixels, street

same = np.testing.assert_array_equal

NAMED = """(nodes) => nodes.filter((node) => !(
    node.getAttribute("aria-label") || node.getAttribute("aria-labelledby")
    || node.labels?.length || node.textContent.trim()
)).map((node) => node.outerHTML)"""


def test_the_keyboard_is_enough(paint):
    page, press = paint.page, paint.page.keyboard.press
    label, _ = street()
    press("/")
    page.keyboard.type("si")
    shown = page.get_by_role("option").filter(visible=True)
    assert shown.all_inner_texts() == ["sidewalk"]
    press("Enter")
    press("Escape")
    assert page.locator("#chosen").inner_text() == "sidewalk"
    for _ in range(40):
        press("Shift+Tab")
        if page.locator("#stage").evaluate("(node) => node === document.activeElement"):
            break
    else:
        pytest.fail("the layout can't be reached with the Tab key")
    for _ in range(6):
        press("[")
    assert page.locator("#size-text").inner_text() == "1 px"
    press("Shift+ArrowUp")
    press("ArrowRight")
    assert page.locator("#cursor").inner_text() == "33, 16: sky"

    def paint_two_lines():
        page.keyboard.down("Space")
        press("ArrowRight")
        press("ArrowRight")
        page.keyboard.up("Space")
        press("ArrowDown")
        press("Enter")
        press("ArrowLeft")
        press("Enter")
        press("ArrowLeft")

    asked = paint.drawn(paint_two_lines)
    label[16, 33:36] = label[17, 34:36] = ID["sidewalk"]
    same(asked.label, label)

    press("4")
    assert page.locator("#chosen").inner_text() == "road"
    press("r")
    page.keyboard.down("Space")
    press("Shift+ArrowDown")
    press("Escape")  # a stroke that is given up leaves nothing
    page.keyboard.up("Space")
    same(pixels(paint.saved("#save-layout")[0]), label)

    press("?")
    page.get_by_role("dialog", name="Shortcuts").wait_for()
    page.locator("#single-keys").uncheck()
    press("Escape")
    press("e")
    pressed = page.locator("[data-tool][aria-pressed=true]").all_inner_texts()
    assert pressed == ["Rectangle"]


def test_everything_has_a_name(paint):
    shown = paint.page.locator("button, input:not([hidden]), [tabindex='0'], dialog")
    assert shown.count() > 30
    assert shown.evaluate_all(NAMED) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(open_paint, server, scheme):
    paint = open_paint(server, color_scheme=scheme)
    paint.status("Drawn")
    body = paint.page.locator("body")

    def brightness(name):
        text = body.evaluate(f"(node) => getComputedStyle(node).{name}")
        return sum(map(int, text.removeprefix("rgb(").removesuffix(")").split(",")))

    order = [brightness("backgroundColor"), brightness("color")]
    dark, bright = order if scheme == "dark" else reversed(order)
    assert dark < 150 and bright > 600
    paint.tab.screenshot(f"paint-{scheme}")
    paint.page.keyboard.press("o")
    paint.page.locator("#opacity").wait_for()
    paint.tab.screenshot(f"paint-{scheme}-overlay")
    paint.check()


def test_a_phone_with_fingers(open_paint, server):
    phone = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}
    paint = open_paint(server, **phone)
    paint.status("Drawn")
    page = paint.page
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("option", name="person", exact=True).tap()
    page.locator("#stage").scroll_into_view_if_needed()
    session = page.context.new_cdp_session(page)

    def touch(kind, *points):
        where = [dict(zip("xy", paint.place(*point), strict=True)) for point in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    def stroke():
        touch("touchStart", (10, 10))
        touch("touchMove", (30, 10))
        touch("touchMove", (30, 40))
        touch("touchEnd")

    asked = paint.after(stroke)
    for part in (asked.label[10, 12:29], asked.label[12:39, 30]):
        assert (part == ID["person"]).all()
    heights = page.locator("#tools button, [role=option]").evaluate_all(
        "(nodes) => nodes.map((node) => node.offsetHeight)"
    )
    assert min(heights) >= 44
    paint.tab.screenshot("paint-phone")
    paint.check()


def test_many_classes_without_instances_or_dont_care(open_paint):
    names = [(f"thing {index} <b>", f"#{index * 70001:06x}") for index in range(182)]
    facts = describe((32, 32), names=names, dont_care=False, instances=False)
    with StandIn(facts) as server:
        paint = open_paint(server)
        page = paint.page
        first = paint.asked(1)
        assert (first.label == 1).all() and first.instance is None
        options = page.get_by_role("option").filter(visible=True)
        assert options.count() == 182
        page.locator("#search").fill("17 thing")
        assert options.all_inner_texts()[:2] == ["thing 17 <b>", "thing 117 <b>"]
        options.nth(1).click()
        asked = paint.drawn(lambda: paint.drag((16, 16)))
        assert asked.label[16, 16] == 118
        page.locator("#search").fill("nothing")
        assert options.count() == 0
        paint.tool("eraser")
        title = page.locator("button[data-tool=eraser]").get_attribute("title")
        assert title == "Erases to thing 0 <b>, the first class"
        assert page.locator("#objects").is_hidden()
        paint.check()


def test_the_docs_list_the_same_shortcuts(paint, repository):
    text = (repository / "docs" / "painting.md").read_text(encoding="utf-8")
    table = text.partition("| --- | --- |\n")[2].partition("\n\n")[0]
    rows = [tuple(row.strip("| ").split(" | ")) for row in table.splitlines()]
    paint.page.locator("#help").click()
    terms, texts = (paint.page.locator(f"dialog {tag}") for tag in ("dt", "dd"))
    assert rows == list(
        zip(terms.all_inner_texts(), texts.all_inner_texts(), strict=True)
    )
