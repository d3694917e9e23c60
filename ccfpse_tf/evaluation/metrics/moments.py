"""Mean and covariance of features, batch by batch, in float64."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.arrays import State, take


class Moments:
    """Streaming mean and covariance; no features are kept.

    Kept are the count, the mean and the scatter ``sum (x - mean)(x - mean)^T``. Two
    parts become one by Chan, Golub and LeVeque (1979): the scatters add up, plus
    ``d d^T n m / (n + m)`` for the difference ``d`` of the means. No large squares are
    ever subtracted, so features far from 0 lose no digits.

    Args:
        dimensions: of a feature vector.
    """

    def __init__(self, dimensions: int) -> None:
        if dimensions < 1:
            raise ValueError(f"dimensions={dimensions}: at least 1 is needed")
        self.dimensions = dimensions
        self.count = 0
        self._mean = np.zeros(dimensions)
        self._scatter = np.zeros((dimensions, dimensions))

    def update(self, features: np.ndarray) -> None:
        """Adds ``(batch, dimensions)`` features; a batch may be empty.

        Raises:
            InputError: for another width, or values that are not finite.
        """
        features = check_features(features, self.dimensions)
        if len(features):
            mean = features.mean(0)
            centred = features - mean
            self._add(len(features), mean, centred.T @ centred)

    def merge(self, other: Moments) -> None:
        """Adds what another shard has seen."""
        if other.dimensions != self.dimensions:
            raise ValueError(
                f"cannot merge features of {other.dimensions} dimensions into "
                f"{self.dimensions}"
            )
        if other.count:
            self._add(other.count, other._mean, other._scatter)

    def _add(self, count, mean, scatter):
        total = self.count + count
        difference = mean - self._mean
        self._mean = self._mean + difference * (count / total)
        self._scatter += scatter
        if self.count:
            weight = self.count / total * count
            self._scatter += np.outer(difference, difference * weight)
        self.count = total

    def mean(self) -> np.ndarray:
        """float64 ``(dimensions,)``.

        Raises:
            InputError: if nothing was seen.
        """
        if not self.count:
            raise InputError("no image was seen: there is no mean feature")
        return self._mean.copy()

    def covariance(self) -> np.ndarray:
        """The unbiased estimate (over ``count - 1``), ``(dimensions, dimensions)``.

        Raises:
            InputError: if fewer than two images were seen.
        """
        if self.count < 2:
            raise InputError(
                f"a covariance of features needs 2 images or more, not {self.count}"
            )
        covariance = self._scatter / (self.count - 1)
        return (covariance + covariance.T) / 2  # outer products round unevenly

    def state(self) -> State:
        """All that was seen, as arrays."""
        return {
            "count": np.int64(self.count),
            "mean": self._mean.copy(),
            "scatter": self._scatter.copy(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> Moments:
        """Restores the moments from the arrays of :meth:`state`.

        Raises:
            InputError: for arrays that are not such a state.
        """
        kind = "moments"
        count, mean = take(state, kind, count=(), mean=(None,))
        (scatter,) = take(state, kind, scatter=(len(mean), len(mean)))
        whole = count.dtype.kind in "iu" and count >= 0
        if not (whole and np.isfinite(mean).all() and np.isfinite(scatter).all()):
            raise InputError(f"{kind}: the saved numbers are not finite moments")
        self = cls(len(mean))
        self.count = int(count)
        self._mean += mean
        self._scatter += scatter
        return self


def check_features(features: np.ndarray, dimensions: int) -> np.ndarray:
    """``(batch, dimensions)`` features in float64.

    Raises:
        InputError: for another shape, or values that are not finite.
    """
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or features.shape[1] != dimensions:
        raise InputError(
            f"features have the shape {features.shape}, not (batch, {dimensions})"
        )
    if not np.isfinite(features).all():
        row, column = np.argwhere(~np.isfinite(features))[0]
        raise InputError(
            f"feature {column} of image {row} of a batch is {features[row, column]}: "
            "the image or the feature network is at fault"
        )
    return features
