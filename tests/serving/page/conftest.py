"""Fixtures of the painting page's tests."""

import pytest

from tests.serving.page.paint_tab import PaintTab
from tests.serving.page.stand_in import StandIn, describe, street


@pytest.fixture
def server():
    """A stand-in whose model has one example."""
    with StandIn(describe(examples=[street()])) as running:
        yield running


@pytest.fixture
def open_paint(chromium):
    """``open_paint(server, **options)`` opens the page in a tab of its own."""
    tabs = []

    def open_tab(server, **options):
        tabs.append(PaintTab(chromium, server, **options))
        return tabs[-1]

    yield open_tab
    for paint in tabs:
        paint.page.context.close()


@pytest.fixture
def paint(open_paint, server):
    """A tab that shows its first image; it must end without errors."""
    opened = open_paint(server)
    opened.status("Drawn")
    yield opened
    opened.check()
