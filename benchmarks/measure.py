"""Interleaved timing, and ratios that are formed pair by pair.

A machine that others use too is slow for seconds at a time. So the sides of a
comparison take turns (A B C A B C ...), each round gives one ratio, and the median of
the rounds is the figure. Times of different runs are never compared.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ccfpse_tf.errors import InputError

MINIMUM_ROUNDS = 5
HIGHER, LOWER = "higher", "lower"


@dataclass(frozen=True)
class Ratio:
    """One figure of a benchmark.

    Args:
        name: the two sides of the ratio.
        value: the median of the rounds.
        low, high: the smallest and largest round; both `value` where there was one.
        better: `"higher"` or `"lower"`.
        target: the value to reach, None without one.
    """

    name: str
    value: float
    low: float
    high: float
    better: str
    target: float | None = None

    @property
    def reached(self) -> bool | None:
        """Returns whether the target is met; None without a target."""
        if self.target is None:
            return None
        if self.better == HIGHER:
            return self.value >= self.target
        return self.value <= self.target


def ratio(
    name: str, values: Sequence[float], better: str, target: float | None = None
) -> Ratio:
    """Summarises the rounds of a figure.

    Args:
        values: the figure in every round, at least one.

    Raises:
        ValueError: for a word other than higher and lower.
    """
    if better not in (HIGHER, LOWER):
        raise ValueError(f"{name}: better={better!r}; allowed: {HIGHER}, {LOWER}")
    middle = statistics.median(values)
    return Ratio(name, middle, min(values), max(values), better, target)


@dataclass(frozen=True)
class Timings:
    """Seconds of every side in every round; all sides have the same rounds."""

    seconds: Mapping[str, tuple[float, ...]]

    def median(self, side: str) -> float:
        """Seconds of a side."""
        return statistics.median(self.seconds[side])

    def medians(self) -> dict[str, float]:
        """Seconds of every side."""
        return {side: self.median(side) for side in self.seconds}

    def quotients(
        self, numerator: str, denominator: str, factor: float = 1.0
    ) -> list[float]:
        """`factor * numerator / denominator` of each round."""
        pairs = zip(self.seconds[numerator], self.seconds[denominator], strict=True)
        return [factor * above / below for above, below in pairs]


def check_rounds(rounds: int) -> None:
    """Refuses too few rounds.

    Raises:
        InputError: for a number that would make a median of noise.
    """
    if rounds < MINIMUM_ROUNDS:
        raise InputError(
            f"{rounds} rounds; at least {MINIMUM_ROUNDS} are needed for a median"
        )


def interleaved(
    sides: Mapping[str, Callable[[], Any]],
    rounds: int,
    warm_up: int = 2,
    turn: float = 0.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Timings:
    """Lets the sides take turns and times each turn.

    A turn includes freeing its result, as returning memory is part of its cost.

    Args:
        sides: the functions to call, by name.
        rounds: rounds that count, at least 5.
        warm_up: rounds before those, in which functions are traced and compiled.
        turn: seconds that a turn lasts at least: quick sides are called several times
            in a row, equally often in every round, and their mean counts.
        clock: gives seconds.

    Returns:
        Seconds of one call.

    Raises:
        InputError: for too few rounds.
    """

    def timed(side, count):
        start = clock()
        for _ in range(count):
            sides[side]()
        return (clock() - start) / count

    check_rounds(rounds)
    for _ in range(warm_up):
        for call in sides.values():
            call()
    counts = dict.fromkeys(sides, 1)
    if turn:
        counts = {side: math.ceil(turn / timed(side, 1)) for side in sides}
    seconds = {side: [] for side in sides}
    gc.collect()
    gc.disable()  # a collection would hit one side's turn
    try:
        for _ in range(rounds):
            for side, count in counts.items():
                seconds[side].append(timed(side, count))
    finally:
        gc.enable()
    return Timings({side: tuple(values) for side, values in seconds.items()})
