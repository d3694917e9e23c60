"""The generator's inference against the machine's best dense convolution.

    python -m benchmarks.generator

One image (batch 1, float32, with style code and instance edges; the full settings are
COCO-Stuff's). The rate is the arithmetic that remains without the one-hot channels
(`arithmetic.py`) per second; the peak is the fastest of several dense convolutions,
plain and XLA-compiled, that take turns with it. Memory: what the process grows by at
most, from before the model is built, against weights plus the largest activation that
the equations name (a block's predicted kernels).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from benchmarks import arithmetic, machine, memory, models, pictures
from benchmarks.command import Benchmark, main
from benchmarks.measure import HIGHER, LOWER, interleaved, ratio
from benchmarks.results import Result

MODULE = "benchmarks.generator"
OURS = "generator"


@dataclass(frozen=True)
class Settings:
    """The network, the dense convolutions to compare it with, and the rounds."""

    label_channels: int = 183
    image_size: tuple = (256, 256)
    ngf: int = 64
    dense: tuple = (
        (64, 64, 128, 4608),
        (128, 128, 128, 1152),
        (128, 128, 128, 2304),
        (256, 256, 128, 576),
    )
    rounds: int = 7

    @property
    def network(self) -> models.Network:
        """The generator's sizes."""
        return models.Network(self.label_channels, self.image_size, self.ngf)


def measure(settings: Settings) -> Result:
    """Times inference and the dense convolutions, and measures inference's memory."""
    network = settings.network
    ratios, numbers = _speed(settings, network)
    notes = []
    if memory.available():
        found = memory.measured_alone(MODULE, "peak_of_inference", **asdict(network))
        allowed = found["weights"] + found["largest_activation"]
        for calls in ("first call included", "later calls"):
            name = f"memory of inference ({calls}) / weights and largest activation"
            ratios.append(ratio(name, [found[calls] / allowed], LOWER, 1.5))
        numbers["memory"] = found
    else:
        notes.append("memory: left out, this system does not let a peak be reset")
    return Result(tuple(ratios), numbers, tuple(notes))


def _speed(settings, network):
    limits = machine.dense_convolutions(settings.dense)
    model = models.model_to_synthesize(network)
    sides = {OURS: models.synthesis(model, network)}
    sides |= {name: limit.call for name, limit in limits.items()}
    timings = interleaved(sides, settings.rounds)
    needed = arithmetic.generator_total(network)
    rates = {
        name: limit.amount / timings.median(name) for name, limit in limits.items()
    }
    best = max(rates, key=rates.get)
    fraction = timings.quotients(best, OURS, needed / limits[best].amount)
    numbers = {
        "seconds": timings.medians(),
        "gmac": {k: v / 1e9 for k, v in arithmetic.generator_parts(network).items()},
        "gmac_per_second": {OURS: needed / timings.median(OURS) / 1e9}
        | {name: rate / 1e9 for name, rate in rates.items()},
        "best": best,
    }
    name = "inference: rate / best dense convolution"
    return [ratio(name, fraction, HIGHER, 0.8)], numbers


def peak_of_inference(image_size, **network) -> dict[str, int]:
    """Bytes that making images adds to a process that has imported everything."""
    network = models.Network(image_size=tuple(image_size), **network)
    with memory.PeakMemory() as first:
        model = models.model_to_synthesize(network)
        synthesize = models.synthesis(model, network)
        synthesize()
    synthesize()
    with memory.PeakMemory(first.baseline) as later:
        synthesize()
    return {
        "first call included": first.extra,
        "later calls": later.extra,
        "weights": models.weight_bytes(network),
        "largest_activation": arithmetic.largest_activation(network),
    }


def draw(figure, numbers) -> None:
    """Rates of the generator and the dense convolutions; memory."""
    rates, used = figure.subplots(1, 2, width_ratios=[3, 2])
    shown = numbers["gmac_per_second"]
    colors = ["C1" if name == OURS else "C0" for name in shown]
    bars = rates.barh(list(shown), list(shown.values()), color=colors)
    rates.bar_label(bars, fmt="%.0f", padding=2, fontsize=8)
    rates.invert_yaxis()
    rates.margins(x=0.12)
    rates.tick_params(axis="y", labelsize=8)
    rates.set(title="rate of inference", xlabel="GMAC/s (without one-hot channels)")
    if "memory" in numbers:
        found = {k: v / 1e6 for k, v in numbers["memory"].items()}
        pictures.grouped_bars(
            used,
            ["first call\nincluded", "later calls", "weights and\nlargest activation"],
            {
                "beyond the imports": [
                    found["first call included"],
                    found["later calls"],
                    found["weights"] + found["largest_activation"],
                ]
            },
            "{:.0f}",
        )
        used.set(title="memory of inference", ylabel="MB")


BENCHMARK = Benchmark(
    "generator",
    Settings(),
    Settings(ngf=16, dense=((64, 64, 128, 2304), (128, 128, 128, 576)), rounds=7),
    measure,
    draw,
)

if __name__ == "__main__":
    main(BENCHMARK)
