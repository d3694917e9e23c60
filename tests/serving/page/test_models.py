"""The start of a model, the choice among several, and their styles."""

import base64

import numpy as np
import pytest

from tests.serving.page.stand_in import (
    CLASSES,
    ID,
    SIZE,
    StandIn,
    describe,
    pixels,
    png,
    street,
)

same = np.testing.assert_array_equal
STYLES = {"dusk": [0.25, 5, 1, 0, 0, 0, 0, -1.5], "noon": [6, 5, 4, 0, 0, 0, 0, 0]}


def styled():
    """A description with two styles."""
    pictures = np.full((len(STYLES), *SIZE, 3), 90, np.uint8)
    pictures[1] = 200
    listed = [
        {"name": name, "z": z, "image": base64.b64encode(png(picture)).decode()}
        for (name, z), picture in zip(STYLES.items(), pictures, strict=True)
    ]
    return describe(examples=[street()]) | {"styles": listed}


def test_the_page_tells_what_a_starting_model_does(open_paint, server):
    server.starting["toy"] = "importing TensorFlow"
    paint = open_paint(server)
    page = paint.page
    page.locator("#starting", has_text="Starting the model…").wait_for()
    page.locator("#doing", has_text="importing TensorFlow").wait_for()
    assert page.locator("main").is_hidden() and not server.asked
    paint.tab.screenshot("paint-starting")
    server.starting["toy"] = "drawing a first picture"
    page.locator("#doing", has_text="drawing a first picture").wait_for()
    server.starting.clear()
    paint.status("Drawn")
    assert page.locator("#starting").is_hidden()
    paint.check()


def test_styles_to_choose_from(open_paint):
    with StandIn(styled()) as server:
        paint = open_paint(server)
        page = paint.page
        asked = paint.asked(1)
        assert (asked.signature, asked.seed, asked.z) == ("serving_default", 0, None)
        paint.tab.screenshot("paint-styles")
        dusk, noon = (
            page.get_by_role("button", name=name, exact=True) for name in STYLES
        )
        asked = paint.after(dusk.click)
        assert (asked.signature, asked.z) == ("synthesize_bytes", STYLES["dusk"])
        assert paint.drawn(noon.click).z == STYLES["noon"]
        pressed = page.locator("#styles [aria-pressed=true]")
        assert pressed.all_inner_texts() == ["noon"]
        paint.status("Drawn")
        page.reload()
        paint.status("Drawn before")
        assert pressed.all_inner_texts() == ["noon"]
        photo = png(np.full((30, 30, 3), 90, np.uint8))
        asked = paint.after(lambda: paint.load("#photo-file", "p.png", photo))
        assert asked.signature == "stylize_bytes" and pressed.count() == 0
        assert paint.drawn(page.locator("#photo-use").uncheck).z == STYLES["noon"]
        asked = paint.drawn(lambda: page.locator("#seed").fill("5"))
        assert (asked.seed, asked.z) == (5, None) and pressed.count() == 0
        paint.drawn(dusk.click)
        assert paint.drawn(dusk.click).seed == 5  # a second press leaves the style
        paint.status("Drawn")
        names = page.locator("#result-list span").all_inner_texts()
        assert names == ["seed 5", "dusk", "seed 5", "noon", "photo", "noon", "dusk",
                         "seed 0"]  # fmt: skip
        page.locator("#result-list li").nth(1).get_by_role("button").first.click()
        assert pressed.all_inner_texts() == ["dusk"]
        paint.check()


@pytest.fixture
def several():
    """A server of three models: one has the first's classes, one has not."""
    reordered = [*reversed(CLASSES)]
    with StandIn(describe(examples=[street()])) as server:
        server.models["wide"] = describe((24, 64), names=reordered, instances=False)
        server.models["other"] = describe((32, 32), names=[("tree", "#327832")])
        yield server


