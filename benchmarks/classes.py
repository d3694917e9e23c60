"""Cost of inference and of a training step against the number of classes.

    python -m benchmarks.classes

Models that differ only in the number of classes take turns. Inference should not depend
on it. A training step should grow by no more than the optimiser's time for the larger
tables: the growth is divided by the time of one update of as many weights, with the
check that they are finite. Images are small there, so that the growth stands out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks import models, pictures
from benchmarks.command import Benchmark, main
from benchmarks.cpu import tf
from benchmarks.measure import LOWER, interleaved, ratio
from benchmarks.results import Result
from ccfpse_tf.gan.optimizers import Adam, SkipNonFinite


@dataclass(frozen=True)
class Settings:
    """Numbers of classes for inference and for training, the first being the smallest.

    `ngf`, `image_size` of the models; `train_ngf`, `train_image_size` of those that are
    trained.
    """

    classes: tuple = (10, 30, 100, 300, 1000, 3000)
    train_classes: tuple = (10, 100, 1000, 3000)
    image_size: tuple = (256, 256)
    train_image_size: tuple = (64, 64)
    ngf: int = 32
    train_ngf: int = 16
    rounds: int = 21


def measure(settings: Settings) -> Result:
    """Times inference, training steps and the updates of larger tables."""
    inference = _inference(settings)
    fewest = settings.classes[0]
    ratios = [
        ratio(
            f"inference: seconds with {count} classes / with {fewest}",
            inference.quotients(str(count), str(fewest)),
            LOWER,
            1.1,
        )
        for count in settings.classes[1:]
    ]
    found, training = _training(settings)
    numbers = {"inference": inference.medians(), "training": training}
    return Result((*ratios, *found), numbers)


def _inference(settings):
    sides = {}
    for count in settings.classes:
        network = models.Network(count, settings.image_size, settings.ngf)
        model = models.model_to_synthesize(network)
        sides[str(count)] = models.synthesis(model, network)
    return interleaved(sides, settings.rounds)


def _training(settings):
    sides, weights = {}, {}
    fewest, *more = settings.train_classes
    width = settings.train_ngf
    for count in settings.train_classes:
        network = models.Network(count, settings.train_image_size, width, width)
        model = models.model_to_train(network)
        weights[count] = model.count_params()
        sides[f"step, {count} classes"] = models.training_step(model, network)
    for count in more:
        larger = weights[count] - weights[fewest]
        sides[f"update, {count} classes"] = _update_of(larger)
    timings = interleaved(sides, settings.rounds)
    ratios = []
    for count in more:
        grown = timings.quotients(f"step, {count} classes", f"step, {fewest} classes")
        share = timings.quotients(f"update, {count} classes", f"step, {fewest} classes")
        name = f"training step: seconds with {count} classes / with {fewest}"
        ratios.append(ratio(name, grown, LOWER))
        name = f"training step: growth to {count} classes / update of the larger tables"
        values = [(a - 1) / b for a, b in zip(grown, share, strict=True)]
        # Where tables are small both are noise; only the largest step says something.
        ratios.append(ratio(name, values, LOWER, 1.0 if count == more[-1] else None))
    return ratios, timings.medians()


def _update_of(size: int):
    """A call without arguments: one update of `size` weights, as models do it."""
    weights = tf.keras.Variable(np.zeros(size, np.float32))
    gradient = tf.ones(size)
    optimizer = SkipNonFinite(Adam(1e-4))
    optimizer.build([weights])

    @tf.function
    def update():
        optimizer.apply([gradient], [weights])

    return update


def draw(figure, numbers) -> None:
    """Inference relative to the fewest classes; the training step's growth."""
    inference, training = figure.subplots(1, 2)
    counts = [int(count) for count in numbers["inference"]]
    seconds = list(numbers["inference"].values())
    relative = [one / seconds[0] for one in seconds]
    pictures.curve_against_ideal(inference, counts, relative, [1.0] * len(counts))
    inference.set(title="inference", xlabel="classes", ylabel="seconds / first")
    steps = {k: v for k, v in numbers["training"].items() if k.startswith("step")}
    names = [name.removeprefix("step, ").removesuffix(" classes") for name in steps]
    first = next(iter(steps.values()))
    updates = [numbers["training"].get(f"update, {n} classes", 0.0) for n in names]
    counts = [int(name) for name in names]
    allowed = [first + update for update in updates]
    pictures.curve_against_ideal(training, counts, list(steps.values()), allowed)
    training.set(
        title="training step (ideal: fewest classes + update of the tables)",
        xlabel="classes",
        ylabel="seconds",
    )
    training.title.set_size(10)


BENCHMARK = Benchmark(
    "classes",
    Settings(),
    Settings(
        classes=(10, 300, 3000),
        train_classes=(10, 3000),
        image_size=(128, 128),
        ngf=16,
        train_ngf=8,
    ),
    measure,
    draw,
)

if __name__ == "__main__":
    main(BENCHMARK)
