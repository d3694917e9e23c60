"""The statistics of studies against numbers worked out by hand or published."""

import math
import sys
from fractions import Fraction

import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.study.statistics import (
    binomial_test,
    clustered_interval,
    krippendorff_alpha,
    pairwise_agreement,
    wilson,
)


def test_wilson_interval():
    # 8 of 10, z = 1.95996: centre (0.8 + 0.192073) / 1.384146,
    # half z * sqrt(0.016 + 0.0096036) / 1.384146.
    assert wilson(8, 10) == pytest.approx((0.490162, 0.943318), abs=1e-6)
    low, high = wilson(0, 5)  # high = z^2 / (5 + z^2)
    assert low == 0 and high == pytest.approx(3.841459 / 8.841459, abs=1e-6)
    assert wilson(3, 10)[0] == pytest.approx(1 - wilson(7, 10)[1])
    assert wilson(0, 0) is None


def test_binomial_test():
    assert binomial_test(9, 10) == binomial_test(1, 10) == 2 * 11 / 1024
    assert binomial_test(5, 10) == 1
    assert binomial_test(0, 0) is None


@pytest.mark.parametrize(("successes", "count"), [(550, 1000), (4000, 10_000)])
def test_binomial_test_of_many_answers(successes, count):
    fewer = min(successes, count - successes)
    exact = Fraction(2 * sum(math.comb(count, i) for i in range(fewer + 1)), 2**count)
    assert binomial_test(successes, count) == pytest.approx(float(exact), rel=1e-12)


def test_alpha_of_two_observers():
    # Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), part A.
    units = list(zip("0100000010", "1110010000", strict=True))
    assert krippendorff_alpha(units) == pytest.approx(0.095, abs=5e-4)
    assert pairwise_agreement(units) == 0.6


def test_alpha_with_missing_values():
    # The same text, part C: four observers, twelve units, nominal data.
    observers = [
        "123321412...",
        "1233224125.3",
        ".3332342251.",
        "12332441251.",
    ]
    units = [[v for v in column if v != "."] for column in zip(*observers, strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)


def test_alpha_where_it_says_nothing():
    assert krippendorff_alpha([["a"], ["b"]]) is None  # no unit with two values
    assert krippendorff_alpha([["a", "a"], ["a", "a"]]) is None  # no variation
    assert pairwise_agreement([["a"]]) is None
    # Two units, each split: coincidences all off the diagonal, n = 4 of 2 and 2:
    # 1 - 3 * (2 + 2) / (16 - 8).
    assert krippendorff_alpha(["ab", "ba"]) == -0.5


def test_interval_over_raters():
    # Of two raters who always say A and B the pooled share is 0, 0.5 or 1.
    assert clustered_interval([20, 0], [20, 20], seed=0) == (0, 1)
    # Raters who agree leave nothing to draw, however few their answers.
    assert clustered_interval([3, 6], [4, 8], seed=0) == (0.75, 0.75)
    assert clustered_interval([3, 0], [4, 0], seed=0) is None
    unequal = [5, 9, 2, 7], [10, 10, 10, 10]
    assert clustered_interval(*unequal, seed=1) == clustered_interval(*unequal, seed=1)


def test_raters_who_are_unlike_widen_the_interval():
    alike = clustered_interval([5] * 12, [10] * 12, seed=0)
    unlike = clustered_interval([0, 10] * 6, [10] * 12, seed=0)
    independent = wilson(60, 120)
    assert alike == (0.5, 0.5)
    assert unlike[0] < independent[0] and independent[1] < unlike[1]
    # Twelve raters of 0 or 1: the share's standard deviation is sqrt(0.25 / 12).
    spread = (unlike[1] - unlike[0]) / 2
    assert spread == pytest.approx(1.96 * math.sqrt(0.25 / 12), abs=0.04)


@pytest.mark.parametrize("missing", ["scipy", "krippendorff"])
def test_missing_packages_are_named(missing, monkeypatch):
    for name in (missing, f"{missing}.stats"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=rf"needs {missing}.*'ccfpse-tf\[study\]'"):
        wilson(1, 2)
        krippendorff_alpha(["ab"])
