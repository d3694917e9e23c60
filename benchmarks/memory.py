"""Peak memory of a stretch of code, measured in a process of its own.

The kernel keeps the largest resident size that a process ever had and lets the process
reset it (Linux only). A fresh process for every side, as an allocator that has grown
for one side would hide what the next one needs.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


def available() -> bool:
    """Returns whether this system lets a process read and reset its peak."""
    try:
        _CLEAR.write_text(_RESET_PEAK)
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
        _give_back()
        if self.baseline is None:
            self.baseline = _status("VmRSS")
        _CLEAR.write_text(_RESET_PEAK)
        return self

    def __exit__(self, *_) -> None:
        self.extra = max(0, _status("VmHWM") - self.baseline)


def measured_alone(
    module: str, function: str, environment: dict | None = None, **arguments
) -> dict:
    """Calls `module.function(**arguments)` in a fresh process.

    Args:
        environment: variables of the process in addition to ours.
        arguments: values that JSON can hold.

    Returns:
        The function's result, a dictionary that JSON can hold.

    Raises:
        subprocess.CalledProcessError: if it fails; its errors have been printed.
    """
    task = json.dumps([module, function, arguments])
    command = [sys.executable, "-m", "benchmarks.memory", task]
    variables = os.environ | (environment or {})
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env=variables
    )
    return json.loads(done.stdout.splitlines()[-1])


def _status(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024  # the file says kB and means KiB
    raise OSError(f"{_STATUS} lacks the field {field}")


def _give_back() -> None:
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)


def _main(task: str) -> None:
    module, function, arguments = json.loads(task)
    result = getattr(importlib.import_module(module), function)(**arguments)
    print(json.dumps(result))


if __name__ == "__main__":
    _main(sys.argv[1])
