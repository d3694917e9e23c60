"""Puts predictions that wait at the same time into one call of the model.

Requests share a call if their model, signature and sizes are equal. Rows do not affect
each other in the graph, so each request gets the same answer as alone. If a call fails,
its requests are run one after the other, so that only the wrong one is refused.
"""

import asyncio
import contextlib
import dataclasses
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from ccfpse_tf.serving.image_size import size_of
from ccfpse_tf.serving.limits import Limits
from ccfpse_tf.serving.metrics import Metrics
from ccfpse_tf.serving.model_version import ModelVersion
from ccfpse_tf.serving.predict_format import PredictRequest

_CONVERTERS = 2
_SMALL = 1 << 18  # bytes of JSON, some milliseconds


@dataclasses.dataclass(eq=False)
class _Job:
    model: ModelVersion
    request: PredictRequest
    key: Hashable
    deadline: float
    done: asyncio.Future

    @property
    def rows(self):
        return self.request.rows or 1


class Batcher:
    """Runs predictions, at most ``limits.parallel`` calls at once.

    Args:
        limits: rows of a batch, delay, parallel calls.
        metrics: records the size of every batch and of the queue.
    """

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._waiting: list[_Job] = []
        self._running: set[asyncio.Task] = set()
        self._full = asyncio.Event()
        self._threads = ThreadPoolExecutor(limits.parallel, "predict")
        # Few: all requests unpacked at once would be the largest part of the memory.
        self._converters = ThreadPoolExecutor(_CONVERTERS, "convert")

    async def run(
        self, model: ModelVersion, request: PredictRequest, timeout: float
    ) -> dict[str, np.ndarray]:
        """Returns the outputs of one request; leaves the queue when cancelled.

        Args:
            model: the version that it is for.
            request: its inputs.
            timeout: seconds until the caller gives up.

        Raises:
            tf.errors.OpError: the graph's error for this request.
        """
        loop = asyncio.get_running_loop()
        key = _key(model, request)
        job = _Job(model, request, key, loop.time() + timeout, loop.create_future())
        self._waiting.append(job)
        self._note_queue()
        if self._is_full():
            self._full.set()
        self._start()
        try:
            return await job.done
        finally:
            if job in self._waiting:
                self._waiting.remove(job)
                self._note_queue()

    async def convert(self, size: int, function, *arguments):
        """Calls a function on JSON: at once if that is small, else in a thread.

        Args:
            size: of the JSON, in bytes; small ones must not wait behind large ones.
            function: to call with ``arguments``.
        """
        if size < _SMALL:
            return function(*arguments)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._converters, function, *arguments)

    async def close(self) -> None:
        """Waits for the running batches."""
        while self._running:
            await asyncio.wait(self._running)
        self._threads.shutdown()
        self._converters.shutdown()

    def _start(self):
        if self._waiting and len(self._running) < self._limits.parallel:
            task = asyncio.create_task(self._work())
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task):
        self._running.discard(task)
        task.result()  # raises an error of ours, which must not vanish
        self._start()

    async def _work(self):
        # Requests that come while a batch runs wait anyway; only the first one has to
        # be held back for others to join it.
        if not self._is_full() and self._limits.batch_delay:
            self._full.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._limits.batch_delay):
                    await self._full.wait()
        while self._waiting:
            batch = self._take()
            self._note_queue()
            await self._execute(batch)

    def _is_full(self):
        return sum(job.rows for job in self._waiting) >= self._limits.batch_rows

    def _take(self):
        first = self._waiting[0]
        batch, rows = [first], first.rows
        for job in self._waiting[1:]:
            fits = rows + job.rows <= self._limits.batch_rows
            if first.key is not None and job.key == first.key and fits:
                batch.append(job)
                rows += job.rows
        self._waiting = [job for job in self._waiting if job not in batch]
        return batch

    async def _execute(self, batch):
        self._metrics.batch_rows.observe(sum(job.rows for job in batch))
        try:
            results = await self._call(batch)
        except Exception as error:
            if len(batch) == 1:
                _settle(batch[0], error=error)
                return
            for job in batch:
                if not job.done.done():
                    await self._execute([job])
            return
        for job, result in zip(batch, results, strict=True):
            _settle(job, result)

    async def _call(self, batch):
        loop = asyncio.get_running_loop()
        left = max(job.deadline for job in batch) - loop.time()
        return await loop.run_in_executor(self._threads, _predict, batch, left)

    def _note_queue(self):
        self._metrics.queue.set(len(self._waiting))


def _predict(batch, seconds):
    """Calls the model for all jobs of a batch; returns their outputs."""
    first = batch[0]
    if seconds <= 0:
        raise tf.errors.DeadlineExceededError(None, None, "waited too long")
    name = first.request.signature
    with first.model.in_use():
        if len(batch) == 1:
            return [first.model.run(name, first.request.inputs, seconds)]
        inputs = {
            key: np.concatenate([job.request.inputs[key] for job in batch])
            for key in first.request.inputs
        }
        outputs = first.model.run(name, inputs, seconds)
    ends = np.cumsum([job.rows for job in batch])
    if any(len(array) != ends[-1] for array in outputs.values()):
        raise ValueError(f"{name} gives {len(batch)} requests outputs of other sizes")
    parts = {key: np.split(array, ends[:-1]) for key, array in outputs.items()}
    return [{key: parts[key][i] for key in parts} for i in range(len(batch))]


def _settle(job, result=None, error=None):
    if job.done.done():  # the caller has gone
        return
    if error is not None:
        job.done.set_exception(error)
    else:
        job.done.set_result(result)


def _key(model, request):
    """Equal for requests that may share a call; None for one that must run alone."""
    if request.rows is None or not model.signatures[request.signature].batches:
        return None
    facts = []
    for name, array in request.inputs.items():
        # Images are stacked in the graph, so they must be of one size.
        of_images = array.dtype == object
        sizes = frozenset(map(size_of, array.reshape(-1))) if of_images else None
        facts.append((name, array.shape[1:], sizes))
    return (model, request.signature, tuple(facts))
