"""Screenshots of the page: ``python -m tests.serving.page.shots DIR [MODEL ...]``.

Serves the models, by default all presets that ship, and writes a picture of the whole
page for each of them, light, dark and on a phone, as ``DIR/MODEL-LOOK.png``.
"""

import argparse
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.serving.running import server

LOOKS = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"width": 390, "height": 844, "has_touch": True, "is_mobile": True},
}
WAIT = 300_000  # ms until a model has started, which may be a busy machine's first


def main(argv=None) -> None:
    """Runs it from the command line."""
    from playwright.sync_api import sync_playwright

    from tests.browser import Chromium, find_chromium

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR", help="made if needed")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="default: presets")
    arguments = parser.parse_args(argv)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with server(*arguments.models) as (_, url), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox"]
        )
        for path in take(Chromium(browser), url, arguments.folder):
            print(path, flush=True)
        browser.close()


def take(chromium, url: str, folder: Path, looks=LOOKS) -> Iterator[Path]:
    """Writes the pictures of all models of a server; fails if a page had errors.

    Where a model has styles, the last one is chosen.
    """
    with urllib.request.urlopen(f"{url}/config.json", timeout=60) as answer:
        facts = json.load(answer)
    for name in facts.get("models", [facts["model"]]):
        for look in looks:
            tab = chromium.tab(f"{url}/?model={name}", **LOOKS[look])
            page = tab.page
            page.set_default_timeout(WAIT)
            page.locator("#status", has_text="Drawn in").wait_for()
            if page.locator("#styles button").count():
                page.locator("#styles button").last.click()
                page.locator("#result-list li").nth(1).wait_for()
            page.evaluate("scrollTo(0, 0)")
            path = folder / f"{name}-{look}.png"
            page.screenshot(path=path, full_page=True)
            tab.check()
            page.context.close()
            yield path


if __name__ == "__main__":
    main()
