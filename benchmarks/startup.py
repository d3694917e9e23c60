"""From starting `python` to the first generated image, in fresh processes.

    python -m benchmarks.startup

A small and a full model, split into importing, building, the first call (which traces
and compiles) and the second; a process that only imports TensorFlow takes turns with
them, as that part is not ours.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

from benchmarks import pictures
from benchmarks.command import Benchmark, main
from benchmarks.measure import LOWER, interleaved, ratio
from benchmarks.results import Result

STAGES = ("import", "build", "first call", "second call")
BARE = "import of TensorFlow"


@dataclass(frozen=True)
class Settings:
    """`models`: (ngf, label channels, edge of the image in pixels) each."""

    models: tuple = ((16, 13, 128), (64, 183, 256))
    rounds: int = 5


def measure(settings: Settings) -> Result:
    """Starts every side once per round."""
    stages = {_name(model): [] for model in settings.models}

    def start(model):
        stages[_name(model)].append(_run(model))

    sides = {
        _name(model): lambda model=model: start(model) for model in settings.models
    }
    bare = []
    sides[BARE] = lambda: bare.append(_bare())
    # The stages' own clocks count, without the end of the process, so the turns' times
    # are left alone.
    interleaved(sides, settings.rounds, warm_up=1)
    bare = bare[-settings.rounds :]
    ratios, numbers = [], {}
    for name, runs in stages.items():
        counted = runs[-settings.rounds :]
        numbers[name] = {
            stage: statistics.median(run[stage] for run in counted) for stage in STAGES
        }
        to_first = [sum(run[stage] for stage in STAGES[:3]) for run in counted]
        quotients = [ours / one for ours, one in zip(to_first, bare, strict=True)]
        title = f"{name}: python to first image / {BARE}"
        ratios.append(ratio(title, quotients, LOWER))
        numbers[name]["to first image"] = statistics.median(to_first)
    numbers[BARE] = statistics.median(bare)
    return Result(tuple(ratios), numbers)


def _name(model) -> str:
    ngf, classes, edge = model
    return f"ngf {ngf}, {classes} classes, {edge}x{edge}"


def _run(model) -> dict[str, float]:
    """Seconds of every stage, the first from before the process exists."""
    options = ["-m", "benchmarks.startup", "--stages", *map(str, model)]
    begin, ends = _timed_child(options)
    return {
        stage: end - start
        for stage, start, end in zip(STAGES, [begin, *ends], ends, strict=False)
    }


def _bare() -> float:
    """Seconds from before the process exists until TensorFlow is imported."""
    code = "import time, benchmarks.cpu; print([time.monotonic()])"
    begin, (end,) = _timed_child(["-c", code])
    return end - begin


def _timed_child(options) -> tuple[float, list[float]]:
    """Returns the time of an interpreter's start, and the times that it printed."""
    begin = time.monotonic()  # one clock for all processes
    command = [sys.executable, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return begin, json.loads(done.stdout.splitlines()[-1])


def _print_stages(ngf: str, classes: str, edge: str) -> None:
    """Runs all stages in this process and prints when each ended."""
    from benchmarks import models

    ends = [time.monotonic()]
    network = models.Network(int(classes), (int(edge), int(edge)), int(ngf))
    model = models.model_to_synthesize(network)
    ends.append(time.monotonic())
    synthesize = models.synthesis(model, network)
    for _ in range(2):
        synthesize().numpy()
        ends.append(time.monotonic())
    print(json.dumps(ends))


def draw(figure, numbers) -> None:
    """Stacked stages of every model."""
    axes = figure.subplots()
    bare = numbers[BARE]
    names = [name for name in numbers if name != BARE]
    left = [0.0] * len(names)
    for stage in STAGES:
        widths = [numbers[name][stage] for name in names]
        bars = axes.barh(names, widths, left=left, label=stage)
        shown = [f"{width:.1f}" if width > 0.3 else "" for width in widths]
        axes.bar_label(bars, shown, label_type="center", fontsize=8, color="white")
        left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.axvline(bare, color="k", linestyle="--", linewidth=1, label=BARE)
    axes.set(title="from starting python to generated images", xlabel="seconds")
    pictures.legend_below(axes)


BENCHMARK = Benchmark(
    "startup", Settings(), Settings(models=((16, 13, 128),)), measure, draw
)

if __name__ == "__main__":
    if sys.argv[1:2] == ["--stages"]:
        _print_stages(*sys.argv[2:])
    else:
        main(BENCHMARK)
