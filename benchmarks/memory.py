"""Peak memory of a stretch of code, measured in a process of its own.

A fresh process for every side, as an allocator that has grown for one side would hide
what the next one needs.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable

from ccfpse_tf.runtime.peak_memory import PeakMemory, available

__all__ = ["PeakMemory", "available", "measured_alone", "second_peak"]


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


def second_peak(build: Callable[[], tuple[Callable, int]]) -> dict[str, int]:
    """Bytes that the second call of a model reaches, from before the model is built.

    Args:
        build: returns a call without arguments, and the bytes that no implementation
            can do without, see :func:`benchmarks.models.needed_for`.

    Returns:
        `extra`, the bytes reached, and `needed`, those given.
    """
    counted = PeakMemory()
    with counted:
        call, needed = build()
        call()
    with PeakMemory(counted.baseline) as later:
        call()
    return {"extra": later.extra, "needed": needed}


def _main(task: str) -> None:
    module, function, arguments = json.loads(task)
    result = getattr(importlib.import_module(module), function)(**arguments)
    print(json.dumps(result))


if __name__ == "__main__":
    _main(sys.argv[1])
