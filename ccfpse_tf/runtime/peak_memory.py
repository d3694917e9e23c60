"""By how much a process grows at most while something runs in it.

The kernel keeps the largest resident size that a process ever had and lets the process
reset it (Linux only).
"""

from __future__ import annotations

import ctypes
import gc
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = b"5"


def available() -> bool:
    """Returns whether this system lets a process read and reset its peak."""
    try:
        _CLEAR.write_bytes(_RESET_PEAK)
    except OSError:
        return False
    return _STATUS.exists()


class PeakMemory:
    """A context manager that measures by how many bytes the process grows at most.

    Args:
        baseline: bytes to count from; default: what the process holds on entry, after
            garbage was collected and free memory given back to the system.

    Attributes:
        baseline: bytes, known from the entry on.
        extra: peak beyond the baseline in bytes, known after the exit.
    """

    def __init__(self, baseline: int | None = None) -> None:
        self.baseline = baseline
        self.extra: int | None = None

    def __enter__(self) -> PeakMemory:
        give_back()
        if self.baseline is None:
            self.baseline = memory_bytes("VmRSS")
        _CLEAR.write_bytes(_RESET_PEAK)
        return self

    def __exit__(self, *_) -> None:
        self.extra = max(0, memory_bytes("VmHWM") - self.baseline)


def memory_bytes(field: str) -> int:
    """Returns a size of this process: ``"VmRSS"`` of now, ``"VmHWM"`` of its peak."""
    for line in _STATUS.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024  # the file says kB and means KiB
    raise OSError(f"{_STATUS} lacks the field {field}")


def give_back() -> None:
    """Collects garbage and gives free memory back to the system."""
    gc.collect()
    own = None if sys.platform == "win32" else ctypes.CDLL(None)
    trim = getattr(own, "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)
