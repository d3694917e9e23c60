"""What each mechanism for speed or memory gains: the code without it against with it.

    python -m benchmarks.mechanisms

A side is a fresh process that replaces one mechanism by what would stand there without
it, builds a model and calls it; all sides take turns with the present code. Seconds of
the first call (which traces and compiles) and of the quickest later one are the
process's own, over all threads, as they depend less than wall time on what else runs.
Memory is what the process grows by at most, from before the model is built. A
mechanism stays in the code if one of these grows by 10 % or more without it.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from benchmarks import memory, models, pictures
from benchmarks.command import Benchmark, main
from benchmarks.measure import HIGHER, ratio
from benchmarks.results import Result
from ccfpse_tf.layers import conditional_block
from ccfpse_tf.layers.layout import LayoutEncoding
from ccfpse_tf.models.generators import ccfpse
from ccfpse_tf.ops import (
    compilation,
    convolution,
    layout_features,
    predicted_convolution,
    recomputation,
    striped_convolution,
)

MODULE = "benchmarks.mechanisms"
PRESENT = "present code"
TASKS = ("inference", "training")


def _without_winograd():
    convolution.uses_winograd = lambda *_: False
    predicted_convolution.uses_winograd = striped_convolution.uses_winograd = (
        convolution.uses_winograd
    )


def _without_xla():
    _without_winograd()  # whose loops XLA alone makes quick
    compilation.MIN_XLA_ELEMENTS = math.inf
    compilation.MIN_XLA_ELEMENTS_IF_SIMPLE = math.inf


def _without_look_up():
    call = LayoutEncoding.call

    def one_hot(self, label, instance=None):
        return call(self, label, instance).one_hot(self.label_channels)

    LayoutEncoding.call = one_hot


def _without_waiting():
    def at_once(done, *tensors):
        return list(tensors)

    for module in (recomputation, predicted_convolution, conditional_block, ccfpse):
        module.wait_for = at_once


def _set(module, name, value):
    getattr(module, name)  # an error now if it is called otherwise
    return lambda: setattr(module, name, value)


# By name, what takes each of them out.
WITHOUT = {
    "layouts looked up": _without_look_up,
    "layout features made again": _set(layout_features, "LARGE", math.inf),
    "groups of channels": _set(predicted_convolution, "GROUP_BYTES", math.inf),
    "one after the other": _without_waiting,
    "predicted kernels in strips": _set(
        predicted_convolution, "uses_winograd", lambda *_: False
    ),
    "attention, modulation in strips": _set(
        striped_convolution, "uses_winograd", lambda *_: False
    ),
    "direct convolution in strips": _set(convolution, "UNFOLDED_BYTES", math.inf),
    "Winograd's form": _without_winograd,
    "XLA": _without_xla,
    "XLA for single passes": _set(compilation, "MIN_XLA_ELEMENTS_IF_SIMPLE", math.inf),
    "functions called": _set(compilation, "NOT_INLINED", {}),
}


@dataclass(frozen=True)
class Settings:
    """`mechanisms` to take out, by name; `tasks`; `image_size`, `width` (ngf and ndf)
    and `label_channels` of the model; `rounds` in which each side is run once."""

    mechanisms: tuple = tuple(WITHOUT)
    tasks: tuple = TASKS
    image_size: tuple = (256, 256)
    width: int = 64
    label_channels: int = 183
    rounds: int = 1


def measure(settings: Settings) -> Result:
    """Runs every side in every round, and divides by the present code's."""
    ratios, numbers = [], {}
    network = {
        "image_size": settings.image_size,
        "label_channels": settings.label_channels,
        "ngf": settings.width,
        "ndf": settings.width,
    }
    for task in settings.tasks:
        found = {PRESENT: [], **{name: [] for name in settings.mechanisms}}
        for _ in range(settings.rounds):
            for side, rounds in found.items():
                one = memory.measured_alone(
                    MODULE, "run_side", task=task, side=side, **network
                )
                rounds.append(one)
        numbers[task] = found
        for side in settings.mechanisms:
            for quantity in found[PRESENT][0]:
                pairs = zip(found[side], found[PRESENT], strict=True)
                values = [a[quantity] / b[quantity] for a, b in pairs]
                name = f"{task}: {quantity} without {side} / with"
                ratios.append(ratio(name, values, HIGHER))
    return Result(tuple(ratios), numbers)


def run_side(task: str, side: str, **network) -> dict[str, float]:
    """Takes a mechanism out, builds a model and calls it three times.

    Returns:
        Seconds of the first call, of the quicker of the others, and bytes of memory.
    """
    if side != PRESENT:
        WITHOUT[side]()
    network = models.Network(**network)
    seconds = []
    with memory.PeakMemory() as peak:
        if task == "inference":
            call = models.synthesis(models.model_to_synthesize(network), network)
        else:
            model = models.model_to_train(network, recompute_kernels=True)
            call = models.training_step(model, network)
        for _ in range(3):
            start = time.process_time()
            call()
            seconds.append(time.process_time() - start)
    return {
        "first call": seconds[0],
        "later calls": min(seconds[1:]),
        "memory": peak.extra,
    }


def draw(figure, numbers) -> None:
    """Without / with, for each mechanism and quantity."""
    all_axes = figure.subplots(len(numbers), 1, squeeze=False)[:, 0]
    figure.set_size_inches(13, 4.5 * len(numbers))
    for axes, (task, found) in zip(all_axes, numbers.items(), strict=True):
        present, *_ = found[PRESENT]
        others = {side: rounds[0] for side, rounds in found.items() if side != PRESENT}
        bars = {
            quantity: [one[quantity] / present[quantity] for one in others.values()]
            for quantity in present
        }
        names = [side.replace(" ", "\n") for side in others]
        pictures.grouped_bars(axes, names, bars, "{:.2f}")
        axes.axhline(1.1, color="black", linewidth=0.5)
        axes.set(title=f"{task}: without / with", ylabel="ratio")


BENCHMARK = Benchmark(
    "mechanisms",
    Settings(),
    Settings(
        mechanisms=("layout features made again", "functions called"),
        tasks=("inference",),
        image_size=(64, 64),
        width=4,
        label_channels=8,
    ),
    measure,
    draw,
)

if __name__ == "__main__":
    main(BENCHMARK)
