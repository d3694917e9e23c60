"""The machine in words, and its limits: copying memory and dense convolution."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.cpu import tf
from ccfpse_tf.data.prepare.parallel import usable_cores

_LIBRARIES = ("tensorflow", "keras", "numpy", "pillow", "torch")
# By what Linux calls them, widest first: ratios between libraries depend on them.
_VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX"}
WARM_COPY, FRESH_COPY, READ = "copy (warm)", "copy (fresh)", "reading alone"


@dataclass(frozen=True)
class Limit:
    """A call that reaches one of the machine's limits.

    Args:
        call: without arguments.
        amount: bytes moved, or multiply-adds, per call.
    """

    call: Callable[[], object]
    amount: float


def describe() -> dict:
    """Processor, memory and versions; nothing that names the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": processor(),
        "cores": usable_cores(),
        "memory_gb": round(memory / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "load_before": round(os.getloadavg()[0], 2),
    }


def memory_limits(size: int) -> dict[str, Limit]:
    """Two ways to copy `size` bytes, read once and written once, and one to read them.

    `copy (warm)`: by all cores into an array that exists: the most that the memory
    gives. `copy (fresh)`: TensorFlow's own copy into memory that it allocates for the
    result, as every operation does: from its pool, or else from the system, which
    hands pages out one by one and takes them back when the result is dropped.

    `reading alone`: by all cores, counted once, as a core waits for what it reads and
    not for what it writes.
    """
    source = np.ones(size // 4, np.float32)
    target = np.empty_like(source)
    target[:] = 0  # touched, so that its pages exist
    cores = usable_cores()
    pool = ThreadPoolExecutor(cores)
    parts = list(
        zip(np.array_split(source, cores), np.array_split(target, cores), strict=True)
    )

    def warm():
        list(pool.map(lambda part: np.copyto(part[1], part[0]), parts))

    def read():
        list(pool.map(lambda part: part[0].max(), parts))

    tensor = tf.constant(source)
    fresh = tf.function(lambda: tf.raw_ops.DeepCopy(x=tensor))
    return {
        WARM_COPY: Limit(warm, 2.0 * source.nbytes),
        FRESH_COPY: Limit(fresh, 2.0 * source.nbytes),
        READ: Limit(read, float(source.nbytes)),
    }


def dense_convolutions(shapes) -> dict[str, Limit]:
    """3x3 convolutions on float32 features, plain and compiled by XLA.

    Args:
        shapes: `(height, width, input channels, output channels)` each.
    """
    random = np.random.default_rng(0)
    limits = {}
    for height, width, inputs, outputs in shapes:
        x = tf.constant(random.normal(size=(1, height, width, inputs)), tf.float32)
        kernel = tf.constant(random.normal(size=(3, 3, inputs, outputs)), tf.float32)
        amount = 9.0 * height * width * inputs * outputs
        for compiled in (False, True):
            name = f"convolution {height}x{width} {inputs}->{outputs}"
            call = _convolution(x, kernel, compiled)
            limits[name + (" XLA" if compiled else "")] = Limit(call, amount)
    return limits


def _convolution(x, kernel, compiled: bool):
    convolve = tf.function(
        lambda: tf.nn.conv2d(x, kernel, 1, "SAME"), jit_compile=compiled
    )
    # Traced here, as TensorFlow warns of many functions made at one place.
    return convolve.get_concrete_function()


def processor() -> str:
    """Its name, and its widest vectors, which speed depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    facts = {}
    for line in lines:
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name", platform.machine())
    flags = facts.get("flags", "").split()
    vectors = [word for flag, word in _VECTORS.items() if flag in flags]
    return f"{name} with {vectors[0]}" if vectors else name


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
