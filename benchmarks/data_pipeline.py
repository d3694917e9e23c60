"""Input: images per second from records, against decoding full-size files every epoch.

    python -m benchmarks.data_pipeline --set source=CITYSCAPES

The official way (`official_input.py`) runs once in one process, its default, and once
with as many worker processes as cores. Ours reads records that `prepare` has made of
the same files; preparing them is timed as well, once per data set and not per epoch.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import official_input, pictures
from benchmarks.command import Benchmark, main
from benchmarks.measure import HIGHER, interleaved, ratio
from benchmarks.results import Result
from ccfpse_tf.data.pipeline import training_dataset
from ccfpse_tf.data.prepare import prepare
from ccfpse_tf.data.prepare.parallel import WorkerPool, usable_cores
from ccfpse_tf.data.random_window import RandomWindow
from ccfpse_tf.errors import InputError

OURS, PREPARE = "ours", "prepare"
ONE, ALL = "official, 1 process", "official, all cores"


@dataclass(frozen=True)
class Settings:
    """`source`: a Cityscapes folder; `images` per turn of the official way, and as
    many times more per turn of ours as `factor` says, since it is that much faster."""

    source: str = "../shared/data/cityscapes"
    images: int = 16
    factor: int = 16
    batch_size: int = 4
    rounds: int = 7


def measure(settings: Settings) -> Result:
    """Lets the three ways and `prepare` take turns.

    Raises:
        InputError: if there are no photos in the source.
    """
    source = Path(settings.source)
    found = official_input.photos(source)
    if not found:
        raise InputError(
            f"{source}: no photos leftImg8bit/train/CITY/*_leftImg8bit.png; name a "
            "folder of Cityscapes: --set source=DIR"
        )
    with tempfile.TemporaryDirectory() as folder, WorkerPool(usable_cores()) as workers:
        sides, counts = _sides(settings, source, Path(folder), workers)
        counts[PREPARE] = len(found)
        timings = interleaved(sides, settings.rounds)
    rates = {side: counts[side] / timings.median(side) for side in sides}
    ratios = []
    for side in (ONE, ALL):
        values = timings.quotients(side, OURS, counts[OURS] / counts[side])
        ratios.append(ratio(f"images/s: ours / {side}", values, HIGHER, 8.0))
    values = timings.quotients(ALL, PREPARE, counts[PREPARE] / counts[ALL])
    ratios.append(ratio(f"images/s: prepare / {ALL}", values, HIGHER))
    return Result(tuple(ratios), {"images_per_second": rates})


def _sides(settings, source, folder: Path, workers):
    _prepare(source, folder / "records", workers)
    _check_equal(source, folder / "records")
    batches = settings.images * settings.factor // settings.batch_size
    stream = training_dataset(
        folder / "records", official_input.SIZE, settings.batch_size
    ).take(batches)
    names = itertools.count()

    def exhaust(iterator):
        for _ in iterator:
            pass

    sides = {
        # A new iterator every time: one that lives on would work ahead in the turns
        # of the others, at their cost.
        OURS: lambda: exhaust(stream),
        ONE: lambda: exhaust(official_input.stream(source, settings.images)),
        ALL: lambda: exhaust(official_input.stream(source, settings.images, workers)),
        PREPARE: lambda: _prepare(source, folder / f"again{next(names)}", workers),
    }
    counts = dict.fromkeys((ONE, ALL), settings.images)
    return sides, counts | {OURS: batches * settings.batch_size}


def _prepare(source: Path, folder: Path, workers: WorkerPool) -> None:
    """Checks the sources and writes the records, as the script does."""
    arguments = prepare.parse_arguments(
        prepare.DATASETS["cityscapes"],
        ["--source", str(source), "--out", str(folder), "--split", "train"],
    )
    plan = prepare.plan_dataset(prepare.DATASETS["cityscapes"], arguments)
    silent = io.StringIO()
    with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
        prepare.prepare(plan, folder, workers)


def _check_equal(source: Path, records: Path) -> None:
    """Stops if the ways give different pixels, as their rates then do not compare."""
    window = RandomWindow(official_input.SIZE, flip=False)
    ours = training_dataset(records, window, 1)
    paths = official_input.photos(source)
    expected = [official_input.load((path, False)) for path in paths]
    for batch in ours.take(len(paths)).as_numpy_iterator():
        matches = [
            other
            for other in expected
            if all(np.array_equal(batch[name][0], other[name]) for name in other)
        ]
        if len(matches) != 1:
            raise AssertionError("records and full-size files give different pixels")


def draw(figure, numbers) -> None:
    """Images per second of all ways."""
    axes = figure.subplots()
    rates = numbers["images_per_second"]
    pictures.grouped_bars(axes, list(rates), {"": list(rates.values())}, "{:.1f}")
    axes.set(title="input of 512x256 images from Cityscapes", ylabel="images/s")


BENCHMARK = Benchmark(
    "data_pipeline", Settings(), Settings(images=8, rounds=5), measure, draw
)

if __name__ == "__main__":
    main(BENCHMARK)
