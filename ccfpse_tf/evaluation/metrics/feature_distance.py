"""Distances between features of images and of photographs, such as FID and KID."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.image_metric import GENERATED, EvaluatedImage, ImageMetric
from ccfpse_tf.evaluation.metrics.features import (
    FeatureStatistics,
    FeatureSummary,
    reference_summary,
)
from ccfpse_tf.evaluation.networks.feature_file import FeatureFile
from ccfpse_tf.evaluation.networks.graph_file import find_graph
from ccfpse_tf.evaluation.networks.inception import InceptionFeatures
from ccfpse_tf.evaluation.networks.lite_features import (
    VARIANTS,
    LiteFeatures,
    find_weights,
)

REFERENCE = "reference.npz"
_BATCH = 16


class FeatureDistance(ImageMetric):
    """Frechet and kernel distance (FID and KID with Inception's features).

    Args:
        network: from `ccfpse_tf.evaluation.networks.inception`, `.lite_features` or
            `.feature_file`.
        open_reference: reads or makes the statistics of the photographs.
        facts: of the reference, for the protocol.
        batch: images that the network gets at once.
    """

    def __init__(
        self,
        network,
        open_reference: Callable[[], FeatureSummary],
        facts: Mapping,
        batch: int = 16,
    ):
        self.network = network
        self.open_reference = open_reference
        self.reference: FeatureSummary | None = None
        self.facts = dict(facts)
        self.batch = batch
        self.reset()

    def protocol(self) -> dict:
        """The network, its input and the reference."""
        return {"distance": self.network.protocol() | self.facts}

    def prepare(self) -> None:
        """Reads the statistics of the photographs, or makes and writes them."""
        self.reference = self.open_reference()

    def update(self, example: EvaluatedImage) -> None:
        """Keeps the image until there is a batch of them."""
        self._waiting.append((example.key, example.image))
        if len(self._waiting) == self.batch:
            self._run()

    def _run(self):
        if not self._waiting:
            return
        keys, images = zip(*self._waiting, strict=True)
        features = self.network(np.stack(images))
        if self._statistics is None:
            self._statistics = FeatureStatistics(features.shape[1])
        self._statistics.update(keys, features)
        self._waiting = []

    def state(self):
        """Moments and sample of the features."""
        self._run()
        return {} if self._statistics is None else self._statistics.state()

    def restore(self, state):
        """Moments and sample back."""
        self.reset()
        if state:
            self._statistics = FeatureStatistics.from_state(state)

    def reset(self):
        """Forgets all images."""
        self._waiting, self._statistics = [], None

    def result(self):
        """Returns both distances; they need at least two images."""
        self._run()
        if self._statistics is None or self._statistics.count < 2:
            return {GENERATED: {}}
        summary = self._statistics.summary()
        found = {self._name("frechet"): summary.frechet_distance(self.reference)}
        if self.reference.features is not None:
            distance = summary.kernel_distance(self.reference)
            found[self._name("kernel")] = distance.mean
        return {GENERATED: found}

    def _name(self, kind):
        name = getattr(self.network, f"{kind}_name")
        return name.lower() if name in ("FID", "KID") else name


def open_feature_distance(measures, source, out: Path) -> FeatureDistance:
    """Opens the feature network.

    Raises:
        InputError: a network that cannot be opened.
    """
    network = _feature_network(measures)
    path = Path(measures.reference or out / REFERENCE)

    def open_reference():
        return reference_summary(
            path,
            source.real_facts(),
            network,
            _batches(source),
            own=measures.reference is None,
        )

    # Statistics of another number of photographs are refused.
    facts = {
        "reference": "real, " + source.images.split,
        "reference_images": source.count,
    }
    return FeatureDistance(network, open_reference, facts, _BATCH)


def check_feature_network(measures) -> None:
    """Checks that the feature network's file is there, without opening it.

    Raises:
        InputError: two networks, or a file that is not there.
    """
    kind, path = _named_network(measures)
    if kind in VARIANTS:
        find_weights(kind, path)


def _named_network(measures):
    """``"fid"``, ``"file"`` or a key of ``VARIANTS``, and the file, None for its own.

    Only the file of a variant has not been looked for yet.
    """
    if measures.fid and measures.features:
        raise InputError("--fid and --features exclude each other: evaluate twice")
    if not measures.features:
        download = measures.fid == "download"
        return "fid", None if download else find_graph(measures.fid)
    name, _, weights = str(measures.features).partition(":")
    if name in VARIANTS:
        return name, Path(weights) if weights else None
    path = Path(measures.features)
    if not path.exists():
        raise InputError(
            f"features {path}: no such file, and no network of that name; choose a "
            f"file, {' or '.join(VARIANTS)}"
        )
    return "file", path


def _feature_network(measures):
    kind, path = _named_network(measures)
    if kind == "fid":
        return InceptionFeatures(path, measures.fid_resize, measures.fid_sha256)
    return FeatureFile(path) if kind == "file" else LiteFeatures(kind, path)


def _batches(source) -> Iterator[tuple[list[str], np.ndarray]]:
    keys, images = [], []
    for key, image in source.real_images():
        keys.append(key)
        images.append(image)
        if len(keys) == _BATCH:
            yield keys, np.stack(images)
            keys, images = [], []
    if keys:
        yield keys, np.stack(images)
