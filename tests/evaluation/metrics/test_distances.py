"""Moments, Frechet and kernel distance against NumPy, SciPy and known values."""

import math

import numpy as np
import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.metrics.frechet import frechet_distance
from ccfpse_tf.evaluation.metrics.kernel_distance import kernel_distance, mmd
from ccfpse_tf.evaluation.metrics.moments import Moments


def draw(count, dimensions, seed=0):
    """Correlated features, further from 0 than Inception's."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((dimensions, dimensions)) / np.sqrt(dimensions)
    return rng.standard_normal((count, dimensions)) @ mixing + rng.random(dimensions)


def moments_of(features, *cuts):
    result = Moments(features.shape[1])
    for batch in np.split(features, cuts):
        result.update(batch)
    return result


def same(moments, features, tolerance=1e-12):
    np.testing.assert_allclose(moments.mean(), features.mean(0), rtol=tolerance)
    expected = np.cov(features, rowvar=False)
    error = tolerance * np.abs(expected).max()
    np.testing.assert_allclose(moments.covariance(), expected, atol=error, rtol=0)


def test_moments_in_batches_shards_and_after_an_interruption():
    features = draw(101, 7)
    assert moments_of(features).count == 101
    same(moments_of(features), features)
    same(moments_of(features, 1, 1, 40, 77), features)  # a single one, an empty batch
    shards = [moments_of(part, 5) for part in np.split(features, [30, 31])]
    shards = [Moments.from_state(shard.state()) for shard in shards]
    merged = Moments(7)
    for i in (2, 0, 1):
        merged.merge(shards[i])
    same(merged, features)
    merged.merge(Moments(7))  # a shard without images
    same(merged, features)


def test_moments_far_from_zero():
    """A sum of squares would lose all 16 digits: 1e18 + 1."""
    features = draw(200, 3) + 1e9
    same(moments_of(features, *range(10, 200, 10)), features, 1e-6)


def test_float32_features_are_summed_in_float64():
    features = np.float32(draw(5000, 4) + 100)
    same(moments_of(features, *range(50, 5000, 50)), features.astype(np.float64))


def test_moments_of_too_little():
    moments = Moments(2)
    with pytest.raises(InputError, match="no image was seen"):
        moments.mean()
    moments.update([[1, 2]])
    assert moments.mean().tolist() == [1, 2]
    with pytest.raises(InputError, match="needs 2 images or more, not 1"):
        moments.covariance()


def test_wrong_features_are_named_and_not_counted():
    moments = moments_of(draw(5, 3))
    broken = draw(4, 3)
    broken[2, 1] = math.nan
    with pytest.raises(InputError, match="feature 1 of image 2 of a batch is nan"):
        moments.update(broken)
    with pytest.raises(InputError, match=r"shape \(4, 2\), not \(batch, 3\)"):
        moments.update(broken[:, :2])
    with pytest.raises(ValueError, match="2 dimensions into 3"):
        moments.merge(Moments(2))
    assert moments.count == 5
    state = moments.state()
    for broken, message in (
        (state | {"scatter": np.eye(2)}, r"shape \(2, 2\), not \(3, 3\)"),
        (state | {"mean": np.full(3, math.inf)}, "not finite moments"),
        (state | {"count": np.int64(-1)}, "not finite moments"),
    ):
        with pytest.raises(InputError, match=message):
            Moments.from_state(broken)


def gaussian(features):
    moments = moments_of(features)
    return moments.mean(), moments.covariance()


def test_frechet_by_hand():
    # Independent dimensions: means 3 and 0, deviations 2 and 1, 3 and 4.
    found = frechet_distance([0, 3], np.diag([4, 9]), [0, 0], np.diag([1, 16]))
    assert found == pytest.approx(9 + 1 + 1, rel=1e-14)
    assert frechet_distance([2.0], [[0.0]], [5.0], [[4.0]]) == 9 + 4
    assert frechet_distance([2.0], [[0.0]], [5.0], [[0.0]]) == 9  # nothing varies


@pytest.mark.parametrize("dimensions", [1, 8, 200])
def test_frechet_agrees_with_the_matrix_square_root(dimensions):
    linalg = pytest.importorskip("scipy.linalg")
    a = gaussian(draw(3 * dimensions + 5, dimensions, 1))
    b = gaussian(1.3 * draw(4 * dimensions + 5, dimensions, 2))
    root = np.real(linalg.sqrtm(a[1] @ b[1]))
    expected = np.sum((a[0] - b[0]) ** 2) + np.trace(a[1] + b[1] - 2 * root)
    assert frechet_distance(*a, *b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(*b, *a) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(*a, *a) < 1e-12 * np.trace(a[1])


def test_frechet_of_few_images():
    """Five dimensions, rotated into a hundred, must give the same distance."""
    first, second = draw(40, 5, 3), draw(30, 5, 4)
    turn = np.linalg.qr(np.random.default_rng(5).standard_normal((100, 100)))[0][:5]
    expected = frechet_distance(*gaussian(first), *gaussian(second))
    found = frechet_distance(*gaussian(first @ turn), *gaussian(second @ turn))
    assert found == pytest.approx(expected, rel=1e-9)
    few = draw(10, 100, 6)  # fewer than dimensions: a singular covariance
    assert frechet_distance(*gaussian(few), *gaussian(few)) < 1e-9
    moved = frechet_distance(*gaussian(few), *gaussian(few + 0.1))
    assert moved == pytest.approx(100 * 0.1**2, rel=1e-9)


def test_frechet_of_statistics_kept_in_float32():
    a, b = (
        tuple(x.astype(np.float32) for x in gaussian(draw(60, 40, seed)))
        for seed in (1, 2)
    )
    exact = frechet_distance(*gaussian(draw(60, 40, 1)), *gaussian(draw(60, 40, 2)))
    assert frechet_distance(*a, *b) == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (0, [math.nan, 0], "the first mean holds values that are not finite"),
        (1, [[math.inf, 0], [0, 1]], "first covariance holds values"),
        (2, [0, 0, 0], r"the second mean and covariance have the shapes \(3,\)"),
        (3, [[1, 0.5], [0.4, 1]], "the second covariance is not symmetric"),
        (3, [[1, 0], [0, -1]], "the eigenvalue -1 beside 1: it is not a covariance"),
    ],
)
def test_wrong_gaussians_are_named(place, value, message):
    arguments = [[0, 0], np.eye(2), [0, 0], np.eye(2)]
    arguments[place] = value
    with pytest.raises(InputError, match=message):
        frechet_distance(*arguments)


def test_gaussians_of_other_networks():
    with pytest.raises(InputError, match="of 2 and of 3 dimensions"):
        frechet_distance([0, 0], np.eye(2), [0, 0, 0], np.eye(3))


def double_loop(first, second):
    """The estimator as it is written down."""

    def kernel(x, y):
        return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3

    def within(x):
        n = len(x)
        pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
        return sum(kernel(x[i], x[j]) for i, j in pairs) / len(pairs)

    across = [kernel(x, y) for x in first for y in second]
    return within(first) + within(second) - 2 * sum(across) / len(across)


def test_mmd_agrees_with_a_double_loop():
    first, second = draw(9, 6, 1), draw(13, 6, 2)
    expected = double_loop(first, second)
    assert mmd(first, second) == pytest.approx(expected, rel=1e-10)
    whole = kernel_distance(first[:9], second[:9], subset_size=50)
    assert whole.mean == pytest.approx(double_loop(first, second[:9]), rel=1e-10)
    assert (whole.deviation, whole.subsets, whole.subset_size) == (None, 1, 9)


def test_mmd_is_unbiased():
    """The distance of two halves of one distribution is 0 on average."""
    halves = [
        np.split(draw(60, 4, 1)[np.random.default_rng(i).permutation(60)], 2)
        for i in range(300)
    ]
    values = [mmd(*half) for half in halves]
    assert abs(np.mean(values)) < 3 * np.std(values) / math.sqrt(300)
    assert min(values) < 0 < max(values)


def test_subsets_are_seeded_and_estimate_the_whole():
    first, second = draw(80, 5, 1), draw(120, 5, 2)
    found = kernel_distance(first, second, subsets=200, subset_size=30, seed=4)
    assert found == kernel_distance(first, second, 200, 30, 4)
    assert found != kernel_distance(first, second, 200, 30, 5)
    assert (found.subsets, found.subset_size) == (200, 30)
    error = 4 * found.deviation / math.sqrt(200)
    assert abs(found.mean - mmd(first, second)) < error < mmd(first, second)


def test_wrong_sets_are_named():
    good = draw(5, 3)
    with pytest.raises(InputError, match=r"the second set .*\(1, 3\); 2 images"):
        kernel_distance(good, good[:1])
    with pytest.raises(InputError, match="of 3 and of 2 dimensions"):
        kernel_distance(good, good[:, :2])
    with pytest.raises(InputError, match="the first set holds features that are not"):
        mmd(good * math.nan, good)
    with pytest.raises(ValueError, match="subset_size=1"):
        kernel_distance(good, good, subset_size=1)
