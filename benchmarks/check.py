"""Reports ratios that have become worse than those recorded: `make bench-check`.

    python -m benchmarks.check             # measure quickly and compare
    python -m benchmarks.check --record    # measure quickly and record

Both run every benchmark with `--quick`, so like is compared with like: with what was
recorded on this kind of processor, or else on another one, which is said. Times are
never compared, as machines differ; ratios that became worse by more than 20 % are
measured a second time, and reported if they did again. Exit status 1 if there are any.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import BENCHMARKS, machine
from benchmarks.measure import HIGHER, Ratio
from benchmarks.results import QUICK, Result, read, recordings_of
from ccfpse_tf.errors import InputError, exit_cleanly

TOLERANCE = 0.2
MISSING = 2  # exit status of `exit_cleanly` for errors that the user can correct


@dataclass(frozen=True)
class Comparison:
    """The ratios of two runs, sorted by the result of the comparison.

    Args:
        worse: (recorded, now) of those worse by more than the tolerance.
        fine: names of the others.
        unrecorded: names of those measured now only.
        unmeasured: names of those recorded only (PyTorch is missing, say).
    """

    worse: tuple[tuple[Ratio, Ratio], ...]
    fine: tuple[str, ...]
    unrecorded: tuple[str, ...]
    unmeasured: tuple[str, ...]


def is_worse(recorded: Ratio, now: Ratio, tolerance: float = TOLERANCE) -> bool:
    """Returns whether `now` is worse than `recorded` by more than the tolerance."""
    if recorded.better == HIGHER:
        return now.value < recorded.value * (1 - tolerance)
    return now.value > recorded.value * (1 + tolerance)


def compare(recorded: Iterable[Ratio], now: Iterable[Ratio]) -> Comparison:
    """Pairs the ratios of two runs by name."""
    old = {one.name: one for one in recorded}
    new = {one.name: one for one in now}
    both = [name for name in old if name in new]
    bad = [name for name in both if is_worse(old[name], new[name])]
    return Comparison(
        worse=tuple((old[name], new[name]) for name in bad),
        fine=tuple(name for name in both if name not in bad),
        unrecorded=tuple(name for name in new if name not in old),
        unmeasured=tuple(name for name in old if name not in new),
    )


def confirmed(first: Comparison, second: Comparison) -> list[tuple[Ratio, Ratio]]:
    """Returns the ratios that both comparisons found worse, with the better values."""
    found = []
    again = {old.name: (old, now) for old, now in second.worse}
    for old, now in first.worse:
        if old.name in again:
            better = max if old.better == HIGHER else min
            best = better(now, again[old.name][1], key=lambda one: one.value)
            found.append((old, best))
    return found


def report(names: Sequence[str], recordings: Path) -> int:
    """Measures and compares; returns the exit status.

    Args:
        names: of benchmarks.
        recordings: a folder with one of every processor, see `recordings_of`.

    Raises:
        InputError: if not one of the benchmarks was ever recorded.
    """
    here = machine.processor()
    paths = {name: _recording(name, recordings, here) for name in names}
    missing = [name for name, path in paths.items() if path is None]
    for name in missing:
        print(f"no recording of {name} (python -m benchmarks.check --record)")
    if len(missing) == len(paths):
        raise InputError(
            f"{recordings}: nothing is recorded to compare with; run "
            "python -m benchmarks.check --record on a revision to compare with"
        )
    worse = []
    for name, path in paths.items():
        if path is not None:
            head, recorded = read(path)
            there = head.get("machine", {}).get("processor")
            if there != here:
                print(f"{name}: recorded on {there}, this is {here}")
            worse += [(name, *pair) for pair in _check(name, recorded)]
    for name, old, now in worse:
        change = abs(now.value / old.value - 1)
        print(
            f"WORSE by {change:.0%}: {name}: {old.name}: recorded {old.value:.3f}, "
            f"now {now.value:.3f} ({old.better} is better)"
        )
    return 1 if worse else 0


def _recording(name: str, recordings: Path, processor: str) -> Path | None:
    """Returns the recording of this kind of processor, else of any other, or None."""
    own = recordings_of(processor, recordings) / f"{name}.json"
    others = sorted(recordings.glob(f"*/{name}.json"))
    return next((path for path in (own, *others) if path.exists()), None)


def _check(name: str, recorded: Result) -> list[tuple[Ratio, Ratio]]:
    now = _measured(name)
    if now is None:
        print(f"{name}: cannot be measured here, see above")
        return []
    first = compare(recorded.ratios, now.ratios)
    for kind in ("unrecorded", "unmeasured"):
        for ratio in getattr(first, kind):
            print(f"{name}: {kind}: {ratio}")
    print(f"{name}: {len(first.fine)} ratios as recorded or better than 20 % worse")
    if not first.worse:
        return []
    print(f"{name}: {len(first.worse)} seem worse, measuring again")
    again = _measured(name)
    return confirmed(first, compare(recorded.ratios, again.ratios)) if again else []


def _measured(name: str) -> Result | None:
    with tempfile.TemporaryDirectory() as folder:
        if not run_quick(name, Path(folder)):
            return None
        return read(Path(folder) / f"{name}.json")[1]


def run_quick(name: str, folder: Path) -> bool:
    """Runs a benchmark with `--quick` in a process of its own.

    Returns:
        False if something is missing here (a data set, say); it has said what.

    Raises:
        InputError: if it fails otherwise.
    """
    module = f"benchmarks.{name}"
    command = [sys.executable, "-m", module, "--quick", "--out", str(folder)]
    code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
    if code not in (0, MISSING):
        raise InputError(f"{module} ended with exit status {code}, see above; mend it")
    return code == 0


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check")
    add = parser.add_argument
    add("--record", action="store_true", help="record for later comparisons")
    add("names", nargs="*", help=f"default: all of {', '.join(BENCHMARKS)}")
    arguments = parser.parse_args(argv)
    names = arguments.names or BENCHMARKS
    for name in names:
        if name not in BENCHMARKS:
            raise InputError(f"{name}: benchmarks are {', '.join(BENCHMARKS)}")
    if not arguments.record:
        return report(names, QUICK)
    folder = recordings_of(machine.processor())
    for name in names:
        done = run_quick(name, folder)
        print(f"{name}: {'recorded' if done else 'NOT recorded, see above'}")
    return 0


if __name__ == "__main__":
    exit_cleanly(main)
