"""Puts predictions that wait at the same time into one call of the model.

Requests share a call if their model, signature and sizes are equal. Rows do not affect
each other in the graph, so each request gets the same answer as alone. If a call fails,
its requests are run one after the other, so that only the wrong one is refused.
"""

import asyncio
import contextlib
import dataclasses
from collections.abc import Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ccfpse_tf.serving.api_error import ApiError
from ccfpse_tf.serving.image_size import size_of
from ccfpse_tf.serving.limits import Limits
from ccfpse_tf.serving.metrics import Metrics
from ccfpse_tf.serving.predict_format import PredictRequest
from ccfpse_tf.serving.served_model import ServedModel

_CONVERTERS = 2
_SMALL = 1 << 18  # bytes of JSON, some milliseconds


@dataclasses.dataclass(eq=False)
class _Job:
    model: ServedModel
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
        self._called: list[_Job] = []  # by the newest call
        self._running: set[asyncio.Task] = set()
        self._arriving = 0
        self._changed = asyncio.Event()  # something came, or will not come
        self._threads = ThreadPoolExecutor(limits.parallel, "predict")
        # Few: all requests unpacked at once would be the largest part of the memory.
        self._converters = ThreadPoolExecutor(_CONVERTERS, "convert")

    @contextlib.contextmanager
    def arriving(self) -> Iterator[None]:
        """Counts a request that is being received, for which others may wait."""
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1
            self._changed.set()

    @contextlib.contextmanager
    def joined(
        self, model: ServedModel, request: PredictRequest, timeout: float
    ) -> Iterator[asyncio.Future]:
        """Puts a request into the queue, and takes it out at the end of the context.

        Args:
            model: the version that it is for.
            request: its inputs.
            timeout: seconds until the caller gives up.

        Yields:
            A future of its outputs, or of the graph's error for this request.
        """
        loop = asyncio.get_running_loop()
        key = _key(model, request)
        job = _Job(model, request, key, loop.time() + timeout, loop.create_future())
        self._waiting.append(job)
        self._note_queue()
        self._changed.set()
        self._start()
        try:
            yield job.done
        finally:
            if job in self._waiting:
                self._waiting.remove(job)
                self._note_queue()
            elif job in self._called:
                self._called.remove(job)
                # Beside another call, the model could not tell which one is meant.
                if not self._called and len(self._running) == 1:
                    model.stop()

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
        await self._gather()
        while self._waiting:
            batch = self._take()
            self._note_queue()
            await self._execute(batch)

    async def _gather(self):
        """Waits a moment for requests that are being received.

        A request that is alone never waits, and those that come while a batch runs wait
        anyway.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.batch_delay):
                while self._arriving and not self._is_full():
                    self._changed.clear()
                    await self._changed.wait()

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
        self._called = list(batch)
        try:
            return await loop.run_in_executor(self._threads, _predict, batch, left)
        finally:
            self._called = []

    def _note_queue(self):
        self._metrics.queue.set(len(self._waiting))


def _predict(batch, seconds):
    """Calls the model for all jobs of a batch; returns their outputs."""
    first = batch[0]
    if seconds <= 0:
        raise ApiError(504, "waited too long")
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
