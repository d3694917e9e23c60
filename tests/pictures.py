"""The documentation's screenshots: ``python -m tests.pictures DIR``.

Writes ``painting.jpg``, the painting page with a model that ships, and ``gallery.jpg``,
the page of images that `generate` makes of its example layouts.
"""

import argparse
import tempfile
from pathlib import Path

from PIL import Image

PRESET = "scenes_256"
HEIGHT, QUALITY = 720, 82  # pixels, from the top of a page; of JPEG


def main(argv=None) -> None:
    """Runs it from the command line."""
    from playwright.sync_api import sync_playwright

    from tests.browser import Chromium, find_chromium

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR", help="docs")
    folder = parser.parse_args(argv).folder
    with tempfile.TemporaryDirectory() as aside, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox"]
        )
        chromium = Chromium(browser)
        _save(_painting(chromium, Path(aside)), folder / "painting.jpg")
        _save(_gallery(chromium, Path(aside)), folder / "gallery.jpg")
        browser.close()


def _painting(chromium, aside):
    from tests.serving.page.shots import take
    from tests.serving.running import server

    with server(PRESET) as (_, url):
        [path] = take(chromium, url, aside, ["light"])
    return path


def _gallery(chromium, aside):
    from tests.recipes import load

    scenes = load(Path(__file__).resolve().parent.parent, "scenes")
    out = aside / "gallery"
    scenes.main(["generate", "--preset", PRESET, "--out", str(out), "--styles", "3"])
    tab = chromium.tab(out / "index.html", width=1280, height=720)
    path = aside / "gallery.png"
    tab.page.screenshot(path=path)
    tab.check()
    return path


def _save(picture, path):
    with Image.open(picture) as image:
        top = image.convert("RGB").crop((0, 0, image.width, HEIGHT))
        top.save(path, quality=QUALITY, optimize=True)
    print(path, f"{path.stat().st_size / 1e3:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
