"""A bounded sample of features that no order and no sharding changes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.metrics.moments import check_features
from ccfpse_tf.files.arrays import State, take


class Reservoir:
    """Keeps the features of the ``size`` images whose keys hash lowest.

    Which images these are depends on their keys and the seed alone: a uniform sample
    (keys say nothing about hashes), the same one in any order, from any shards, and
    after any interruption. Both sets of a comparison use the same seed, so equal keys
    are sampled alike.

    Args:
        dimensions: of a feature vector.
        size: images kept at most; each takes ``4 * dimensions`` bytes.
        seed: of the sample.
    """

    def __init__(self, dimensions: int, size: int = 5000, seed: int = 0) -> None:
        if dimensions < 1 or size < 1:
            raise ValueError(
                f"dimensions={dimensions}, size={size}: at least 1 is needed"
            )
        self.dimensions = dimensions
        self.size = size
        self.seed = seed
        self._priorities = np.zeros(0, np.uint64)
        self._features = np.zeros((0, dimensions), np.float32)

    def update(self, keys: Sequence[str], features: np.ndarray) -> None:
        """Adds ``(batch, dimensions)`` features of the images named by ``keys``.

        Raises:
            InputError: for another width, values that are not finite, another number
                of keys, or a key that is among those kept already.
        """
        features = check_features(features, self.dimensions)
        if len(keys) != len(features):
            raise InputError(f"{len(keys)} keys for {len(features)} features")
        priorities = np.array([self._priority(key) for key in keys], np.uint64)
        twice = np.isin(priorities, self._priorities)
        if twice.any():
            raise InputError(f"image {keys[int(np.argmax(twice))]!r} is there twice")
        self._add(priorities, features.astype(np.float32))

    def merge(self, other: Reservoir) -> None:
        """Adds the sample of another shard.

        Raises:
            ValueError: if it was drawn in another way.
            InputError: if both hold the same image.
        """
        mine, theirs = ((r.dimensions, r.size, r.seed) for r in (self, other))
        if mine != theirs:
            raise ValueError(
                f"cannot merge samples of (dimensions, size, seed) {theirs} into {mine}"
            )
        self._add(other._priorities, other._features)

    def _priority(self, key):
        content = f"{self.seed}/{key}".encode()
        return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")

    def _add(self, priorities, features):
        if len(self._priorities) == self.size:
            low = priorities <= self._priorities[-1]
            priorities, features = priorities[low], features[low]
        if not len(priorities):
            return
        priorities = np.concatenate([self._priorities, priorities])
        order = np.argsort(priorities)
        priorities = priorities[order]
        if (priorities[1:] == priorities[:-1]).any():
            raise InputError("an image is there twice: its key occurs again")
        self._priorities = priorities[: self.size]
        self._features = np.concatenate([self._features, features])[order[: self.size]]

    def features(self) -> np.ndarray:
        """The sample, float32 ``(at most size, dimensions)``, in the hashes' order."""
        return self._features.copy()

    def state(self) -> State:
        """The sample and how it is drawn, as arrays."""
        return {
            "size": np.int64(self.size),
            "seed": np.int64(self.seed),
            "priorities": self._priorities.copy(),
            "features": self._features.copy(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> Reservoir:
        """Restores the sample from the arrays of :meth:`state`.

        Raises:
            InputError: for arrays that are not such a state.
        """
        kind = "sample of features"
        size, seed, features = take(
            state, kind, size=(), seed=(), features=(None, None)
        )
        (priorities,) = take(state, kind, priorities=(len(features),))
        rising = (priorities[1:] > priorities[:-1]).all()  # diff() would wrap around
        fits = priorities.dtype == np.uint64 and rising
        if not fits or len(features) > size or not np.isfinite(features).all():
            raise InputError(f"{kind}: the saved numbers are not a sample")
        self = cls(features.shape[1], int(size), int(seed))
        self._priorities = priorities
        self._features = features.astype(np.float32)
        return self
