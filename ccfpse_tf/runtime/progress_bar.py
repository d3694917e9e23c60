"""A progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

_LINE_SECONDS = 10.0


def track(items: Iterable[Any], total: int, what: str, stream=None) -> Iterator[Any]:
    """Yields the items and shows on standard error how many of them are done.

    A terminal gets a bar that is redrawn, with other output above it; a file or pipe
    gets a line every ten seconds and one at the end.
    """
    stream = sys.stderr if stream is None else stream
    console = terminal_console(stream)
    if console is None:
        yield from _track_in_lines(items, total, what, stream)
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = BarColumn(30), TextColumn("{task.description}", markup=False)
    bar = Progress(*columns, console=console, **redirected_streams())
    task, start, done = bar.add_task(f"{what} ...", total=total), time.monotonic(), 0
    bar.start()
    try:
        for done, item in enumerate(items, 1):
            yield item
            text = _text(what, done, total, time.monotonic() - start)
            bar.update(task, completed=done, description=text)
    finally:
        text = _text(what, done, total, time.monotonic() - start)
        bar.update(task, completed=done, description=text)
        stop(bar)


def terminal_console(stream):
    """Returns a ``rich.console.Console`` that prints text as it is.

    None where the stream is a file, a pipe, or a terminal that cannot redraw a line.
    """
    if not stream.isatty():
        return None
    from rich.console import Console

    console = Console(
        file=stream,
        force_terminal=True,
        soft_wrap=True,
        markup=False,
        emoji=False,
        highlight=False,
    )
    return None if console.is_dumb_terminal else console


def redirected_streams() -> dict[str, bool]:
    """Returns the arguments by which rich prints other output above its own lines.

    A stream that goes to a file stays as it is.
    """
    return {
        "redirect_stdout": sys.stdout.isatty(),
        "redirect_stderr": sys.stderr.isatty(),
    }


def stop(display) -> None:
    """Ends a ``Live`` or ``Progress`` of rich, which leaves it standing.

    A line that other code has begun is printed first, as rich would drop it.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    display.stop()


def duration(seconds: float) -> str:
    """Returns ``seconds`` as ``4:05`` or ``2:04:05``."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _track_in_lines(items, total, what, stream):
    start = shown = time.monotonic()
    done = 0
    try:
        for done, item in enumerate(items, 1):
            yield item
            now = time.monotonic()
            if now - shown >= _LINE_SECONDS:
                shown = now
                print(_text(what, done, total, now - start), file=stream, flush=True)
    finally:
        seconds = time.monotonic() - start
        print(_text(what, done, total, seconds), file=stream, flush=True)


def _text(what, done, total, seconds):
    speed = done / seconds if seconds > 0 else 0.0
    text = f"{what}: {done}/{total}, {speed:.1f} images/s"
    if speed and done < total:
        text += f", {duration((total - done) / speed)} left"
    return text
