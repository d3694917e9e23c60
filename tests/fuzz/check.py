"""One input after the other for a reader, and what came of them."""

import dataclasses
import hashlib
import resource
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

SECONDS = 1.0  # of computing, for one input
MEMORY = 200 * 2**20  # bytes, in addition to ten times the input
_PAGE = resource.getpagesize()


@dataclasses.dataclass(frozen=True)
class Target:
    """A reader of foreign bytes.

    Args:
        read: reads one input.
        seeds: inputs that are read, which others are made from.
        refusals: the exceptions by which ``read`` may refuse an input.
    """

    read: Callable[[bytes], object]
    seeds: Sequence[bytes]
    refusals: tuple[type[Exception], ...]


class Report:
    """Counts inputs, and collects what a reader did wrong, each fault once.

    Args:
        target: the reader.
        keep: folder for the inputs of findings; None keeps none.

    Attributes:
        findings: messages, by the place of the fault.
    """

    def __init__(self, target: Target, keep: Path | None = None):
        self.target = target
        self.keep = keep
        self.accepted = self.refused = 0
        self.slowest = 0.0
        self.findings: dict[object, str] = {}

    def check(self, data: bytes) -> None:
        """Gives one input to the reader."""
        before, peak = _resident(), _peak()
        start = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.target.read(data)
        except self.target.refusals as error:
            self.refused += 1
            if not str(error).strip():
                self._find(data, "empty", f"{type(error).__name__} without a message")
        except Exception as error:
            self.refused += 1
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{place.filename}:{place.lineno}"
            message = f"{type(error).__name__} at {where}: {str(error)[:200]}"
            self._find(data, (type(error), where), message)
        else:
            self.accepted += 1
        seconds = time.process_time() - start
        self.slowest = max(self.slowest, seconds)
        if seconds > SECONDS:
            self._find(data, "time", f"{seconds:.1f} seconds of computing")
        # The peak is of the whole process: only a new one belongs to this input.
        grown = _peak() - before
        if _peak() > peak and grown > 10 * len(data) + MEMORY:
            self._find(data, "memory", f"{grown / 2**20:.0f} MB for {len(data)} bytes")

    def _find(self, data, place, message):
        if place in self.findings:
            return
        if self.keep is not None:
            path = self.keep / f"finding-{hashlib.sha256(data).hexdigest()[:12]}"
            path.write_bytes(data)
            message += f" ({path})"
        self.findings[place] = message

    def __str__(self):
        count = self.accepted + self.refused
        lines = [
            f"{count} inputs, {self.accepted} read, {self.refused} refused, slowest "
            f"{self.slowest:.3f} s, {len(self.findings)} findings"
        ]
        return "\n".join([*lines, *(f"  {text}" for text in self.findings.values())])


def _resident():
    """Bytes of memory in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def _peak():
    """The most bytes of memory that were in use at a time."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
