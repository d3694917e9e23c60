"""``ccfpse study score``: the preferred method, with the uncertainty of that result."""

import dataclasses
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from ccfpse_tf.errors import InputError
from ccfpse_tf.study.defaults import PASS_SHARE
from ccfpse_tf.study.results import Answer, Key, Result, find_key, read_key
from ccfpse_tf.study.results import read_results as read_all
from ccfpse_tf.study.statistics import (
    binomial_test,
    clustered_interval,
    krippendorff_alpha,
    pairwise_agreement,
    wilson,
)

FEW_RATERS = 10  # below it the interval over raters is too narrow


@dataclasses.dataclass(frozen=True)
class RaterScore:
    """One rater's table row; counts are (how many, of how many).

    Args:
        rater: the name.
        answers: given, of those planned, repeats and checks included.
        prefers_a: of the pairs, at first sight.
        chose_left: of pairs and repeats.
        consistent: repeats that got the answer of the first time.
        passed: attention checks.
        median_seconds: per answer.
        attentive: whether enough checks were passed.
    """

    rater: str
    answers: tuple[int, int]
    prefers_a: tuple[int, int]
    chose_left: tuple[int, int]
    consistent: tuple[int, int]
    passed: tuple[int, int]
    median_seconds: float | None
    attentive: bool


@dataclasses.dataclass(frozen=True)
class GroupScore:
    """The outcome of a group of raters. Intervals hold 95 %.

    Args:
        raters: their number.
        prefers_a: how often A was preferred, of how many answers.
        share: the same as a number.
        wilson: interval of the share, answers taken as independent.
        clustered: interval over resampled raters; None for fewer than two.
        p_value: of an even chance, two-sided, answers taken as independent.
        alpha: Krippendorff's alpha; None where no pair has two answers.
        agreement: share of equal answers among all two answers to one pair.
        shared_pairs: pairs with two answers or more.
    """

    raters: int
    prefers_a: tuple[int, int]
    share: float | None
    wilson: tuple[float, float] | None
    clustered: tuple[float, float] | None
    p_value: float | None
    alpha: float | None
    agreement: float | None
    shared_pairs: int


@dataclasses.dataclass(frozen=True)
class Score:
    """The outcome of a study: of all raters, and of those who paid attention."""

    study: str
    question: str
    a: str
    b: str
    pass_share: float
    seed: int
    attentive: GroupScore
    everyone: GroupScore
    raters: tuple[RaterScore, ...]
    notes: tuple[str, ...]


def score(
    paths: Sequence[Path],
    key_path: Path | None = None,
    pass_share: float = PASS_SHARE,
    seed: int = 0,
) -> Score:
    """Scores the files of answers of one study.

    Args:
        paths: files, or folders of them.
        key_path: the key; default: next to the files, or one folder up.
        pass_share: raters who pass less than this share of their attention checks are
            left out of ``attentive``. Raters who have answered none stay in.
        seed: of the interval over raters.

    Raises:
        InputError: no key, or a share outside of 0..1.
        DataErrors: files that are damaged, of another study, or duplicates.
    """
    if not 0 <= pass_share <= 1:
        raise InputError(f"--pass-checks {pass_share}: allowed 0..1")
    key = read_key(key_path or find_key(paths))
    results = read_all(paths, key)
    rows = tuple(_row(result, key, pass_share) for result in results)
    kept = [x for x, row in zip(results, rows, strict=True) if row.attentive]
    return Score(
        study=key.study,
        question=key.options["question"],
        a=key.a,
        b=key.b,
        pass_share=pass_share,
        seed=seed,
        attentive=_summary(kept, seed),
        everyone=_summary(results, seed),
        raters=rows,
        notes=tuple(_notes(rows)),
    )


def _first(result: Result) -> Iterable[Answer]:
    """Answers to pairs that were seen for the first time."""
    return (x for x in result.answers if x.value in ("a", "b") and not x.repeat)


def _row(result: Result, key: Key, pass_share):
    first = {answer.trial: answer for answer in _first(result)}
    again = [answer for answer in result.answers if answer.repeat]
    checks = [answer for answer in result.answers if answer.trial in key.checks]
    choices = [*first.values(), *again]
    passed = sum(answer.value == "image" for answer in checks)
    seconds = [answer.seconds for answer in result.answers]
    return RaterScore(
        rater=result.rater,
        answers=(len(result.answers), key.planned),
        prefers_a=(sum(x.value == "a" for x in first.values()), len(first)),
        chose_left=(sum(x.side == "left" for x in choices), len(choices)),
        consistent=(sum(x.value == first[x.trial].value for x in again), len(again)),
        passed=(passed, len(checks)),
        median_seconds=statistics.median(seconds) if seconds else None,
        attentive=passed >= pass_share * len(checks),
    )


def _summary(results: Sequence[Result], seed):
    units, chosen, counts = {}, [], []
    for result in results:
        values = {answer.trial: answer.value for answer in _first(result)}
        for trial, value in values.items():
            units.setdefault(trial, []).append(value)
        chosen.append(sum(value == "a" for value in values.values()))
        counts.append(len(values))
    times, total = sum(chosen), sum(counts)
    return GroupScore(
        raters=len(results),
        prefers_a=(times, total),
        share=times / total if total else None,
        wilson=wilson(times, total),
        clustered=clustered_interval(chosen, counts, seed),
        p_value=binomial_test(times, total),
        alpha=krippendorff_alpha(units.values()),
        agreement=pairwise_agreement(units.values()),
        shared_pairs=sum(len(values) > 1 for values in units.values()),
    )


def _notes(rows):
    for row in rows:
        given, planned = row.answers
        if given < planned:
            yield (
                f"{row.rater} has answered {given} of {planned}; these answers count"
            )
        if not row.passed[1]:
            yield f"{row.rater} has not answered an attention check, and is kept"
    kept = sum(row.attentive for row in rows)
    if kept == 0:
        yield "nobody has passed enough attention checks: there is no result"
    elif kept < FEW_RATERS:
        yield (
            f"{kept} rater{'s' * (kept != 1)}: the interval over raters needs "
            f"{FEW_RATERS} or more to be reliable"
        )
