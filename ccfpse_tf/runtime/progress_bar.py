"""A progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

_REDRAW_SECONDS = 0.2
_LINE_SECONDS = 10.0


def track(items: Iterable[Any], total: int, what: str, stream=None) -> Iterator[Any]:
    """Yields the items and shows how far it is, on standard error.

    A terminal gets a bar that is redrawn; a file or pipe a line every ten seconds
    and one at the end.
    """
    stream = sys.stderr if stream is None else stream
    on_terminal = stream.isatty()
    start = shown = time.monotonic()
    done = 0
    try:
        for done, item in enumerate(items, 1):
            yield item
            now = time.monotonic()
            if now - shown >= (_REDRAW_SECONDS if on_terminal else _LINE_SECONDS):
                shown = now
                _show(stream, on_terminal, what, done, total, now - start)
    finally:
        _show(stream, on_terminal, what, done, total, time.monotonic() - start)
        if on_terminal:
            print(file=stream)


def _show(stream, on_terminal, what, done, total, seconds) -> None:
    speed = done / seconds if seconds > 0 else 0.0
    text = f"{what}: {done}/{total}, {speed:.1f} images/s"
    if speed and done < total:
        text += f", {_duration((total - done) / speed)} left"
    if not on_terminal:
        print(text, file=stream, flush=True)
        return
    width = shutil.get_terminal_size().columns
    room = max(0, min(30, width - len(text) - 4))
    filled = room * done // max(total, 1)
    bar = f"[{'#' * filled}{'.' * (room - filled)}] " if room >= 5 else ""
    print(f"\r{(bar + text)[: width - 1].ljust(width - 1)}", end="", file=stream)
    stream.flush()


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def duration(seconds: float) -> str:
    """Returns ``seconds`` as ``4:05`` or ``2:04:05``."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{seconds:02}"
    return f"{minutes}:{seconds:02}"
