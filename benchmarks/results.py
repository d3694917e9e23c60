"""The results of a benchmark, and their files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.measure import Ratio
from ccfpse_tf.errors import InputError

RESULTS = Path(__file__).resolve().parent / "results"
QUICK = RESULTS / "quick"  # recordings of the quick runs, see `recordings_of`


@dataclass(frozen=True)
class Result:
    """The findings of one run.

    Args:
        ratios: the figures.
        numbers: the seconds and bytes behind them, for the pictures.
        notes: lines on what was left out, and why.
    """

    ratios: tuple[Ratio, ...]
    numbers: dict
    notes: tuple[str, ...] = field(default=())

    def to_json(self) -> dict:
        """As the files hold it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> Result:
        """The inverse of `to_json`; other keys are left out."""
        ratios = tuple(Ratio(**values) for values in data["ratios"])
        return cls(ratios, data["numbers"], tuple(data["notes"]))


def recordings_of(processor: str, folder: Path = QUICK) -> Path:
    """The folder inside `folder` of the recordings on a kind of processor."""
    return folder / re.sub("[^a-z0-9]+", "-", processor.lower()).strip("-")


def write(path: Path, head: dict, result: Result) -> None:
    """Writes a result below its head (benchmark, settings, machine)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(head | result.to_json(), indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def read(path: Path) -> tuple[dict, Result]:
    """Returns (head, result).

    Raises:
        InputError: if the file is not one of ours.
    """
    if not path.is_file():
        raise InputError(f"{path}: nothing is recorded there; run the benchmark")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        result = Result.from_json(data)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: not a result of a benchmark ({error}); delete it and run the "
            "benchmark again"
        ) from error
    return {key: data[key] for key in data if key not in result.to_json()}, result


def recorded(path: Path, head: dict) -> tuple[dict, Result]:
    """As :func:`read`, of a recording that a further run adds figures to.

    Args:
        path: of the recording.
        head: of the further run. It may measure less of what the settings list.

    Raises:
        InputError: no recording, or one of another machine, of other versions or with
            other settings.
    """
    old, result = read(path)
    ours, theirs = (_comparable(one) for one in (head, old))
    differing = [
        f"{key} {theirs.get(key)!r}, now {ours.get(key)!r}"
        for key in sorted(ours | theirs)
        if ours.get(key) != theirs.get(key)
    ]
    if differing:
        raise InputError(
            f"{path}: recorded with {'; '.join(differing)}: figures of both do not "
            "belong in one file, so measure all of them, without --update"
        )
    return old, result


def _comparable(head):
    """What two runs must share; lists in the settings choose what is measured."""
    settings = json.loads(json.dumps(head["settings"]))
    chosen = {
        key: value
        for key, value in settings.items()
        if not (isinstance(value, list) and all(isinstance(x, str) for x in value))
    }
    return head["machine"] | chosen | {"load_before": None}


def updated(old: Result, new: Result) -> Result:
    """Returns the figures of both, and the new ones where they are in both."""
    ratios = {one.name: one for one in (*old.ratios, *new.ratios)}
    numbers = dict(old.numbers)
    for label, found in new.numbers.items():
        before = numbers.get(label)
        both = isinstance(found, dict) and isinstance(before, dict)
        numbers[label] = before | found if both else found
    notes = tuple(dict.fromkeys((*old.notes, *new.notes)))
    return Result(tuple(ratios.values()), numbers, notes)


def lines(ratios: Iterable[Ratio]) -> list[str]:
    """The figures for a terminal, one line each."""
    found = []
    for one in ratios:
        goal = ""
        if one.target is not None:
            sign = ">=" if one.better == "higher" else "<="
            word = "reached" if one.reached else "MISSED"
            goal = f"  target {sign} {one.target:g} {word}"
        spread = f"({one.low:.2f} to {one.high:.2f})"
        found.append(f"{one.value:9.3f}  {spread:>20}  {one.name}{goal}")
    return found
