"""The conditional depthwise convolution against two unfoldings and the memory's limit.

    python -m benchmarks.conditional_convolution

Forward, and forward with both gradients, at three sizes (batch 1, float32). The limit
is the time that the machine needs to copy as many bytes as must move: kernels, features
and result; with gradients also kernels, features and the result's gradient read, and
both gradients written. Beside it the time to read as many. Memory: what one call adds
at its peak, results included.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks import machine, memory, pictures, unfolding
from benchmarks.command import Benchmark, main
from benchmarks.cpu import tf
from benchmarks.measure import HIGHER, LOWER, Timings, interleaved, ratio
from benchmarks.results import Result
from ccfpse_tf.ops.conditional_convolution import conditional_depthwise_convolution

MODULE = "benchmarks.conditional_convolution"
OURS, PATCHES, TORCH = "ours", "extract_patches", "torch unfold"
FORWARD, BACKWARD = "forward", "forward+backward"
FLOAT = 4  # bytes
# Allocators that give everything back: from what TensorFlow, oneDNN and glibc keep of
# the first call, a later one would be served without taking anything.
WITHOUT_POOL = {
    "TF_CPU_ALLOCATOR_USE_BFC": "false",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "MALLOC_MMAP_THRESHOLD_": "1048576",
}


@dataclass(frozen=True)
class Settings:
    """`sizes`: (height, width, channels) each; `rounds` that count.

    `turn`: seconds that a side's turn lasts at least, as single calls of a few
    milliseconds scatter widely.
    """

    sizes: tuple = ((64, 64, 512), (128, 128, 256), (256, 256, 128))
    rounds: int = 7
    turn: float = 0.1


def bytes_to_move(size) -> dict[str, int]:
    """Returns the bytes that must be read and written at least."""
    feature = FLOAT * size[0] * size[1] * size[2]
    kernels = 9 * feature
    forward = kernels + 2 * feature
    return {FORWARD: forward, BACKWARD: forward + 2 * kernels + 3 * feature}


def calls(side: str, passes: str, size, keep_output: bool = True):
    """A call without arguments that runs one side on random inputs.

    Args:
        side: `OURS`, `PATCHES` or `TORCH`.
        passes: `FORWARD` or `BACKWARD`.
        size: (height, width, channels).
        keep_output: whether the backward call returns the convolution's result, too.
    """
    random = np.random.default_rng(0)
    height, width, channels = size
    shape = (1, height, width, channels)
    x = random.standard_normal(shape, np.float32)
    kernels = random.standard_normal((1, height, width, 9, channels), np.float32)
    dy = random.standard_normal(shape, np.float32)
    if side == TORCH:
        return unfolding.torch_call(x, kernels, dy, passes == BACKWARD)
    function = {OURS: conditional_depthwise_convolution, PATCHES: unfolding.patches}
    kernels = kernels.reshape(1, height, width, 9 * channels)
    inputs = [tf.constant(array) for array in (x, kernels, dy)]
    return _tensorflow_call(function[side], inputs, passes, keep_output)


def _tensorflow_call(function, inputs, passes, keep_output):
    x, kernels, dy = inputs

    @tf.function
    def forward(x, kernels):
        return [function(x, kernels)]

    @tf.function
    def backward(x, kernels, dy):
        with tf.GradientTape() as tape:
            tape.watch([x, kernels])
            y = function(x, kernels)
        gradients = tape.gradient(y, [x, kernels], output_gradients=dy)
        return [y, *gradients] if keep_output else gradients

    if passes == FORWARD:
        return lambda: forward(x, kernels)
    return lambda: backward(x, kernels, dy)


def measure(settings: Settings) -> Result:
    """Times all sides at every size and measures their memory."""
    sides = [OURS, PATCHES] + ([TORCH] if unfolding.torch_available() else [])
    notes = [] if TORCH in sides else ["torch unfold: left out, no PyTorch here"]
    if not memory.available():
        notes.append("memory: left out, this system does not let a peak be reset")
    ratios, numbers = [], {}
    for size in settings.sizes:
        name = "x".join(map(str, size))
        numbers[name] = {}
        for passes in (FORWARD, BACKWARD):
            timings, moved = _time(sides, passes, size, settings)
            label = f"{name} {passes}"
            ratios += _time_ratios(label, sides, passes, timings, moved, size)
            found = _times(timings, moved, bytes_to_move(size)[passes])
            if memory.available():
                found["memory"] = {
                    side: _memory_of_call(side=side, passes=passes, size=size)
                    for side in sides
                }
                ratios += _memory_ratios(label, sides, found["memory"])
            numbers[name][passes] = found
    return Result(tuple(ratios), numbers, tuple(notes))


def _time(sides, passes, size, settings) -> tuple[Timings, dict[str, float]]:
    limits = machine.memory_limits(FLOAT * 9 * size[0] * size[1] * size[2])
    turns = {side: calls(side, passes, size) for side in sides}
    results = {side: [np.asarray(a) for a in call()] for side, call in turns.items()}
    _check_equal(results, size)
    del results
    turns |= {name: limit.call for name, limit in limits.items()}
    moved = {name: limit.amount for name, limit in limits.items()}
    return interleaved(turns, settings.rounds, turn=settings.turn), moved


def _times(timings, moved, needed) -> dict:
    """Medians; the limits as bandwidth, and as seconds for the `needed` bytes."""
    seconds = timings.medians()
    rates = {name: amount / seconds.pop(name) for name, amount in moved.items()}
    bounds = {f"bound by {name}": needed / rate for name, rate in rates.items()}
    gigabytes = {name: rate / 1e9 for name, rate in rates.items()}
    return {"seconds": seconds | bounds, "gb_per_second": gigabytes}


def _check_equal(results, size) -> None:
    """Stops if the sides do not compute the same, as the times would not compare."""
    height, width, channels = size
    for side, arrays in results.items():
        if side == TORCH:
            arrays = unfolding.from_torch(arrays, channels)
        for ours, other in zip(results[OURS], arrays, strict=True):
            np.testing.assert_allclose(other, ours, atol=1e-4, err_msg=side)


def _time_ratios(label, sides, passes, timings, moved, size):
    torch_target = {FORWARD: 6.0, BACKWARD: 3.0}[passes]
    for side in sides[1:]:
        target = torch_target if side == TORCH else None
        values = timings.quotients(side, OURS)
        yield ratio(f"{label}: {side} / ours", values, HIGHER, target)
    bound = {FORWARD: 1.5, BACKWARD: 2.5}[passes]
    needed = bytes_to_move(size)[passes]
    for name, amount in moved.items():
        values = timings.quotients(OURS, name, amount / needed)
        target = None if name == machine.READ else bound
        yield ratio(f"{label}: ours / bound by {name}", values, LOWER, target)


def _memory_of_call(**arguments) -> dict[str, int]:
    return memory.measured_alone(MODULE, "peak_of_call", WITHOUT_POOL, **arguments)


def peak_of_call(side: str, passes: str, size) -> dict[str, int]:
    """Returns the bytes that a later call adds to the process at its peak, and of its
    results.

    With gradients the result is not kept, so what counts are the two gradients.
    """
    call = calls(side, passes, size, keep_output=False)
    call()  # traced and compiled
    with memory.PeakMemory() as peak:
        call()
    feature = FLOAT * size[0] * size[1] * size[2]
    results = feature if passes == FORWARD else 10 * feature
    return {"extra": peak.extra, "results": results}


def _memory_ratios(label, sides, found):
    for side in sides:
        value = found[side]["extra"] / found[side]["results"]
        target = 1.1 if side == OURS else None
        yield ratio(f"{label}: memory of {side} / results", [value], LOWER, target)


def draw(figure, numbers) -> None:
    """Seconds of all sides at all sizes."""
    for axes, passes in zip(figure.subplots(1, 2), (FORWARD, BACKWARD), strict=True):
        sizes = list(numbers)
        sides = numbers[sizes[0]][passes]["seconds"]
        milliseconds = {
            side: [1e3 * numbers[size][passes]["seconds"][side] for size in sizes]
            for side in sides
        }
        pictures.grouped_bars(axes, sizes, milliseconds, "{:.0f}")
        axes.set(title=f"conditional convolution, {passes}", ylabel="milliseconds")


BENCHMARK = Benchmark(
    "conditional_convolution",
    Settings(),
    Settings(sizes=((128, 128, 128),), rounds=9),
    measure,
    draw,
)

if __name__ == "__main__":
    main(BENCHMARK)
