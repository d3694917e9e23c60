"""The page of a study in a real browser, opened from a file."""

import json
import re
from pathlib import Path

import pytest

from ccfpse_tf.study.design import Options
from ccfpse_tf.study.score import score
from ccfpse_tf.study.study_builder import build
from tests.study.files import write_pictures

PAIRS, REPEATS, CHECKS = 10, 3, 2
PLANNED = PAIRS + REPEATS + CHECKS
READY = "#stage:not(.waiting)"
PHONE = {"width": 390, "height": 780, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study's folder and its key."""
    folder = tmp_path_factory.mktemp("study")
    options = Options(PAIRS, repeats=REPEATS, checks=CHECKS, question="Which one?")
    build(*write_pictures(folder / "in", PAIRS + CHECKS), folder / "out", options)
    return folder / "out", json.loads((folder / "out" / "key.json").read_text())


def _start(tab, name):
    tab.page.fill("#name", name)
    tab.page.click("text=Start")
    tab.page.wait_for_selector(READY)


def _shown(tab):
    """File names of the two images, left one first."""
    images = tab.page.locator(".choice img")
    return [images.nth(i).get_attribute("src").rpartition("/")[2] for i in (0, 1)]


def _side(tab, key, wanted="a"):
    """Returns the side of the method, or of the image that is not spoilt."""
    good = {trial[wanted] for trial in key["pairs"].values()}
    good |= {trial["image"] for trial in key["checks"].values()}
    return [name in good for name in _shown(tab)].index(True)


def _place(tab):
    return int(tab.page.inner_text("#count").split()[0])


def _answer(tab, act):
    """Answers with ``act`` and waits for the next pair, or for the end."""
    place = _place(tab)
    act()
    tab.page.wait_for_function(
        "place => !document.getElementById('end').hidden || "
        "parseInt(document.getElementById('count').textContent) !== place && "
        "document.querySelector('#stage:not(.waiting)')",
        arg=place,
    )


def _reload(tab):
    """Reloads once nothing is being fetched, as a request that is cut off is an error.

    The pictures of the next pairs are fetched while one is shown.
    """
    tab.page.evaluate("Promise.all(pictures.values()).then(() => null)")
    tab.page.reload()


def _download(tab, folder: Path, button="#end .save"):
    with tab.page.expect_download() as waiting:
        tab.page.click(button)
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_a_whole_study_by_keyboard(chromium, study, tmp_path):
    out, key = study
    tab = chromium.tab(out / "page" / "index.html")
    tab.screenshot("study-start")
    _start(tab, "Ada Lovelace")
    assert tab.page.inner_text("#question") == "Which one?"
    tab.screenshot("study-pair")
    keys = [("ArrowLeft", "ArrowRight"), ("1", "2")]
    while tab.page.is_visible("#trial"):
        place = _place(tab)
        press = keys[place % 2][_side(tab, key)]
        _answer(tab, lambda press=press: tab.page.keyboard.press(press))
    tab.screenshot("study-end")
    path = _download(tab, tmp_path)
    tab.check()
    assert path.name.startswith("study-Ada-Lovelace-")
    (row,) = score([path], out / "key.json").raters
    assert row.answers == (PLANNED, PLANNED)
    assert row.prefers_a == (PAIRS, PAIRS)
    assert row.consistent == (REPEATS, REPEATS)
    assert row.passed == (CHECKS, CHECKS)
    assert 0 < row.median_seconds < 10
    fields = json.loads(path.read_text())
    assert fields["finished"] > fields["started"]
    assert {entry["input"] for entry in fields["answers"]} == {"key"}
    order = [(entry["trial"], entry["repeat"]) for entry in fields["answers"]]
    assert len(set(order)) == PLANNED
    for index, (trial, repeat) in enumerate(order):
        assert not repeat or index - order.index((trial, False)) > 4


def test_by_touch_with_reloads_and_second_thoughts(chromium, study, tmp_path):
    out, key = study
    tab = chromium.tab(out / "page" / "index.html", color_scheme="dark", **PHONE)
    _start(tab, "Bo")
    tab.screenshot("study-phone-dark")
    choices = tab.page.locator(".choice")
    for _ in range(4):
        _answer(tab, choices.nth(_side(tab, key, "b")).tap)
    before = _shown(tab)
    _reload(tab)
    tab.page.wait_for_selector(READY)
    assert (_place(tab), _shown(tab)) == (5, before)
    tab.page.tap("#back")
    tab.page.wait_for_selector(f'{READY} [aria-pressed="true"]')
    assert _place(tab) == 4
    earlier = _side(tab, key, "b")
    assert choices.nth(earlier).get_attribute("aria-pressed") == "true"
    _answer(tab, choices.nth(1 - earlier).tap)
    assert _place(tab) == 5
    part = json.loads(_download(tab, tmp_path, "#trial .save").read_text())
    assert [entry["revisions"] for entry in part["answers"]] == [0, 0, 0, 1]
    assert part["finished"] is None and part["planned"] == PLANNED
    assert part["answers"][3]["choice"] == ("left", "right")[1 - earlier]
    while tab.page.is_visible("#trial"):
        _answer(tab, choices.nth(_side(tab, key, "b")).tap)
    _reload(tab)
    path = _download(tab, tmp_path)
    tab.check()
    (row,) = score([path], out / "key.json").raters
    assert row.answers[0] == PLANNED
    # All for B, but what was corrected.
    corrected = part["answers"][3]
    first_sight = not corrected["repeat"] and corrected["trial"] in key["pairs"]
    assert row.prefers_a == (first_sight, PAIRS)


def test_raters_get_their_own_order_and_sides(chromium, study):
    page = study[0] / "page" / "index.html"
    plans = []
    for name in ("Ada", "Bo"):
        tab = chromium.tab(page)
        _start(tab, name)
        plans.append(tab.page.evaluate("state.plan.map(x => [x.trial, x.left])"))
        assert len(plans[-1]) == PLANNED
    assert plans[0] != plans[1]
    # Two on one computer: the second starts anew, the first one's name goes on.
    _answer(tab, lambda: tab.page.keyboard.press("1"))
    tab.page.evaluate("welcome()")
    _start(tab, "Cy")
    assert _place(tab) == 1
    tab.page.evaluate("welcome()")
    tab.page.fill("#name", "Bo")
    assert f"1 of {PLANNED} pairs here" in tab.page.inner_text("#again")
    tab.page.click("text=Start")
    tab.page.wait_for_selector(READY)
    assert _place(tab) == 2
    tab.check()


def test_a_second_tab_goes_on_where_the_first_one_is(chromium, study):
    page = study[0] / "page" / "index.html"
    first = chromium.tab(page)
    _start(first, "Ada")
    second = chromium.tab(page, beside=first)
    second.page.wait_for_selector(READY)
    _answer(first, lambda: first.page.keyboard.press("1"))
    second.page.wait_for_function(
        "document.getElementById('count').textContent.startsWith('2 ')"
    )
    _answer(second, lambda: second.page.keyboard.press("2"))
    assert len(first.page.evaluate("state.answers")) == 2
    first.check()
    second.check()


@pytest.mark.parametrize(
    ("width", "height", "shape"),
    [(1280, 800, "row"), (390, 780, "stack"), (780, 360, "row"), (820, 1180, "above")],
)
def test_all_pictures_fit_on_the_screen(chromium, study, width, height, shape):
    tab = chromium.tab(study[0] / "page" / "index.html", width=width, height=height)
    _start(tab, "Ada")
    tab.screenshot(f"study-{width}x{height}")
    stage = tab.page.locator("#stage")
    assert stage.get_attribute("data-shape") == shape
    for image in tab.page.locator("#stage img").all():
        box = image.bounding_box()
        assert box["width"] / box["height"] == pytest.approx(64 / 48, rel=0.02)
        assert min(box["x"], box["y"]) >= 0 and box["width"] > 100
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
    size = (
        "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    )
    assert tab.page.evaluate(size) == [width, height]
    tab.check()


def test_colours_follow_the_system_and_can_be_read(chromium, study):
    def luminance(color):
        parts = [int(x) / 255 for x in re.findall(r"\d+", color)[:3]]
        parts = [x / 12.92 if x < 0.04 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    found = {}
    for scheme in ("light", "dark"):
        page = study[0] / "page" / "index.html"
        tab = chromium.tab(page, color_scheme=scheme)
        _start(tab, "Ada")
        style = "getComputedStyle(document.querySelector('{}')).{}"
        paper = luminance(tab.page.evaluate(style.format("body", "backgroundColor")))
        for element in ("#question", "#count", "figcaption", "footer small"):
            ink = luminance(tab.page.evaluate(style.format(element, "color")))
            low, high = sorted((ink, paper))
            assert (high + 0.05) / (low + 0.05) > 4.5, (scheme, element)
        found[scheme] = paper
    assert found["light"] > 0.8 and found["dark"] < 0.05


def test_names_for_those_who_do_not_see_the_page(chromium, study):
    tab = chromium.tab(study[0] / "page" / "index.html")
    assert tab.page.get_by_label("Your name or a nickname").count() == 1
    _start(tab, "Ada")
    for name in ("choose the left image", "choose the right image", "Back"):
        assert tab.page.get_by_role("button", name=name, exact=True).count() == 1
    assert tab.page.get_by_role("progressbar", name="pairs answered").count() == 1
    assert tab.page.get_by_role("img", name="the layout").count() == 1
    # By tabulator and Enter alone.
    tab.page.get_by_role("button", name="choose the right image").focus()
    _answer(tab, lambda: tab.page.keyboard.press("Enter"))
    assert tab.page.evaluate("[state.answers[0].choice, state.answers[0].input]") == [
        "right",
        "key",
    ]


def test_a_missing_picture_stops_the_study(chromium, study, tmp_path):
    page = study[0] / "page" / "index.html"
    (tmp_path / "index.html").write_text(page.read_text())
    tab = chromium.tab(tmp_path / "index.html")
    tab.page.fill("#name", "Ada")
    tab.page.click("text=Start")
    tab.page.wait_for_selector("#trouble:not([hidden])")
    assert "“pictures” must lie beside this page" in tab.page.inner_text("#trouble")
    tab.page.keyboard.press("1")
    assert tab.page.evaluate("state.answers") == []


def test_a_pair_must_be_looked_at(chromium, tmp_path):
    options = Options(3, min_seconds=3)  # longer than a busy machine takes for a key
    build(*write_pictures(tmp_path / "in", 3), tmp_path / "out", options)
    tab = chromium.tab(tmp_path / "out" / "page" / "index.html")
    tab.page.fill("#name", "Ada")
    tab.page.click("text=Start")
    tab.page.wait_for_selector("#stage.waiting[data-shape]")
    tab.page.keyboard.press("1")
    assert tab.page.evaluate("state.answers") == []
    tab.page.wait_for_selector(READY)
    _answer(tab, lambda: tab.page.keyboard.press("1"))
    assert tab.page.evaluate("state.answers[0].seconds") >= 3


def test_a_browser_that_keeps_nothing_is_told(chromium, study):
    tab = chromium.tab("about:blank")
    tab.page.add_init_script(
        "Storage.prototype.setItem = () => { throw new DOMException('full'); }"
    )
    tab.page.goto((study[0] / "page" / "index.html").as_uri())
    _start(tab, "Ada")
    assert "do not close or reload" in tab.page.inner_text("#trouble")
    _answer(tab, lambda: tab.page.keyboard.press("1"))
    assert _place(tab) == 2
