"""A headless Chromium for tests of the pages that the package writes.

def test_page(chromium, tmp_path):
    tab = chromium.tab(tmp_path / "index.html", width=390, height=844)
    tab.page.click("#start")
    tab.check()  # no errors, nothing asked of another host
"""

import dataclasses
import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TIMEOUT = 10_000  # ms that anything on a page may take
LOCAL_SCHEMES = {"file", "data", "blob", "about"}
LOCAL_HOSTS = {"127.0.0.1", "localhost"}


@dataclasses.dataclass(frozen=True)
class Tab:
    """A page and its errors.

    Args:
        page: Playwright's.
        errors: console errors and warnings, uncaught exceptions, failed requests.
        foreign: addresses on other hosts that were asked for.
    """

    page: object
    errors: list[str]
    foreign: list[str]

    def check(self) -> None:
        """Fails if the page had errors or asked another host for anything."""
        assert self.errors == []
        assert self.foreign == []

    def screenshot(self, name: str) -> None:
        """Writes a picture for human eyes if SCREENSHOTS names a folder."""
        folder = os.environ.get("SCREENSHOTS")
        if folder:
            self.page.screenshot(path=Path(folder) / f"{name}.png")


class Chromium:
    """A running browser; every tab is a person of its own unless told otherwise."""

    def __init__(self, browser) -> None:
        self.browser = browser

    def tab(self, address: Path | str, *, beside: Tab | None = None, **options) -> Tab:
        """Opens a file or an address.

        Args:
            address: a path becomes a ``file://`` address.
            beside: a tab to share the storage with.
            options: ``width``, ``height`` in pixels; ``script`` to run before those of
                the page; others are those of Playwright's ``new_context``, as
                ``color_scheme="dark"``, ``has_touch=True``.
        """
        if beside is None:
            size = {
                "width": options.pop("width", 1280),
                "height": options.pop("height", 800),
            }
            script = options.pop("script", None)
            context = self.browser.new_context(viewport=size, **options)
            if script:
                context.add_init_script(script)
            context.set_default_timeout(TIMEOUT)
        else:
            context = beside.page.context
        tab = Tab(context.new_page(), [], [])
        _listen(tab)
        if isinstance(address, Path):
            address = address.resolve().as_uri()
        tab.page.goto(address)
        return tab


def _listen(tab):
    def on_console(message):
        if message.type in ("error", "warning"):
            tab.errors.append(f"{message.type}: {message.text}")

    def on_request(request):
        parts = urlsplit(request.url)
        if parts.scheme not in LOCAL_SCHEMES and parts.hostname not in LOCAL_HOSTS:
            tab.foreign.append(request.url)

    tab.page.on("console", on_console)
    tab.page.on("pageerror", lambda error: tab.errors.append(f"exception: {error}"))
    tab.page.on(
        "requestfailed", lambda request: tab.errors.append(f"failed: {request.url}")
    )
    tab.page.on("request", on_request)


def find_chromium() -> str | None:
    """Returns the browser that ``CHROMIUM`` names, or one on the path, else None."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="module")
def chromium():
    """A browser for the tests of a module; skips where there is none.

    Not for all of them: while Playwright runs, no other test can use asyncio.
    """
    api = pytest.importorskip(
        "playwright.sync_api", reason="needs playwright: pip install 'ccfpse-tf[test]'"
    )
    with api.sync_playwright() as playwright:
        path = find_chromium() or playwright.chromium.executable_path
        if not Path(path).is_file():
            pytest.skip(
                "needs Chromium: install it, name it in CHROMIUM, or run "
                "`playwright install chromium`"
            )
        # No sandbox: tests often run as root in a container, on pages of our own.
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox"]
        )
        yield Chromium(browser)
        browser.close()
