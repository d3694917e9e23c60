"""Finds the clusters of instance features that a generator draws with."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from ccfpse_tf.models.instance_features import CLUSTERS

# Smaller instances are left out, as a share of the image.
LEAST_SHARE = 0.5 / 32
_ROUNDS = 100  # of k-means, at most


@dataclasses.dataclass(frozen=True)
class Instance:
    """Features ``(n,)`` of an instance, its class, and its share of the image."""

    features: np.ndarray
    label: int
    share: float


def find_clusters(model, examples: Iterable[Mapping], seed: int) -> int:
    """Sets the clusters of a model's generators; returns how many there are.

    Args:
        model: a :class:`ccfpse_tf.gan.pix2pixhd.Pix2PixHD` with a feature encoder.
        examples: batches of training images, as a data set gives them.
        seed: of the clustering.
    """
    found = [instance for batch in examples for instance in instances(model, batch)]
    table = model.generator.clusters
    centers = np.zeros(table.centers.shape, np.float32)
    counts = np.zeros(table.counts.shape, np.int32)
    for label in range(len(counts)):
        points = [x.features for x in found if x.label == label]
        if points:
            means = k_means(np.stack(points), CLUSTERS, [seed, label])
            counts[label] = len(means)
            centers[label, : len(means)] = means
    for generator in (model.generator, model.drawing_generator):
        generator.clusters.centers.assign(centers)
        generator.clusters.counts.assign(counts)
    return int(counts.sum())


def instances(model, batch: Mapping) -> Iterator[Instance]:
    """Encodes the images of a batch; yields their instances that are not too small.

    The class of an instance is that of its middle pixel.

    Args:
        model: with a feature encoder.
        batch: as a data set gives it.
    """
    maps = batch["label"], batch.get("instance")
    features = np.asarray(model.instance_features(batch["image"], *maps))
    labels = np.asarray(maps[0])
    ids = np.asarray(maps[0 if model.encoder.pooling == "label" else 1])
    for image in range(len(ids)):
        flat = ids[image].ravel()
        order = np.argsort(flat, kind="stable")  # of an instance, row by row
        _, starts, sizes = np.unique(flat[order], return_index=True, return_counts=True)
        for start, size in zip(starts, sizes, strict=True):
            if size > LEAST_SHARE * flat.size:
                middle = np.unravel_index(order[start + size // 2], ids[image].shape)
                yield Instance(
                    features[image][middle],
                    int(labels[image][middle]),
                    size / flat.size,
                )


def k_means(points: np.ndarray, count: int, seed) -> np.ndarray:
    """Returns at most ``count`` centers of ``points (n, features)``, in float64.

    Starts are chosen as by Arthur & Vassilvitskii 2007 ("k-means++"), then centers move
    to the means of what is nearest to them until nothing changes (Lloyd 1982).

    Args:
        points: one or more.
        count: of clusters; equal points make one.
        seed: of the starts.
    """
    points, random = np.asarray(points, np.float64), np.random.default_rng(seed)
    centers = points[random.integers(len(points))][None]
    while len(centers) < count:
        nearest = _distances(points, centers).min(1)
        if not nearest.any():
            break
        chosen = random.choice(len(points), p=nearest / nearest.sum())
        centers = np.concatenate([centers, points[chosen][None]])
    for _ in range(_ROUNDS):
        nearest = _distances(points, centers).argmin(1)
        moved = np.stack([points[nearest == k].mean(0) for k in np.unique(nearest)])
        if np.array_equal(moved, centers):
            break
        centers = moved
    return centers


def _distances(points, centers):
    """Squared distances ``(n, clusters)``."""
    return np.stack([((points - center) ** 2).sum(-1) for center in centers], -1)
