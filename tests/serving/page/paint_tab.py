"""A browser tab for tests of the painting page."""

import time

import numpy as np

WAIT = 10.0  # s
# A clock a thousand times too fast: what takes a millisecond is a slow model's answer.
FAST_CLOCK = """
const now = performance.now.bind(performance);
performance.now = () => 1000 * now();
"""


class PaintTab:
    """A tab with the painting page, and the server behind it.

    Args:
        chromium: the fixture.
        server: a :class:`tests.serving.page.stand_in.StandIn`.
        quick: whether the page may notice how quick the server is, so that images
            follow the brush; else each waits for a pause.
        options: see :meth:`tests.browser.Chromium.tab`.
    """

    def __init__(self, chromium, server, quick=False, **options):
        self.server = server
        if not quick:
            options["script"] = FAST_CLOCK
        self.tab = chromium.tab(server.address, **options)
        self.page = self.tab.page
        self.height, self.width = server.description["image_size"]

    def asked(self, count):
        """The ``count``-th request for an image, waited for."""
        end = time.monotonic() + WAIT
        while len(self.server.asked) < count:
            assert time.monotonic() < end, f"{len(self.server.asked)} requests"
            self.page.wait_for_timeout(20)
        return self.server.asked[count - 1]

    def after(self, act):
        """The request that follows ``act`` and a pause."""
        count = len(self.server.asked)
        act()
        return self.asked(count + 1)

    def drawn(self, act):
        """The same without the pause: asked for with the keyboard."""
        return self.after(lambda: (act(), self.page.keyboard.press("Control+Enter")))

    def quiet(self, seconds=0.6):
        """Fails if the page asks for anything in this time."""
        count = len(self.server.asked)
        self.page.wait_for_timeout(seconds * 1000)
        assert len(self.server.asked) == count

    def rest(self, seconds=0.6):
        """Waits until nothing is asked for, nor being drawn, in this time."""
        before = None
        while before != len(self.server.asked) or self.server.drawing:
            before = len(self.server.asked)
            self.page.wait_for_timeout(seconds * 1000)

    def place(self, x, y):
        """Returns the place in the window of a position of the layout."""
        box = self.page.locator("#stage").bounding_box()
        return (
            box["x"] + x * box["width"] / self.width,
            box["y"] + y * box["height"] / self.height,
        )

    def drag(self, *points, steps=3):
        """A stroke through points of the layout, with the mouse."""
        mouse = self.page.mouse
        mouse.move(*self.place(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self.place(*point), steps=steps)
        mouse.up()

    def tool(self, name):
        """Chooses a tool by its button."""
        self.page.locator(f"button[data-tool={name}]").click()

    def choose(self, name):
        """Chooses a class by its name."""
        self.page.get_by_role("option", name=name, exact=True).click()

    def size(self, index):
        """Chooses the brush size of this position on the slider."""
        self.page.locator("#size").fill(str(index))

    def load(self, selector, name, content, kind="image/png"):
        """Gives a file to an input."""
        file = {"name": name, "mimeType": kind, "buffer": content}
        self.page.locator(selector).set_input_files(file)

    def saved(self, selector):
        """Returns the content of the file that a button saves, and its name."""
        with self.page.expect_download() as download:
            self.page.locator(selector).click()
        return download.value.path().read_bytes(), download.value.suggested_filename

    def check(self):
        """Fails as :meth:`tests.browser.Tab.check`, but not for requests ended early.

        A newer request ends the one under way; one that fails by itself shows in the
        console as well.
        """
        ended = f"failed: {self.server.address}v1/models/toy:predict"
        self.tab.errors[:] = [error for error in self.tab.errors if error != ended]
        self.tab.check()

    def status(self, text):
        """Waits until the status line holds a text."""
        self.page.locator("#status", has_text=text).wait_for()

    def message(self, text):
        """Waits until the message holds a text."""
        self.page.locator("#message", has_text=text).wait_for()


def capsule(shape, start, end, diameter):
    """Pixels whose middle is at most a radius from a segment, as a mask."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    (ax, ay), (bx, by) = start, end
    length = max((bx - ax) ** 2 + (by - ay) ** 2, 1e-9)
    along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length, 0, 1)
    distance = np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay))
    return distance <= diameter / 2


def edges(labels):
    """Returns a mask of the pixels that differ from their right or lower neighbour."""
    right, down = (
        np.diff(labels.astype(int), axis=1),
        np.diff(labels.astype(int), axis=0),
    )
    return right != 0, down != 0
