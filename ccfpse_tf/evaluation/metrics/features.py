"""Statistics of images for the Frechet and the kernel distance."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.metrics.frechet import frechet_distance
from ccfpse_tf.evaluation.metrics.kernel_distance import KernelDistance, kernel_distance
from ccfpse_tf.evaluation.metrics.moments import Moments
from ccfpse_tf.evaluation.metrics.reservoir import Reservoir
from ccfpse_tf.files.arrays import State, read_arrays, take, write_arrays

FORMAT = 1
Batches = Iterable[tuple[Sequence[str], np.ndarray]]


@dataclass(frozen=True)
class FeatureSummary:
    """The statistics of the features of a set of images.

    Attributes:
        mean: ``(dimensions,)``.
        covariance: ``(dimensions, dimensions)``.
        count: of images; None if a foreign file did not say.
        features: the sample, ``(at most its size, dimensions)``; None likewise.
        provenance: the facts that the numbers depend on; None likewise.
    """

    mean: np.ndarray
    covariance: np.ndarray
    count: int | None = None
    features: np.ndarray | None = None
    provenance: Mapping[str, Any] | None = None

    def frechet_distance(self, other: FeatureSummary) -> float:
        """See :func:`ccfpse_tf.evaluation.metrics.frechet.frechet_distance`."""
        return frechet_distance(
            self.mean, self.covariance, other.mean, other.covariance
        )

    def kernel_distance(self, other: FeatureSummary, **options) -> KernelDistance:
        """See :func:`ccfpse_tf.evaluation.metrics.kernel_distance.kernel_distance`.

        Raises:
            InputError: if either lacks a sample of features.
        """
        if self.features is None or other.features is None:
            raise InputError(
                "a kernel distance needs features, and statistics of another program "
                "hold their mean and covariance alone; make them from images instead"
            )
        return kernel_distance(self.features, other.features, **options)


class FeatureStatistics:
    """Moments and a sample of the features of a set of images.

    Args:
        dimensions: of a feature vector.
        sample: images whose features are kept for the kernel distance, at most.
        seed: of that sample.
    """

    def __init__(self, dimensions: int, sample: int = 5000, seed: int = 0) -> None:
        self.moments = Moments(dimensions)
        self.reservoir = Reservoir(dimensions, sample, seed)

    @property
    def count(self) -> int:
        """Images seen."""
        return self.moments.count

    def update(self, keys: Sequence[str], features: np.ndarray) -> None:
        """Adds ``(batch, dimensions)`` features of the images named by ``keys``.

        Raises:
            InputError: see :class:`Reservoir`; nothing is added then.
        """
        self.reservoir.update(keys, features)
        self.moments.update(features)

    def merge(self, other: FeatureStatistics) -> None:
        """Adds what another shard has seen."""
        self.reservoir.merge(other.reservoir)
        self.moments.merge(other.moments)

    def summary(self, provenance: Mapping[str, Any] | None = None) -> FeatureSummary:
        """Returns the statistics of all images so far.

        Raises:
            InputError: if there were fewer than two.
        """
        return FeatureSummary(
            self.moments.mean(),
            self.moments.covariance(),
            self.count,
            self.reservoir.features(),
            provenance,
        )

    def state(self) -> State:
        """All that was seen, as arrays."""
        parts = {"moments": self.moments, "reservoir": self.reservoir}
        return {
            f"{part}_{name}": value
            for part, accumulator in parts.items()
            for name, value in accumulator.state().items()
        }

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> FeatureStatistics:
        """Restores the statistics from the arrays of :meth:`state`.

        Raises:
            InputError: for arrays that are not such a state.
        """
        moments = Moments.from_state(_part(state, "moments_"))
        reservoir = Reservoir.from_state(_part(state, "reservoir_"))
        if reservoir.dimensions != moments.dimensions:
            raise InputError("the saved moments and sample have other dimensions")
        self = cls(moments.dimensions, reservoir.size, reservoir.seed)
        self.moments, self.reservoir = moments, reservoir
        return self


def _part(state, prefix):
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def collect(
    network: Callable[[np.ndarray], np.ndarray],
    batches: Batches,
    sample: int = 5000,
    seed: int = 0,
) -> FeatureStatistics:
    """Runs images through a feature network.

    Args:
        network: from `ccfpse_tf.evaluation.networks.inception` or `.feature_file`.
        batches: pairs of keys and uint8 RGB images ``(batch, height, width, 3)``;
            batches may differ in number and size of their images.
        sample, seed: see :class:`FeatureStatistics`.

    Raises:
        InputError: for images that are none, or if there are none.
    """
    statistics = None
    for keys, images in batches:
        features = network(images)
        if statistics is None:
            statistics = FeatureStatistics(features.shape[1], sample, seed)
        statistics.update(keys, features)
    if statistics is None:
        raise InputError("there are no images to take features of")
    return statistics


def reference_summary(
    path: Path,
    source: Mapping[str, Any],
    network,
    batches: Batches,
    sample: int = 5000,
    seed: int = 0,
    own: bool = False,
) -> FeatureSummary:
    """Statistics of the real images, from the file ``path`` or made and written there.

    Args:
        path: a ``.npz``; pytorch-fid reads it too.
        source: JSON values that identify the images: data set, digest, split, size.
        network: whose ``protocol()`` is part of the provenance.
        batches: see :func:`collect`; touched only if the statistics are made.
        sample, seed: see :class:`FeatureStatistics`.
        own: whether nobody named the file; then it is made anew where its numbers were
            made of anything else.

    Raises:
        InputError: if the file's numbers were made of anything else, if it does not
            say of what, or cannot be read.
        OSError: if it cannot be written.
    """
    provenance = {
        "format": FORMAT,
        "source": source,
        **network.protocol(),
        "sample": sample,
        "seed": seed,
    }
    provenance = json.loads(json.dumps(provenance))  # as it is read back
    path = Path(path)
    if path.exists():
        summary = read_summary(path)
        differences = _differences(path, summary.provenance, provenance)
        if not differences:
            return summary
        if not own:
            raise InputError(
                f"{path} holds statistics of something else:\n  "
                + "\n  ".join(differences)
                + "\nName another file, or delete it to have them made again."
            )
    summary = collect(network, batches, sample, seed).summary(provenance)
    write_summary(path, summary)
    return summary


def write_summary(path: Path, summary: FeatureSummary) -> None:
    """Writes statistics: ``mu`` and ``sigma`` as pytorch-fid names them, and the rest.

    Raises:
        OSError: as the system reports it.
    """
    arrays = {"mu": summary.mean, "sigma": summary.covariance}
    if summary.count is not None:
        arrays["count"] = np.int64(summary.count)
    if summary.features is not None:
        arrays["features"] = summary.features
    if summary.provenance is not None:
        arrays["provenance"] = np.array(json.dumps(summary.provenance))
    write_arrays(path, arrays)


def read_summary(path: Path) -> FeatureSummary:
    """Reads statistics, of this program or (``mu`` and ``sigma`` alone) of another.

    Raises:
        InputError: for a file that does not hold such statistics.
    """
    arrays = read_arrays(path)
    (mean,) = take(arrays, str(path), mu=(None,))
    (covariance,) = take(arrays, str(path), sigma=(len(mean), len(mean)))
    count = provenance = features = None
    try:
        if "count" in arrays:
            count = int(arrays["count"])
        if "provenance" in arrays:
            provenance = json.loads(str(arrays["provenance"]))
    except (TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged ({error}); delete it") from error
    if "features" in arrays:
        (features,) = take(arrays, str(path), features=(None, len(mean)))
    return FeatureSummary(mean, covariance, count, features, provenance)


def _differences(path, found, wanted):
    if found is None:
        raise InputError(
            f"{path} does not say what its numbers were made of; name another file for "
            "the statistics of the real images, or delete it to have them made again"
        )
    return [
        f"{key}: the file has {found.get(key)!r}, now {wanted.get(key)!r}"
        for key in wanted | found
        if found.get(key) != wanted.get(key)
    ]
