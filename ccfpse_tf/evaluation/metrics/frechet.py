"""The Frechet distance of two Gaussians, which FID is with Inception's features."""

import numpy as np

from ccfpse_tf.errors import InputError

# Beyond what rounding to float32 does to a covariance's smallest eigenvalues.
NEGATIVE = 1e-5


def frechet_distance(
    mean: np.ndarray,
    covariance: np.ndarray,
    other_mean: np.ndarray,
    other_covariance: np.ndarray,
) -> float:
    """``|m - n|^2 + tr(C) + tr(D) - 2 tr (C D)^(1/2)`` (Heusel et al. 2017, eq. 6).

    With ``C = A A^T`` and ``D = B B^T`` from the eigendecompositions of these symmetric
    matrices, the last trace is the sum of the singular values of ``A^T B``: real and
    never negative, and not worse for singular covariances, where the square root of
    ``C D`` itself is ill-defined (fewer images than dimensions).

    Args:
        mean, other_mean: ``(dimensions,)``.
        covariance, other_covariance: ``(dimensions, dimensions)``.

    Returns:
        The distance (a squared one, as is usual), at least 0.

    Raises:
        InputError: for shapes that do not fit, values that are not finite, or matrices
            that are not covariances.
    """
    mean, covariance = _checked(mean, covariance, "first")
    other_mean, other_covariance = _checked(other_mean, other_covariance, "second")
    if mean.shape != other_mean.shape:
        raise InputError(
            f"features of {len(mean)} and of {len(other_mean)} dimensions have no "
            "distance: both must come from the same network"
        )
    difference = mean - other_mean
    overlap = _root(covariance, "first").T @ _root(other_covariance, "second")
    shared = np.linalg.svd(overlap, compute_uv=False).sum() if overlap.size else 0.0
    spread = np.trace(covariance) + np.trace(other_covariance)
    return max(0.0, float(difference @ difference + spread - 2 * shared))


def _checked(mean, covariance, which):
    mean = np.asarray(mean, np.float64)
    covariance = np.asarray(covariance, np.float64)
    if mean.ndim != 1 or covariance.shape != 2 * mean.shape:
        raise InputError(
            f"the {which} mean and covariance have the shapes {mean.shape} and "
            f"{covariance.shape}, not (d,) and (d, d)"
        )
    for name, values in (("mean", mean), ("covariance", covariance)):
        if not np.isfinite(values).all():
            raise InputError(f"the {which} {name} holds values that are not finite")
    largest = np.abs(covariance).max(initial=0)
    if np.abs(covariance - covariance.T).max(initial=0) > 1e-6 * largest:
        raise InputError(f"the {which} covariance is not symmetric")
    return mean, (covariance + covariance.T) / 2


def _root(covariance, which):
    """``(dimensions, rank)``: A of ``C = A A^T``, without what is only rounding."""
    values, vectors = np.linalg.eigh(covariance)
    largest = np.abs(values).max(initial=0)
    if values.min(initial=0) < -NEGATIVE * largest:
        raise InputError(
            f"the {which} covariance has the eigenvalue {values.min():.3g} beside "
            f"{values.max():.3g}: it is not a covariance"
        )
    kept = values > len(values) * np.finfo(np.float64).eps * largest
    return vectors[:, kept] * np.sqrt(values[kept])
