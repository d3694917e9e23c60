"""Strokes in a real browser: ``python -m tests.serving.page.strokes [--model DIR]``.

Prints p50 and p95 of the time from the last move of the pointer to the picture of the
finished stroke on the screen, over all strokes, and how many pictures each one made.
"""

import argparse
import dataclasses
import tempfile
from pathlib import Path

import numpy as np

from tests.serving.page.small_model import export_small
from tests.serving.running import memory_of, server

REST = 600  # ms without a request, after which nothing follows any more
# What is asked for and shown, noted by the page's own clock.
WATCH = """
const asked = window.fetch;
window.watched = {busy: 0, moved: 0, shown: 0, pictures: 0, rest: 0};
window.fetch = async (...arguments_) => {
    const predicts = String(arguments_[0]).includes(":predict");
    watched.busy += predicts;
    try {
        return await asked(...arguments_);
    } finally {
        watched.busy -= predicts;
        watched.rest = performance.now();
    }
};
document.addEventListener("load", (event) => {
    if (event.target.id !== "picture") return;
    requestAnimationFrame(() => {
        watched.shown = performance.now();
        watched.pictures++;
    });
}, true);
addEventListener("pointermove", () => {
    watched.moved = performance.now();
    watched.rest = performance.now();
}, true);
"""
AT_REST = "(rest) => !watched.busy && performance.now() - watched.rest > rest"


@dataclasses.dataclass(frozen=True)
class Stroke:
    """One stroke: ms until its picture was shown, and pictures while it lasted."""

    ms: float
    pictures: int


def main() -> None:
    """Runs it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="default: a small one is made")
    parser.add_argument("--size", type=int, default=256, help="of the small one")
    parser.add_argument("--ngf", type=int, default=8, help="of the small one")
    parser.add_argument("--strokes", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model or export_small(
            Path(folder) / "small", arguments.size, arguments.ngf
        )
        print(report(*measure(model, arguments.strokes)))


def measure(model: Path, count: int) -> tuple[list[Stroke], float, str]:
    """Returns the strokes, the server's MiB, and how the page drew them."""
    from playwright.sync_api import sync_playwright

    from tests.browser import Chromium, find_chromium

    with server(model) as (process, url), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox"]
        )
        tab = Chromium(browser).tab(url, script=WATCH)
        page = tab.page
        page.set_default_timeout(120_000)
        page.locator("#status", has_text="Drawn").wait_for()
        for _ in range(2):  # the page learns how quick the model is
            page.locator("#random").click()
            page.wait_for_function(AT_REST, arg=REST)
        random = np.random.default_rng(0)
        names = page.get_by_role("option")
        strokes = []
        for number in range(count):
            names.nth(number % names.count()).click()
            strokes.append(_stroke(page, random))
        # The end of a stroke ends the request under way.
        tab.errors[:] = [error for error in tab.errors if ":predict" not in error]
        tab.check()
        mode = page.locator("#auto-text").inner_text()
        found = strokes, memory_of(process.pid), mode
        browser.close()
    return found


def _stroke(page, random):
    box = page.locator("#stage").bounding_box()
    points = random.uniform(0.05, 0.95, (4, 2)) * [box["width"], box["height"]]
    points = points + [box["x"], box["y"]]
    before = page.evaluate("watched.pictures")
    page.mouse.move(*points[0])
    page.mouse.down()
    for start, end in zip(points, points[1:], strict=False):
        for part in np.linspace(start, end, 12)[1:]:
            page.mouse.move(*part)
            page.wait_for_timeout(12)
    page.mouse.up()
    page.wait_for_function(AT_REST, arg=REST)
    watched = page.evaluate("watched")
    return Stroke(watched["shown"] - watched["moved"], watched["pictures"] - before)


def report(strokes: list[Stroke], memory: float, mode: str) -> str:
    """The figures as text."""
    p50, p95 = np.percentile([stroke.ms for stroke in strokes], (50, 95))
    each = np.median([stroke.pictures for stroke in strokes])
    return (
        f"{len(strokes)} strokes, drawn {mode}: picture after the last move p50 "
        f"{p50:.0f} ms, p95 {p95:.0f} ms; {each:g} pictures a stroke (median); server "
        f"{memory:.0f} MiB"
    )


if __name__ == "__main__":
    main()
