"""Runs a function over many items in worker processes, in order."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from ccfpse_tf.errors import InputError

_AHEAD = 4  # items in flight per worker: enough to hide the hand-over


def usable_cores() -> int:
    """Returns how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class WorkerPool:
    """A pool of processes that dies with its parent. A context manager.

    Args:
        count: number of processes; 1 works in this process.
    """

    def __init__(self, count: int) -> None:
        self._ahead = count * _AHEAD
        self._pool = None
        if count > 1:
            # Spawned, not forked: a fork of a process that has loaded TensorFlow
            # can hang.
            self._pool = ProcessPoolExecutor(
                count, multiprocessing.get_context("spawn"), _start_worker
            )
            # Started here with Ctrl-C held back, which they inherit: a worker that
            # is interrupted while it imports would print a traceback.
            with _interrupts_held_back():
                for _ in range(count):
                    self._pool.submit(os.getpid)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def map(self, function: Callable, items: Iterable[Any]) -> Iterator[Any]:
        """Yields `function(item)` in the order of the items, a few ahead.

        Raises:
            InputError: if a worker was killed (by lack of memory, as a rule).
        """
        if self._pool is None:
            yield from map(function, items)
            return
        items = iter(items)
        pending = deque(
            self._pool.submit(function, item)
            for item in itertools.islice(items, self._ahead)
        )
        try:
            while pending:
                yield pending.popleft().result()
                for item in itertools.islice(items, 1):
                    pending.append(self._pool.submit(function, item))
        except BrokenProcessPool as error:
            raise InputError(
                "a worker process was killed, probably for lack of memory; run the "
                "same command again with fewer --workers (finished shards are kept)"
            ) from error
        finally:
            for future in pending:
                future.cancel()


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Blocks Ctrl-C in this thread, where the system can (Unix)."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _start_worker() -> None:
    """Leaves Ctrl-C to the parent, and ends when the parent has been killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