def test_the_layout_goes_along_to_a_model_of_the_same_classes(open_paint, several):
    paint = open_paint(several)
    page = paint.page
    paint.status("Drawn")
    options = page.locator("#model option").all_inner_texts()
    assert options == ["toy", "wide", "other"]
    paint.tab.screenshot("paint-chooser")
    paint.choose("tree")
    before = paint.drawn(lambda: paint.drag((4, 4), (60, 4)))
    paint.status("Drawn")
    asked = paint.after(lambda: page.locator("#model").select_option("wide"))
    ids = {kind["name"]: kind["file_id"] for kind in several.models["wide"]["classes"]}
    table = np.zeros(256, int)
    for name, value in ID.items():
        table[value] = ids[name]
    same(asked.label, table[before.label[1::2]])  # 48 rows became 24
    paint.message("The layout of Toy streets: 64 × 48 was scaled to 64 × 24, which")
    crop = page.get_by_role("button", name="Crop", exact=True)
    asked = paint.after(crop.click)  # 64 x 24 in the middle
    same(asked.label, table[before.label[12:36]])
    page.locator("#undo").click()
    assert page.locator("#model").input_value() == "wide"
    page.locator("#undo").click()  # its own, which is blank
    assert (pixels(paint.saved("#save-layout")[0]) == ids["no label"]).all()

    # A model without these classes shows its own, and the first has kept its layout.
    asked = paint.after(lambda: page.locator("#model").select_option("other"))
    assert asked.label.shape == (32, 32) and (asked.label == 0).all()
    # What was handed on was the blank layout, which nobody misses.
    assert page.locator("#message").is_hidden()
    page.locator("#model").select_option("toy")
    paint.status("Drawn before")
    same(pixels(paint.saved("#save-layout")[0]), before.label)
    paint.tab.errors.clear()  # a request of the page that was left


def test_a_layout_of_classes_that_a_model_lacks_stays(open_paint, several):
    paint = open_paint(several)
    paint.status("Drawn")  # the street: sky, road and cars
    asked = paint.after(lambda: paint.page.locator("#model").select_option("other"))
    assert (asked.label == 0).all()
    paint.message("The layout of Toy streets stayed there, as this model has no sky")
    paint.message("road, car. This is its own.")
    assert paint.page.locator("#message button").all_inner_texts() == ["Dismiss"]
    paint.tab.errors.clear()  # a request of the page that was left


def test_another_can_be_chosen_while_one_starts(open_paint, several):
    several.starting["wide"] = "reading version 3"
    paint = open_paint(several)
    page = paint.page
    paint.status("Drawn")
    page.locator("#model").select_option("wide")
    page.locator("#doing", has_text="reading version 3").wait_for()
    page.locator("#model").select_option("toy")
    paint.status("Drawn")
    several.starting.clear()


def test_a_model_of_the_same_data_draws_the_layout_itself(open_paint, server):
    server.models["twin"] = describe(examples=[street()])
    paint = open_paint(server)
    page = paint.page
    paint.status("Drawn")
    paint.choose("tree")
    before = paint.drawn(lambda: paint.drag((4, 4), (60, 4)))
    paint.status("Drawn in")
    asked = paint.after(lambda: page.locator("#model").select_option("twin"))
    same(asked.label, before.label)
    paint.status("Drawn in")
    assert page.locator("#message").is_hidden()
    assert (
        page.locator("#result-list li").count() == 1
    )  # the other's pictures are its own
    page.reload()
    paint.status("Drawn before")
    server.models["twin"]["step"] += 1
    same(paint.after(page.reload).label, before.label)  # by what it has learned since
    paint.tab.errors.clear()  # a request of the page that was left


def test_a_model_without_style_that_reads_no_instances(open_paint):
    facts = describe(examples=[street()]) | {"z_dim": 0, "uses_instances": False}
    with StandIn(facts) as server:
        paint = open_paint(server)
        page = paint.page
        asked = paint.asked(1)
        assert asked.instance is None and (asked.signature, asked.seed) == (
            "serving_default",
            0,
        )
        paint.status("Drawn")
        paint.tab.screenshot("paint-without-style")
        assert page.locator("#style").is_hidden()
        assert page.locator("#objects").is_hidden()
        [caption] = page.locator("#result-list span").all_inner_texts()
        assert "seed" not in caption and ":" in caption
        page.locator("#stage").focus()
        for key in "sn":
            page.keyboard.press(key)
        paint.quiet()
        page.locator("#help").click()
        listed = page.locator("#shortcuts dt").all_inner_texts()
        assert "O" in listed and not {"S", "N"} & set(listed)
        paint.check()
