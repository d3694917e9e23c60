"""The command line that all benchmarks share."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine, results
from ccfpse_tf.errors import InputError, exit_cleanly


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """One module of this package.

    Args:
        name: of the module and of its files.
        full, quick: settings, dataclasses of one type; `quick` is smaller and what
            `bench-check` runs.
        measure: settings to :class:`results.Result`.
        draw: puts the numbers of a result on a matplotlib figure.
    """

    name: str
    full: Any
    quick: Any
    measure: Callable[[Any], results.Result]
    draw: Callable[[Any, dict], None]


def main(benchmark: Benchmark, argv: Sequence[str] | None = None) -> None:
    """Runs a benchmark, prints its figures and writes them; leaves the process."""
    exit_cleanly(lambda: run(benchmark, sys.argv[1:] if argv is None else argv))


def run(benchmark: Benchmark, argv: Sequence[str]) -> int:
    """As `main`, within a program.

    Raises:
        InputError: for a setting that does not exist or has another type.
    """
    arguments = _parser(benchmark).parse_args(argv)
    settings = benchmark.quick if arguments.quick else benchmark.full
    settings = override(settings, arguments.set)
    head = {
        "benchmark": benchmark.name,
        "settings": dataclasses.asdict(settings),
        "machine": machine.describe(),
    }
    folder = results.RESULTS
    if arguments.quick:
        folder = results.recordings_of(machine.processor())
    folder = arguments.out or folder
    path = folder / f"{benchmark.name}.json"
    recorded = results.recorded(path, head) if arguments.update else None
    result = benchmark.measure(settings)
    for line in (*results.lines(result.ratios), *result.notes):
        print(line)
    if recorded:
        head, result = recorded[0], results.updated(recorded[1], result)
    results.write(path, head, result)
    print(f"written: {path}")
    if not arguments.quick:
        _draw(benchmark, result, path.with_suffix(".png"))
    return 0


def override(settings: Any, changes: Sequence[str]) -> Any:
    """Applies `NAME=JSON` changes to a dataclass.

    Raises:
        InputError: for an unknown name, or a value of another type.
    """
    for change in changes:
        name, _, text = change.partition("=")
        known = {field.name: getattr(settings, field.name) for field in _of(settings)}
        if name not in known:
            raise InputError(f"--set {change}: settings are {', '.join(known)}")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        if isinstance(known[name], tuple) and isinstance(value, list):
            value = tuple(tuple(x) if isinstance(x, list) else x for x in value)
        if type(value) is not type(known[name]):
            raise InputError(
                f"--set {change}: expected something like "
                f"{name}={json.dumps(known[name])}"
            )
        settings = dataclasses.replace(settings, **{name: value})
    return settings


def _of(settings):
    return dataclasses.fields(settings)


def _parser(benchmark: Benchmark) -> argparse.ArgumentParser:
    names = ", ".join(field.name for field in _of(benchmark.full))
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{benchmark.name}")
    add = parser.add_argument
    add("--quick", action="store_true", help="the smaller settings of bench-check")
    add("--out", type=Path, metavar="DIR", help="default: benchmarks/results")
    add(
        "--update",
        action="store_true",
        help="leave recorded figures as they are that this run does not measure",
    )
    add(
        "--set",
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME=JSON",
        help=f"another setting: {names}",
    )
    return parser


def _draw(benchmark: Benchmark, result: results.Result, path: Path) -> None:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no picture: matplotlib is missing (pip install '.[bench]')")
        return
    figure = Figure(figsize=(10, 4.5), layout="constrained", dpi=120)
    benchmark.draw(figure, result.numbers)
    figure.savefig(path)
    print(f"written: {path}")
