"""The kernel distance of two sets of features, which KID is with Inception's."""

from dataclasses import dataclass

import numpy as np

from ccfpse_tf.errors import InputError


@dataclass(frozen=True)
class KernelDistance:
    """An estimate and what it was taken from.

    ``deviation`` is the standard deviation over the subsets; None if there was one.
    """

    mean: float
    deviation: float | None
    subsets: int
    subset_size: int


def kernel_distance(
    first: np.ndarray,
    second: np.ndarray,
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 0,
) -> KernelDistance:
    """The mean of :func:`mmd` over random subsets (Binkowski et al. 2018).

    Args:
        first: ``(images, dimensions)``.
        second: ``(images, dimensions)``; the counts may differ.
        subsets: how many, drawn without replacement each.
        subset_size: images in each; all of the smaller set if it has fewer. If that is
            all of both sets, they are compared once: every subset would be the same.
        seed: of the subsets.

    Raises:
        InputError: for fewer than two images, dimensions that differ, or values that
            are not finite.
        ValueError: for a count of subsets below 1, or a size below 2.
    """
    first, second = _checked(first, second)
    if subsets < 1 or subset_size < 2:
        raise ValueError(
            f"subsets={subsets}, subset_size={subset_size}: at least 1 and 2 are needed"
        )
    size = min(subset_size, len(first), len(second))
    if size == len(first) == len(second):
        return KernelDistance(mmd(first, second), None, 1, size)
    rng = np.random.default_rng(seed)
    values = [
        mmd(*(x[rng.choice(len(x), size, replace=False)] for x in (first, second)))
        for _ in range(subsets)
    ]
    deviation = float(np.std(values)) if subsets > 1 else None
    return KernelDistance(float(np.mean(values)), deviation, subsets, size)


def mmd(first: np.ndarray, second: np.ndarray) -> float:
    """The unbiased squared maximum mean discrepancy (Gretton et al. 2012, eq. 3).

    With the kernel ``(x.y / dimensions + 1)^3``: its mean over pairs within each set,
    without an image and itself, less twice its mean over pairs across. It may be
    negative where the sets are alike.
    """
    first, second = _checked(first, second)
    across = _kernel(first, second).mean()
    return float(_mean_within(first) + _mean_within(second) - 2 * across)


def _mean_within(x):
    kernel = _kernel(x, x)
    return (kernel.sum() - np.trace(kernel)) / (len(x) * (len(x) - 1))


def _kernel(x, y):
    return (x @ y.T / x.shape[1] + 1) ** 3


def _checked(*sets):
    sets = [np.asarray(x, np.float64) for x in sets]
    for which, x in zip(("first", "second"), sets, strict=True):
        if x.ndim != 2 or len(x) < 2:
            raise InputError(
                f"the {which} set of features has the shape {x.shape}; 2 images or "
                "more are needed, (images, dimensions)"
            )
        if not np.isfinite(x).all():
            raise InputError(f"the {which} set holds features that are not finite")
    if sets[0].shape[1] != sets[1].shape[1]:
        raise InputError(
            f"features of {sets[0].shape[1]} and of {sets[1].shape[1]} dimensions have "
            "no distance: both must come from the same network"
        )
    return sets
