"""A training step at three sizes, in four variants: seconds and peak memory.

    python -m benchmarks.train_step

Batch 1, both updates, no perceptual network. `recompute_kernels` predicts a block's
kernels again in the backward pass instead of keeping them; `discriminator_fake` says
whether the discriminator's half makes a new image (the official algorithm) or takes
the generator's. Variants take turns. Memory: what the process grows by at most, from
before the model is built, over two steps; and that beyond weights, gradients and
optimiser state, which all variants must hold.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from benchmarks import memory, models, pictures
from benchmarks.command import Benchmark, main
from benchmarks.measure import LOWER, interleaved, ratio
from benchmarks.results import Result

MODULE = "benchmarks.train_step"
PLAIN, RECOMPUTED = "kernels kept", "kernels recomputed"
REUSED = "kernels kept, fake reused"
VARIANTS = {
    PLAIN: {"recompute_kernels": False, "discriminator_fake": "regenerate"},
    RECOMPUTED: {"recompute_kernels": True, "discriminator_fake": "regenerate"},
    REUSED: {"recompute_kernels": False, "discriminator_fake": "reuse"},
    "kernels recomputed, fake reused": {
        "recompute_kernels": True,
        "discriminator_fake": "reuse",
    },
}


@dataclass(frozen=True)
class Settings:
    """`widths`: ngf and ndf of the models; `variants`: the first is what the others
    are held against, and every one has to be compiled twice; `rounds` that count."""

    widths: tuple = (16, 32, 64)
    image_size: tuple = (256, 256)
    label_channels: int = 183
    variants: tuple = tuple(VARIANTS)
    rounds: int = 5

    def network(self, width: int) -> models.Network:
        """The model of one width."""
        return models.Network(self.label_channels, self.image_size, width, width)


def measure(settings: Settings) -> Result:
    """Times and weighs all variants at every width."""
    ratios, numbers, notes = [], {}, []
    if not memory.available():
        notes.append("memory: left out, this system does not let a peak be reset")
    for width in settings.widths:
        network, label = settings.network(width), f"ngf {width}"
        timings = _time(network, settings)
        first, *others = settings.variants
        for variant in others:
            values = timings.quotients(variant, first)
            name = f"{label}: seconds with {variant} / {first}"
            ratios.append(ratio(name, values, LOWER))
        numbers[label] = {"seconds": timings.medians()}
        if memory.available():
            peaks = {name: _memory(network, name) for name in settings.variants}
            found = {name: peak["extra"] for name, peak in peaks.items()}
            numbers[label]["memory"] = found
            ratios += _memory_ratios(
                label, found, peaks[settings.variants[0]]["needed"]
            )
    return Result(tuple(ratios), numbers, tuple(notes))


def _time(network, settings):
    sides = {
        variant: models.training_step(
            models.model_to_train(network, **VARIANTS[variant]), network
        )
        for variant in settings.variants
    }
    return interleaved(sides, settings.rounds)


def _memory(network, variant) -> int:
    arguments = {"variant": variant, **asdict(network)}
    return memory.measured_alone(MODULE, "peak_of_steps", **arguments)


def _memory_ratios(label, found, needed):
    full = label == f"ngf {models.Network.ngf}"
    first, *others = found
    kinds = {"memory": 0, "memory beyond weights, gradients, moments": needed}
    for variant in others:
        target = 0.5 if full and (first, variant) == (PLAIN, RECOMPUTED) else None
        for kind, common in kinds.items():
            value = (found[variant] - common) / (found[first] - common)
            yield ratio(
                f"{label}: {kind} with {variant} / {first}", [value], LOWER, target
            )


def peak_of_steps(variant: str, image_size, **network) -> dict[str, int]:
    """Bytes that two training steps add to a process that has imported everything.

    Returns:
        `extra`, and `needed`, see :func:`benchmarks.models.needed_for`.
    """
    network = models.Network(image_size=tuple(image_size), **network)
    with memory.PeakMemory() as peak:
        model = models.model_to_train(network, **VARIANTS[variant])
        step = models.training_step(model, network)
        step()
        step()
    return {"extra": peak.extra, "needed": models.needed_for("training", model)}


def draw(figure, numbers) -> None:
    """Seconds and memory of all variants at all widths."""
    quantities = {"seconds": (1, "seconds per step"), "memory": (1e-9, "GB")}
    shown = [q for q in quantities if all(q in found for found in numbers.values())]
    for axes, quantity in zip(
        figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True
    ):
        factor, unit = quantities[quantity]
        bars = {
            variant: [factor * found[quantity][variant] for found in numbers.values()]
            for variant in next(iter(numbers.values()))[quantity]
        }
        pictures.grouped_bars(axes, list(numbers), bars, "{:.2g}")
        axes.set(title=f"training step: {quantity}", ylabel=unit)


BENCHMARK = Benchmark(
    "train_step",
    Settings(),
    Settings(widths=(8,), image_size=(128, 128), variants=(PLAIN, RECOMPUTED)),
    measure,
    draw,
)

if __name__ == "__main__":
    main(BENCHMARK)
