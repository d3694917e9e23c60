"""A training step at three sizes, in four variants: seconds, rate and peak memory.

    python -m benchmarks.train_step

Both updates, no perceptual network, batch 1 where time is taken. `recompute_kernels`
predicts a block's kernels again in the backward pass instead of keeping them;
`discriminator_fake` says whether the discriminator's half makes a new image (the
official algorithm) or takes the generator's. Variants take turns, with dense
convolutions for the machine's best rate; the arithmetic is what the networks have to
compute, however often a variant does. Memory: what the process grows by at most, from
before the model is built, over two steps; and that beyond weights, gradients and
optimiser state, which all variants must hold.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from benchmarks import arithmetic, machine, memory, models, pictures
from benchmarks.command import Benchmark, main
from benchmarks.measure import HIGHER, LOWER, interleaved, ratio
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
BEST = "best dense convolution"
NEEDED = "weights, gradients, moments"


@dataclass(frozen=True)
class Settings:
    """`widths`: ngf and ndf of the models; `variants`: the first is what the others
    are held against, and every one has to be compiled; `images`: batch sizes at which
    the first two variants, no fewer, are weighed; `dense`: (height, width, input
    channels, output channels) of the convolutions; `rounds` that count."""

    widths: tuple = (16, 32, 64)
    image_size: tuple = (256, 256)
    label_channels: int = 183
    variants: tuple = tuple(VARIANTS)
    images: tuple = (1, 4)
    dense: tuple = ((64, 64, 128, 4608), (256, 256, 128, 576))
    rounds: int = 5

    def network(self, width: int) -> models.Network:
        """The model of one width."""
        return models.Network(self.label_channels, self.image_size, width, width)


def measure(settings: Settings) -> Result:
    """Measures time and memory of the variants at every width."""
    ratios, numbers, notes = [], {}, []
    weighed = settings.images
    if not memory.available():
        weighed = ()
        notes.append("memory: left out, this system does not let a peak be reset")
    for width in settings.widths:
        label = f"ngf {width}"
        # TensorFlow never drops the graphs of trained models, nor their weights: the
        # models of all widths in this process would need more memory than many have.
        one = asdict(replace(settings, widths=(width,)))
        speed = memory.measured_alone(MODULE, "speed_of_steps", **one)
        speed = Result.from_json(speed)
        ratios += speed.ratios
        numbers[label] = dict(speed.numbers)
        for images in weighed:
            found, peaks = _memory(settings, settings.network(width), images, label)
            numbers[label] |= peaks
            ratios += found
    return Result(tuple(ratios), numbers, tuple(notes))


def speed_of_steps(**settings) -> dict:
    """The :class:`Result` of timing all variants, as JSON has it.

    Args:
        settings: those of :class:`Settings` with a single width.
    """
    settings = Settings(**settings)
    [width] = settings.widths
    label = f"ngf {width}"
    network = settings.network(width)
    limits = machine.dense_convolutions(settings.dense)
    sides = {
        variant: models.training_step(
            models.model_to_train(network, **VARIANTS[variant]), network
        )
        for variant in settings.variants
    }
    sides |= {name: limit.call for name, limit in limits.items()}
    timings = interleaved(sides, settings.rounds)
    rates = {name: one.amount / timings.median(name) for name, one in limits.items()}
    best = max(rates, key=rates.get)
    first, *others = settings.variants
    ratios = [
        ratio(
            f"{label}: seconds with {variant} / {first}",
            timings.quotients(variant, first),
            LOWER,
        )
        for variant in others
    ]
    for variant in settings.variants:
        regenerates = VARIANTS[variant]["discriminator_fake"] == "regenerate"
        needed = arithmetic.training_step_total(network, regenerates)
        factor = needed / limits[best].amount
        fractions = timings.quotients(best, variant, factor)
        ratios.append(
            ratio(f"{label}: rate with {variant} / {BEST}", fractions, HIGHER)
        )
        rates[variant] = needed / timings.median(variant)
    rates[BEST] = rates[best]
    numbers = {
        "seconds": {name: timings.median(name) for name in settings.variants},
        "rate": {name: rates[name] / 1e9 for name in (*settings.variants, BEST)},
    }
    return Result(tuple(ratios), numbers).to_json()


def _memory(settings, network, images, label):
    """Ratios of the first two variants' memory, and their peaks in bytes."""
    batch = "1 image" if images == 1 else f"{images} images"
    common = {"images": images, **asdict(network)}
    found = {
        name: memory.measured_alone(MODULE, "peak_of_steps", variant=name, **common)
        for name in settings.variants[:2]
    }
    peaks = {name: one["extra"] for name, one in found.items()}
    first, second = peaks
    full = network.ngf == models.Network.ngf
    target = 0.5 if full and (first, second) == (PLAIN, RECOMPUTED) else None
    ratios = []
    for kind, held in {"memory": 0, f"beyond {NEEDED}": found[first]["needed"]}.items():
        value = (peaks[second] - held) / (peaks[first] - held)
        name = f"{label}, {batch}: {kind} with {second} / {first}"
        ratios.append(ratio(name, [value], LOWER, target))
    return ratios, {f"memory, {batch}": peaks}


def peak_of_steps(variant: str, images: int, image_size, **network) -> dict[str, int]:
    """Bytes that two training steps add to a process that has imported everything.

    Returns:
        `extra`, and `needed`, see :func:`benchmarks.models.needed_for`.
    """
    network = models.Network(image_size=tuple(image_size), **network)
    with memory.PeakMemory() as peak:
        model = models.model_to_train(network, **VARIANTS[variant])
        step = models.training_step(model, network, images)
        step()
        step()
    return {"extra": peak.extra, "needed": models.needed_for("training", model)}


def draw(figure, numbers) -> None:
    """Seconds, rate and memory at all widths."""
    quantities = next(iter(numbers.values()))
    rows = -(-len(quantities) // 2)
    figure.set_size_inches(11, 4.5 * rows)
    all_axes = figure.subplots(rows, 2, squeeze=False).ravel()
    for axes, (quantity, sides) in zip(all_axes, quantities.items(), strict=False):
        factor, unit = {"seconds": (1, "seconds per step"), "rate": (1, "GMAC/s")}.get(
            quantity, (1e-9, "GB")
        )
        bars = {
            side: [factor * found[quantity][side] for found in numbers.values()]
            for side in sides
        }
        pictures.grouped_bars(axes, list(numbers), bars, "{:.3g}")
        axes.set(title=f"training step: {quantity}", ylabel=unit)
    for axes in all_axes[len(quantities) :]:
        axes.remove()


BENCHMARK = Benchmark(
    "train_step",
    Settings(),
    Settings(
        widths=(8,),
        image_size=(128, 128),
        variants=(PLAIN, RECOMPUTED),
        images=(1,),
        dense=((64, 64, 128, 2304),),
    ),
    measure,
    draw,
)

if __name__ == "__main__":
    main(BENCHMARK)
