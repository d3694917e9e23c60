"""The statistics of a two-way choice, in NumPy and whole numbers."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

Z = 1.959963984540054  # of the normal distribution: 95 % lie within


def wilson(successes: int, count: int) -> tuple[float, float] | None:
    """Returns Wilson's 95 % interval of a share; None without observations.

    Source: E. B. Wilson, Journal of the American Statistical Association, 1927.
    """
    if count == 0:
        return None
    share, z2 = successes / count, Z * Z
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    spread = math.sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    half = Z * spread / (1 + z2 / count)
    return max(0.0, centre - half), min(1.0, centre + half)


def binomial_test(successes: int, count: int) -> float | None:
    """Returns the exact two-sided p value of an even chance; None without data."""
    if count == 0:
        return None
    fewer = min(successes, count - successes)
    term, total = 1, 1  # of the binomial coefficients from 0 to `fewer`
    for index in range(fewer):
        term = term * (count - index) // (index + 1)
        total += term
    # Whole numbers, divided at the end: thousands of answers leave float's range.
    return min(1.0, 2 * total / 2**count) if count < 1000 else _ratio(2 * total, count)


def _ratio(total, power):
    shift = max(0, total.bit_length() - 64)
    return min(1.0, math.ldexp(float(total >> shift), shift - power))


def clustered_interval(
    chosen: Sequence[int], counts: Sequence[int], seed: int, draws: int = 10_000
) -> tuple[float, float] | None:
    """Returns a 95 % percentile interval of the pooled share, raters drawn anew.

    The answers of one rater are alike; drawing whole raters with replacement lets the
    interval know that.

    Args:
        chosen: for each rater, how often A was chosen.
        counts: of how many answers.
        seed: of the draws.
        draws: how many samples of raters.

    Returns:
        None for fewer than two raters with answers.
    """
    chosen, counts = np.asarray(chosen, float), np.asarray(counts, float)
    chosen, counts = chosen[counts > 0], counts[counts > 0]
    if len(counts) < 2:
        return None
    picked = np.random.default_rng(seed).integers(
        len(counts), size=(draws, len(counts))
    )
    shares = chosen[picked].sum(1) / counts[picked].sum(1)
    low, high = np.percentile(shares, (2.5, 97.5))
    return float(low), float(high)


def krippendorff_alpha(units: Iterable[Sequence]) -> float | None:
    """Returns Krippendorff's alpha of nominal values: 1 agreement, 0 chance.

    Units may have any number of values; those with fewer than two say nothing.

    Args:
        units: the values that each unit (here: pair of images) was given.

    Returns:
        None where it is not defined: no unit with two values, or one value only.

    Source: K. Krippendorff, Content Analysis, chapter on reliability; the coincidence
    of values c and k in a unit of m values counts 1 / (m - 1).
    """
    totals, disagreement = Counter(), 0.0
    for values in units:
        if len(values) < 2:
            continue
        here = Counter(values)
        totals.update(here)
        unlike = len(values) ** 2 - sum(n * n for n in here.values())
        disagreement += unlike / (len(values) - 1)
    count = sum(totals.values())
    expected = count**2 - sum(n * n for n in totals.values())
    if expected == 0:
        return None
    return 1 - (count - 1) * disagreement / expected


def pairwise_agreement(units: Iterable[Sequence]) -> float | None:
    """Returns the share of equal values among all pairs of values of a unit."""
    equal = pairs = 0
    for values in units:
        pairs += math.comb(len(values), 2)
        equal += sum(math.comb(n, 2) for n in Counter(values).values())
    return equal / pairs if pairs else None
