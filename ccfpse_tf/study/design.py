"""The design of a study: its pairs, repeats and attention checks.

Order and sides are chosen at random by the page of every rater.
"""

import dataclasses
import hashlib
import math
from pathlib import Path

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.study.defaults import DEFAULT_PAIRS, QUESTION
from ccfpse_tf.study.matching import Matched, Pair

_REPEATS = 10  # one repeat in so many pairs, unless the user says
_CHECKS = 20


@dataclasses.dataclass(frozen=True)
class Options:
    """The numbers and the question of a study.

    Args:
        pairs: their number; None takes all, at most 500.
        per_rater: pairs that each rater answers, chosen anew for each; None for all.
        repeats: pairs that a rater sees twice; None: one in ten.
        checks: images next to a spoilt copy; None: one in twenty pairs.
        question: of the page.
        min_seconds: the time before a pair can be answered.
        seed: of the choice of pairs and checks.
    """

    pairs: int | None = None
    per_rater: int | None = None
    repeats: int | None = None
    checks: int | None = None
    question: str = QUESTION
    min_seconds: float = 0.0
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Check:
    """An attention check: the image of one side of a pair, next to a spoilt copy."""

    pair: Pair
    side: str  # "a" or "b"

    @property
    def image(self) -> Path:
        """The image that is spoilt."""
        return getattr(self.pair, self.side)


@dataclasses.dataclass(frozen=True)
class Design:
    """All that raters may be asked; ``options`` holds numbers where None was."""

    pairs: tuple[Pair, ...]
    checks: tuple[Check, ...]
    options: Options


def draw(matched: Matched, options: Options) -> Design:
    """Chooses pairs and attention checks at random; the same seed gives the same ones.

    Checks use layouts that are not among the pairs, as long as there are any.

    Raises:
        InputError: more pairs than there are, or numbers that do not fit together.
    """
    options = _resolve(options, len(matched.pairs))
    rng = np.random.default_rng(options.seed)
    order = [matched.pairs[i] for i in rng.permutation(len(matched.pairs))]
    pairs = order[: options.pairs]
    spare = order[options.pairs :] + pairs[::-1]
    sides = rng.permutation([*"ab"] * (len(spare) // 2 + 1))
    checks = [
        Check(pair, str(side))
        for pair, side in zip(spare[: options.checks], sides, strict=False)
    ]
    return Design(tuple(pairs), tuple(checks), options)


def fingerprint(design: Design, colors: object) -> str:
    """Returns a digest of everything that the page shows, files included.

    Names of pictures and the study's id derive from it, so that results of another
    build are recognised, and the page alone does not tell the methods of its images.
    """
    options = dataclasses.asdict(design.options)
    total = hashlib.sha256(repr((options, colors)).encode())
    for pair in (*design.pairs, *(check.pair for check in design.checks)):
        total.update(pair.key.encode())
        for path in (pair.a, pair.b, pair.label):
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def derive(secret: str, *parts: str) -> str:
    """Returns a short name that only the secret's owner can compute."""
    return hashlib.sha256("\n".join((secret, *parts)).encode()).hexdigest()[:16]


def _resolve(options: Options, available: int) -> Options:
    pairs = options.pairs
    if pairs is None:
        pairs = min(DEFAULT_PAIRS, available)
    _within("--pairs", pairs, 1, available, "layouts in all three folders")
    per_rater = pairs if options.per_rater is None else options.per_rater
    _within("--per-rater", per_rater, 1, pairs, "pairs of the study")
    repeats, checks = options.repeats, options.checks
    if repeats is None:
        repeats = min(per_rater // 2, math.ceil(per_rater / _REPEATS))
    if checks is None:
        checks = math.ceil(per_rater / _CHECKS)
    _within("--repeats", repeats, 0, per_rater // 2, "half of a rater's pairs")
    _within("--checks", checks, 0, available, "layouts in all three folders")
    if not 0 <= options.min_seconds <= 60:
        raise InputError(f"--min-seconds {options.min_seconds}: allowed 0..60")
    if not options.question.strip():
        raise InputError("--question is empty; leave it out for the usual one")
    return dataclasses.replace(
        options, pairs=pairs, per_rater=per_rater, repeats=repeats, checks=checks
    )


def _within(option, value, least, most, what):
    if not least <= value <= most:
        raise InputError(f"{option} {value}: allowed {least}..{most}, the {what}")
