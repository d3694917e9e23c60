"""The files of a study: its key, and one file of answers per rater."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ccfpse_tf.data.find_files import is_leftover
from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.files.text_files import read_json
from ccfpse_tf.study.study_builder import FORMAT, KEY_KIND, KEY_NAME

RESULT_KIND = "ccfpse study result"
SIDES = ("left", "right")


@dataclasses.dataclass(frozen=True)
class Key:
    """The meaning of every picture; the content of ``key.json``."""

    path: Path
    study: str
    a: str
    b: str
    options: Mapping[str, Any]
    pairs: Mapping[str, Mapping[str, str]]
    checks: Mapping[str, Mapping[str, str]]

    @property
    def planned(self) -> int:
        """The number of answers that a rater gives."""
        options = self.options
        return options["per_rater"] + options["repeats"] + len(self.checks)


@dataclasses.dataclass(frozen=True)
class Answer:
    """One choice.

    Args:
        trial: id of a pair or check.
        repeat: whether the trial was shown for the second time.
        side: ``"left"`` or ``"right"`` (upper or lower where images are stacked).
        value: ``"a"`` or ``"b"``; for a check ``"image"`` or ``"spoilt"``.
        seconds: for which the pair was in view.
    """

    trial: str
    repeat: bool
    side: str
    value: str
    seconds: float


@dataclasses.dataclass(frozen=True)
class Result:
    """The answers of one rater."""

    path: Path
    rater: str
    session: str
    answers: tuple[Answer, ...]


def read_key(path: Path) -> Key:
    """Reads ``key.json``.

    Raises:
        InputError: missing, damaged, or not a key.
    """
    fields = _read_json(path, "the study's key")
    _check_kind(fields, KEY_KIND, path)
    try:
        names = [field.name for field in dataclasses.fields(Key)]
        key = Key(path, *(fields[name] for name in names[1:]))
        for trial in (*key.pairs, *key.checks):
            _meaning(trial, key)
        if not isinstance(key.planned, int):
            raise TypeError("options are not numbers")
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: is damaged ({error!r}); take a copy of it") from None
    return key


def find_key(paths: Sequence[Path]) -> Path:
    """Looks for ``key.json`` next to the results, and one folder up.

    Raises:
        InputError: there is no key in either folder.
    """
    for path in paths:
        folder = path if path.is_dir() else path.parent
        for place in (folder, folder.resolve().parent):
            if (place / KEY_NAME).is_file():
                return place / KEY_NAME
    raise InputError(
        f"no {KEY_NAME} next to {paths[0]} or one folder up; name the one that "
        "`ccfpse study build` wrote with --key FILE"
    )


def read_results(paths: Sequence[Path], key: Key) -> list[Result]:
    """Reads files of answers, and those in folders; sorted by rater.

    Raises:
        DataErrors: every file that is damaged, of another study, or a duplicate.
    """
    results, problems = [], []
    for path in _files(paths, problems):
        try:
            results.append(_result(_read_json(path, "a file of answers"), path, key))
        except InputError as error:
            problems.append(str(error))
    problems += _duplicates(results)
    if problems:
        raise DataErrors(problems, "the results")
    return sorted(results, key=lambda result: result.rater)


def _files(paths, problems):
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = [
            file
            for file in sorted(path.iterdir())
            if file.suffix.lower() == ".json"
            and file.name != KEY_NAME
            and not is_leftover(file.name)
        ]
        if not found:
            problems.append(f"{path}: no *.json in there")
        yield from found


def _read_json(path, what):
    if not path.exists():
        raise InputError(f"{path}: no such file; expected {what}")
    fields = read_json(path, what)
    if not isinstance(fields, dict):
        raise InputError(f"{path}: is not a JSON object; expected {what}")
    return fields


def _check_kind(fields, kind, path):
    if fields.get("kind") != kind:
        raise InputError(f"{path}: is not a {kind}; its kind is {fields.get('kind')!r}")
    if fields.get("format") != FORMAT:
        raise InputError(
            f"{path}: has format {fields.get('format')!r}, this version reads {FORMAT}"
        )


def _result(fields, path, key):
    _check_kind(fields, RESULT_KIND, path)
    if fields.get("study") != key.study:
        raise InputError(
            f"{path}: belongs to study {fields.get('study')!r}, {key.path} is the key "
            f"of {key.study!r}; score it with the key of its own study"
        )
    try:
        rater, session = fields["rater"], fields["session"]
        if not (isinstance(rater, str) and rater and isinstance(session, str)):
            raise ValueError("rater and session must be texts")
        answers = tuple(_answer(entry, key) for entry in fields["answers"])
        _check_together(answers, fields["answers"], key)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path}: is damaged ({error}); ask {fields.get('rater', 'the rater')!r} "
            "for the file again, the page still has the answers"
        ) from None
    return Result(path, rater, session, answers)


def _answer(entry, key):
    trial, repeat = entry["trial"], entry["repeat"]
    meaning = _meaning(trial, key)
    shown = [entry[side].rpartition("/")[2] for side in SIDES]
    if sorted(shown) != sorted(meaning):
        raise ValueError(f"trial {trial} shows pictures that are not its own")
    side, seconds = entry["choice"], entry["seconds"]
    if side not in SIDES:
        raise ValueError(f"trial {trial}: choice {side!r}; allowed left, right")
    if not isinstance(repeat, bool) or repeat and trial in key.checks:
        raise ValueError(f"trial {trial}: repeat {repeat!r}")
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"trial {trial}: seconds {seconds!r}")
    value = meaning[shown[SIDES.index(side)]]
    return Answer(trial, repeat, side, value, float(seconds))


def _meaning(trial, key):
    """Picture -> what it is."""
    if trial in key.pairs:
        return {key.pairs[trial][name]: name for name in ("a", "b")}
    if trial in key.checks:
        return {key.checks[trial][name]: name for name in ("image", "spoilt")}
    raise ValueError(f"trial {trial!r} is not in the study")


def _check_together(answers, entries, key):
    left = {}
    for answer, entry in zip(answers, entries, strict=True):
        if (answer.trial, answer.repeat) in left:
            raise ValueError(f"trial {answer.trial} is answered twice")
        left[answer.trial, answer.repeat] = entry["left"]
    for (trial, repeat), shown in left.items():
        if repeat and left.get((trial, False), shown) == shown:
            raise ValueError(f"the repeat of {trial} has not its sides swapped")
    if len(answers) > key.planned:
        raise ValueError(f"{len(answers)} answers; the study has {key.planned}")


def _duplicates(results):
    sessions, raters = {}, {}
    for result in results:
        other = sessions.setdefault(result.session, result)
        if other is not result:
            yield (
                f"{result.path}: the same session as {other.path} "
                f"({len(result.answers)} and {len(other.answers)} answers); leave out "
                "the one with fewer"
            )
            continue
        other = raters.setdefault(result.rater, result)
        if other is not result:
            yield (
                f"{result.path}: rater {result.rater!r} is also in {other.path}; if "
                "these are two people, change one name in its file, else leave one out"
            )
