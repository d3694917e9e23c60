"""The page sends exactly the painted pixels."""

import numpy as np

from tests.serving.page.paint_tab import capsule, edges
from tests.serving.page.stand_in import ID, SIZE, StandIn, describe, pixels, png, street

NO_LABEL = ID["no label"]
SIZES = {1: 0, 2: 1, 4: 3, 8: 5, 12: 6}  # pixels -> position on the slider
same = np.testing.assert_array_equal


def _blank(paint):
    asked = paint.drawn(paint.page.locator("#blank").click)
    assert (asked.label == NO_LABEL).all() and asked.instance is None


def test_the_first_example_is_drawn_and_the_image_saved(paint, server):
    label, instance = street()
    asked = paint.asked(1)
    assert (asked.signature, asked.seed) == ("serving_default", 0)
    same(asked.label, label)
    same(asked.instance, instance)
    content, name = paint.saved("#save-image")
    assert name == "toy-image.png"
    same(pixels(content), server.draw(asked))
    paint.quiet()
    assert paint.page.title() == "Toy streets · paint"


def test_brushes_and_shapes(paint):
    _blank(paint)
    wanted = np.full(SIZE, NO_LABEL)
    paint.choose("road")
    for diameter, start, end in (
        (1, (10.5, 4.5), (50.5, 4.5)),
        (4, (10, 12), (50, 15)),
        (12, (10, 30), (50, 36)),
    ):
        paint.size(SIZES[diameter])
        wanted[capsule(SIZE, start, end, diameter)] = ID["road"]
        asked = paint.drawn(lambda ends=(start, end): paint.drag(*ends, steps=1))
    same(asked.label, wanted)

    paint.choose("car")
    paint.tool("rectangle")
    asked = paint.drawn(lambda: paint.drag((40.5, 40.5), (60.5, 44.5), (20.5, 8.5)))
    wanted[8:41, 20:41] = ID["car"]  # the larger preview on the way is gone
    same(asked.label, wanted)

    paint.choose("tree")
    paint.tool("line")
    paint.size(SIZES[2])
    asked = paint.drawn(lambda: paint.drag((2, 2), (60, 3), (42, 22)))
    wanted[capsule(SIZE, (2, 2), (42, 22), 2)] = ID["tree"]
    same(asked.label, wanted)

    paint.choose("sky")
    paint.tool("fill")
    asked = paint.drawn(lambda: paint.drag((60.5, 46.5)))
    wanted[_region(wanted, 46, 60)] = ID["sky"]
    same(asked.label, wanted)

    paint.tool("eraser")
    assert "no label" in paint.page.locator("#cursor").inner_text()
    paint.size(SIZES[8])
    asked = paint.drawn(lambda: paint.drag((32, 24)))
    wanted[capsule(SIZE, (32, 24), (32, 24), 8)] = NO_LABEL
    same(asked.label, wanted)

    paint.tool("pick")
    paint.drag((21.5, 35.5))
    assert paint.page.locator("#chosen").inner_text() == "car"


def _region(values, row, column):
    """The pixels joined to one by edges, grown one step at a time."""
    region = np.zeros(values.shape, bool)
    region[row, column] = True
    while True:
        wide = np.pad(region, 1)
        near = (wide[:-2, 1:-1], wide[2:, 1:-1], wide[1:-1, :-2], wide[1:-1, 2:])
        grown = np.any((region, *near), axis=0) & (values == values[row, column])
        if (grown == region).all():
            return region
        region = grown


def test_a_fast_stroke_has_no_gaps(paint):
    _blank(paint)
    paint.choose("person")
    paint.size(SIZES[1])
    corners = [(3.5, 3.5), (60.5, 20.5), (5.5, 44.5), (50.5, 2.5)]
    asked = paint.drawn(lambda: paint.drag(*corners, steps=1))
    wanted = np.full(SIZE, NO_LABEL)
    for start, end in zip(corners, corners[1:], strict=False):
        wanted[capsule(SIZE, start, end, 1)] = ID["person"]
    same(asked.label, wanted)


def test_undo_and_redo(paint):
    label, instance = street()
    paint.choose("tree")
    maps = [label]
    for x in (8, 20, 32):
        asked = paint.drawn(lambda x=x: paint.drag((x, 8), (x, 40)))
        assert (asked.label != maps[-1]).any()
        maps.append(asked.label)
    for wanted in reversed(maps[:-1]):
        asked = paint.drawn(lambda: paint.page.keyboard.press("Control+z"))
        same(asked.label, wanted)
    same(asked.instance, instance)
    assert paint.page.locator("#undo").is_disabled()
    asked = paint.drawn(paint.page.locator("#redo").click)
    same(asked.label, maps[1])
    paint.drawn(lambda: paint.drag((60, 4)))
    assert paint.page.locator("#redo").is_disabled()


def test_objects(paint):
    _blank(paint)
    page = paint.page
    paint.choose("car")
    paint.tool("rectangle")

    def new(*points):
        page.locator("#object-new").click()
        return paint.drawn(lambda: paint.drag(*points))

    new((10.5, 10.5), (19.5, 19.5))
    asked = new((20.5, 10.5), (29.5, 19.5))
    instance = np.zeros(SIZE, int)
    instance[10:20, 10:20] = 1
    instance[10:20, 20:30] = 2
    same(asked.instance, instance)
    same(asked.label, np.where(instance, ID["car"], NO_LABEL))

    page.get_by_role("button", name="Paint on car 1").click()
    asked = paint.drawn(lambda: paint.drag((10.5, 30.5), (19.5, 39.5)))
    instance[30:40, 10:20] = 1
    same(asked.instance, instance)

    page.get_by_role("button", name="Rename car 1").click()
    page.keyboard.type("our <b>car")
    page.keyboard.press("Enter")
    outline = page.get_by_role("button", name="Outline of our <b>car")
    outline.click()
    assert outline.get_attribute("aria-pressed") == "false"

    asked = paint.drawn(page.get_by_role("button", name="Delete car 2").click)
    instance[instance == 2] = 0
    same(asked.instance, instance)
    same(asked.label, np.where(instance, ID["car"], NO_LABEL))

    content, name = paint.saved("#save-objects")
    assert name == "toy-objects.png"
    same(pixels(content), instance)
    values = street()[1].astype(np.uint16) * 700
    asked = paint.after(lambda: paint.load("#objects-file", "o.png", png(values)))
    same(asked.instance, street()[1])


def test_instances_without_an_outside_keep_their_edges(open_paint):
    # As Cityscapes has them: pixels outside of objects carry a number of their class.
    label, instance = street()
    instance = np.where(instance, 300 + instance.astype(int), label).astype(np.uint16)
    with StandIn(describe(examples=[(label, instance)])) as server:
        paint = open_paint(server)
        asked = paint.asked(1)
        for found, wanted in zip(edges(asked.instance), edges(instance), strict=True):
            same(found, wanted)
        assert paint.page.locator("#object-list li").count() == 2
        paint.choose("tree")
        asked = paint.drawn(lambda: paint.drag((50, 4), (60, 12)))
        tree = asked.label == ID["tree"]
        assert tree.any()
        assert not np.isin(asked.instance[tree], asked.instance[~tree]).any()
        paint.check()
