"""The statistics of a two-way choice, computed by SciPy and krippendorff."""

import importlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from ccfpse_tf.errors import InputError


def wilson(successes: int, count: int) -> tuple[float, float] | None:
    """Returns Wilson's 95 % interval of a share; None without observations.

    Source: E. B. Wilson, Journal of the American Statistical Association, 1927.
    """
    if count == 0:
        return None
    result = _load("scipy.stats").binomtest(successes, count)
    low, high = result.proportion_ci(0.95, method="wilson")
    return float(low), float(high)


def binomial_test(successes: int, count: int) -> float | None:
    """Returns the exact two-sided p value of an even chance; None without data."""
    if count == 0:
        return None
    return float(_load("scipy.stats").binomtest(successes, count).pvalue)


def clustered_interval(
    chosen: Sequence[int], counts: Sequence[int], seed: int, draws: int = 10_000
) -> tuple[float, float] | None:
    """Returns a 95 % percentile interval of the pooled share, from resampled raters.

    The answers of one rater are alike; resampling whole raters with replacement takes
    account of that.

    Args:
        chosen: for each rater, the number of answers that chose A.
        counts: for each rater, the number of answers.
        seed: of the draws.
        draws: number of samples of raters.

    Returns:
        None for fewer than two raters with answers.
    """
    chosen, counts = np.asarray(chosen, float), np.asarray(counts, float)
    chosen, counts = chosen[counts > 0], counts[counts > 0]
    if len(counts) < 2:
        return None
    result = _load("scipy.stats").bootstrap(
        (chosen, counts),
        _pooled_share,
        n_resamples=draws,
        paired=True,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    low, high = result.confidence_interval
    return float(low), float(high)


def krippendorff_alpha(units: Iterable[Sequence]) -> float | None:
    """Returns Krippendorff's alpha of nominal values: 1 agreement, 0 chance.

    Units may have any number of values; those with fewer than two do not count.

    Args:
        units: the values that each unit (here: pair of images) was given.

    Returns:
        None where it is not defined: no unit with two values, or one value only.

    Source: K. Krippendorff, Content Analysis, chapter on reliability.
    """
    counted = [Counter(values) for values in units if len(values) > 1]
    domain = sorted(set().union(*counted))
    if len(domain) < 2:
        return None
    value_counts = [[counter[value] for value in domain] for counter in counted]
    alpha = _load("krippendorff").alpha
    return float(alpha(value_counts=value_counts, level_of_measurement="nominal"))


def pairwise_agreement(units: Iterable[Sequence]) -> float | None:
    """Returns the share of equal values among all pairs of values of a unit."""
    equal = pairs = 0
    for values in units:
        pairs += math.comb(len(values), 2)
        equal += sum(math.comb(n, 2) for n in Counter(values).values())
    return equal / pairs if pairs else None


def _load(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"scoring a study needs {error.name}: pip install 'ccfpse-tf[study]'"
        ) from error


def _pooled_share(chosen, counts, axis):
    return chosen.sum(axis) / counts.sum(axis)
