"""The images of a quick model follow the brush; at most one request is under way."""

import threading

import numpy as np
import pytest

from tests.serving.page.stand_in import ID, pixels

same = np.testing.assert_array_equal


class Gate:
    """Holds a stand-in's answers back; counts how many wait at once."""

    def __init__(self, server):
        self.most = self.now = 0
        self._lock, self._open = threading.Lock(), threading.Event()
        self._draw = server.draw
        self.release()
        server.draw = self.draw

    def draw(self, asked):
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        assert self._open.wait(30)
        with self._lock:
            self.now -= 1
        return self._draw(asked)

    def hold(self):
        self._open.clear()

    def release(self):
        self._open.set()


@pytest.fixture
def gate(server):
    return Gate(server)


@pytest.fixture
def quick(open_paint, server, gate):
    """A tab whose model has proved to be quick."""
    paint = open_paint(server, quick=True)
    paint.status("Drawn")
    paint.page.locator("#auto-text", has_text="as I paint").wait_for()
    yield paint
    paint.check()


def pen_down(paint, *points):
    """A stroke that does not end."""
    mouse = paint.page.mouse
    mouse.move(*paint.place(*points[0]))
    mouse.down()
    for point in points[1:]:
        mouse.move(*paint.place(*point))


def test_the_image_follows_a_stroke(quick, server, gate):
    page, count = quick.page, len(server.asked)
    quick.choose("tree")
    gate.hold()
    pen_down(quick, (4, 4))
    first = quick.asked(count + 1)  # although the pen is down
    for x in range(6, 60, 2):
        page.mouse.move(*quick.place(x, 4))
    quick.quiet()  # whatever is painted meanwhile
    gate.release()
    newest = quick.asked(count + 2)
    quick.quiet()  # the layouts in between were dropped
    quick.tab.check()  # no request was ended early
    tree = ID["tree"]
    assert (first.label == tree).any() and not (first.label[:, 20:] == tree).any()
    assert (newest.label[4, 4:58] == tree).all()
    page.mouse.up()
    quick.quiet()  # nothing has changed since
    assert gate.most == 1
    same(pixels(quick.saved("#save-image")[0]), server.draw(newest))
    assert page.locator("#latency").inner_text()[-2:] in ("ms", " s")


def test_the_end_of_a_stroke_ends_the_request_under_way(quick, server, gate):
    page, count, ended = quick.page, len(server.asked), []
    page.on("requestfailed", lambda request: ended.append(request.url))
    quick.choose("tree")
    gate.hold()
    pen_down(quick, (4, 4))
    quick.asked(count + 1)
    page.mouse.move(*quick.place(40, 4))
    quick.quiet()
    with page.expect_event("requestfailed"):
        page.mouse.up()
    finished = quick.asked(count + 2)  # although the first is not drawn
    assert (finished.label[4, 4:40] == ID["tree"]).all() and len(ended) == 1
    quick.drag((4, 20), (40, 20))  # what took another's place is waited for
    quick.quiet()
    gate.release()
    newest = quick.asked(count + 3)
    quick.rest()
    assert len(ended) == 1 and (newest.label[20, 4:40] == ID["tree"]).all()
    same(pixels(quick.saved("#save-image")[0]), server.draw(newest))


def test_only_what_the_user_pauses_for_is_kept(quick, server):
    page, count = quick.page, len(server.asked)
    results = page.locator("#result-list li")
    kept = results.count()
    quick.choose("road")
    pen_down(quick, (4, 4), (10, 10), (20, 20), (30, 10), (40, 20), (50, 10))
    page.mouse.up()
    quick.asked(count + 1)
    quick.rest()
    results.nth(kept).wait_for()
    assert results.count() == kept + 1
    results.first.get_by_role("button", name="Bring back").click()
    same(pixels(quick.saved("#save-layout")[0]), server.asked[-1].label)
    same(pixels(quick.saved("#save-image")[0]), server.draw(server.asked[-1]))


def test_a_stroke_that_is_given_up_is_taken_back(quick, server):
    before, count = server.asked[-1], len(server.asked)
    quick.choose("car")
    pen_down(quick, (10, 10), (40, 40))
    quick.asked(count + 1)
    quick.rest()
    assert (server.asked[-1].label != before.label).any()
    quick.page.keyboard.press("Escape")
    quick.rest()
    quick.page.mouse.up()
    quick.quiet()
    same(server.asked[-1].label, before.label)
    same(server.asked[-1].instance, before.instance)


def test_a_slider_follows_as_well(quick, server):
    count = len(server.asked)
    for seed in range(1, 8):
        quick.page.locator("#seed").fill(str(seed))
    quick.asked(count + 1)
    quick.rest()
    assert server.asked[-1].seed == 7


def test_nothing_follows_where_the_user_draws_by_the_button(quick, server):
    quick.page.locator("#auto").uncheck()
    pen_down(quick, (10, 10), (40, 40))
    quick.quiet()
    quick.page.mouse.up()
    quick.quiet()
    quick.after(quick.page.locator("#draw").click)


def test_a_model_that_becomes_slow_waits_for_pauses(quick, server):
    page = quick.page
    quick.choose("tree")
    server.delay = 1.2
    for x in (10, 20):  # two of the last three requests
        quick.after(lambda x=x: quick.drag((x, 10)))
        quick.rest()
    page.locator("#auto-text", has_text="as I pause").wait_for()
    count = len(server.asked)
    pen_down(quick, (4, 30), (50, 30))
    quick.quiet()
    page.mouse.up()
    server.delay = 0
    assert (quick.asked(count + 1).label[30, 4:50] == ID["tree"]).all()


def test_a_server_that_is_away_is_not_asked_at_every_move(open_paint, server):
    paint = open_paint(server, quick=True)
    paint.status("Drawn")
    paint.choose("tree")
    server.away = True
    failed = []
    paint.page.on("requestfailed", lambda request: failed.append(request.url))
    pen_down(paint, (4, 4))
    paint.message("The server does not answer. Your layout is kept. Trying again in 2")
    for x in range(5, 60):
        paint.page.mouse.move(*paint.place(x, 4))
    assert len(failed) == 1
    server.away = False
    paint.page.mouse.up()
    paint.status("Drawn")
    assert (server.asked[-1].label[4, 4:58] != server.asked[0].label[4, 4:58]).any()
