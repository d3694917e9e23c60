"""Cost of inference against the number of pixels.

    python -m benchmarks.pixels

Models for images of several sizes take turns; their seconds per pixel should agree.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks import models, pictures
from benchmarks.command import Benchmark, main
from benchmarks.measure import LOWER, interleaved, ratio
from benchmarks.results import Result


@dataclass(frozen=True)
class Settings:
    """`sizes`: (height, width) each; the others are compared with the first."""

    sizes: tuple = ((128, 128), (128, 256), (256, 256), (256, 512), (512, 512))
    label_channels: int = 183
    ngf: int = 32
    rounds: int = 7


def measure(settings: Settings) -> Result:
    """Times inference at every size."""
    sides, pixels = {}, {}
    for size in settings.sizes:
        network = models.Network(settings.label_channels, size, settings.ngf)
        model = models.model_to_synthesize(network)
        name = f"{size[0]}x{size[1]}"
        sides[name] = models.synthesis(model, network)
        pixels[name] = size[0] * size[1]
    timings = interleaved(sides, settings.rounds)
    first, *larger = pixels
    ratios = [
        ratio(
            f"inference: seconds per pixel at {name} / at {first}",
            timings.quotients(name, first, pixels[first] / pixels[name]),
            LOWER,
            1.1,
        )
        for name in larger
    ]
    return Result(
        tuple(ratios), {"seconds": timings.medians(), "pixels": list(pixels.values())}
    )


def draw(figure, numbers) -> None:
    """Microseconds per pixel at every size."""
    axes = figure.subplots()
    values = [
        1e6 * seconds / count
        for seconds, count in zip(
            numbers["seconds"].values(), numbers["pixels"], strict=True
        )
    ]
    ideal = [values[0]] * len(values)
    pictures.curve_against_ideal(axes, numbers["pixels"], values, ideal)
    axes.set_xticks(numbers["pixels"], list(numbers["seconds"]))
    axes.set(title="inference against image size", ylabel="microseconds per pixel")


BENCHMARK = Benchmark(
    "pixels",
    Settings(),
    Settings(sizes=((128, 128), (256, 256)), ngf=16, rounds=7),
    measure,
    draw,
)

if __name__ == "__main__":
    main(BENCHMARK)
