"""The diversity of images of the same layout when only the style changes.

A distance of features as in LPIPS (Zhang et al. 2018, eq. 1), of a network that the
user names. With ST-LPIPS, channels have the weights that it learned; with others all
have weight 1, and that is NOT the calibrated LPIPS, whose learned weights are not part
of this package. Compare only numbers of the same network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.image_metric import GENERATED, EvaluatedImage, ImageMetric
from ccfpse_tf.evaluation.metrics.moments import Moments
from ccfpse_tf.evaluation.networks.feature_file import digest, load, run
from ccfpse_tf.evaluation.networks.inception import check_images
from ccfpse_tf.evaluation.networks.st_lpips import STLPIPS
from ccfpse_tf.files.arrays import State
from ccfpse_tf.models.perceptual.loss import PerceptualLoss

EPSILON = 1e-10  # a position without any feature stays 0


def mean_pairwise_distance(
    maps: Sequence[tf.Tensor], weights: Sequence[tf.Tensor] | None = None
) -> float:
    """The mean distance over all pairs of styles of one layout.

    ``d(i, j) = sum over layers of mean over positions of |u_i - u_j|^2`` with feature
    vectors ``u`` scaled to length 1. No pair is formed: the sum over pairs is ``styles
    * sum |u_i - mean u|^2``.

    Args:
        maps: per layer ``(styles, height, width, channels)``.
        weights: per layer ``(channels,)``, of the squares in ``|u_i - u_j|^2``; None:
            all are 1.

    Raises:
        InputError: for fewer than two styles, or features that are not finite.
    """
    weights = [1.0] * len(maps) if weights is None else weights
    distance = tf.add_n(
        [
            _of_layer(tf.cast(x, tf.float32), weight)
            for x, weight in zip(maps, weights, strict=True)
        ]
    )
    if not np.isfinite(distance):
        raise InputError("the features of the images of a layout are not finite")
    return float(distance)


def _of_layer(features, weights):
    styles = features.shape[0]
    if styles < 2:
        raise InputError(f"diversity needs 2 styles or more of a layout, not {styles}")
    length = tf.sqrt(tf.reduce_sum(features**2, -1, keepdims=True))
    unit = features / (length + EPSILON)
    spread = tf.reduce_sum(weights * (unit - tf.reduce_mean(unit, 0)) ** 2, (0, -1))
    # styles * spread, over styles * (styles - 1) / 2 pairs.
    return tf.reduce_mean(spread) * 2 / (styles - 1)


class Diversity:
    """The mean of that distance over layouts; each layout counts once."""

    def __init__(self) -> None:
        self._moments = Moments(1)

    @property
    def count(self) -> int:
        """Layouts seen."""
        return self._moments.count

    def update(self, distances: Sequence[float]) -> None:
        """Adds one :func:`mean_pairwise_distance` per layout."""
        self._moments.update(np.reshape(np.asarray(distances, np.float64), (-1, 1)))

    def merge(self, other: Diversity) -> None:
        """Adds the layouts of another shard."""
        self._moments.merge(other._moments)

    def mean(self) -> float:
        """The diversity.

        Raises:
            InputError: if no layout was seen.
        """
        return float(self._moments.mean()[0])

    def standard_error(self) -> float | None:
        """Of the mean, over layouts; None for fewer than two."""
        if self.count < 2:
            return None
        return float(np.sqrt(self._moments.covariance()[0, 0] / self.count))

    def state(self) -> State:
        """All that was seen, as arrays."""
        return self._moments.state()

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> Diversity:
        """Restores the distances from the arrays of :meth:`state`.

        Raises:
            InputError: for arrays that are not such a state.
        """
        self = cls()
        self._moments = Moments.from_state(state)
        if self._moments.dimensions != 1:
            raise InputError("the saved state is of features, not of a diversity")
        return self


class VGG19Maps:
    """relu1_1 .. relu5_1 of VGG19 for the diversity; uint8 images to feature maps.

    Args:
        source, weights: see :class:`ccfpse_tf.models.perceptual.loss.PerceptualLoss`.

    Raises:
        InputError: for weights that cannot be had.
    """

    channel_weights = None

    def __init__(self, source: str = "keras", weights=None) -> None:
        try:
            self._vgg = PerceptualLoss(source, weights)
        except InputError as error:
            # Its own way out is that of a training.
            raise InputError(
                f"VGG19 ({source}, {weights or 'download'}) for the diversity: "
                f"{error.__cause__ or error}; give the path of its weights or another "
                "feature network"
            ) from error
        self.name = f"vgg19 (unweighted, {source}), not the calibrated LPIPS"

    def __call__(self, images: np.ndarray) -> list[tf.Tensor]:
        """Five maps of ``(batch, height, width, 3)`` images, finest first."""
        images = tf.cast(check_images(images), tf.float32)
        return self._vgg.features(images / 127.5 - 1)


class MapFile:
    """Feature maps for the diversity of a Keras file or SavedModel.

    Args:
        path: it gets float32 RGB of 0..255 and gives one or more arrays ``(batch,
            height, width, channels)``.

    Raises:
        InputError: for a file that cannot be loaded.
    """

    channel_weights = None

    def __init__(self, path) -> None:
        self.path = Path(path)
        self._call = load(self.path)
        self.name = (
            f"{self.path.name} (unweighted, sha256 {digest(self.path)[:16]}), "
            "not the calibrated LPIPS"
        )

    def __call__(self, images: np.ndarray) -> list[tf.Tensor]:
        """Maps of ``(batch, height, width, 3)`` uint8 images.

        Raises:
            InputError: if the network gives anything but maps.
        """
        images = check_images(images)
        maps = run(self._call, images, self.path)
        shapes = [tuple(x.shape) for x in maps]
        if not all(len(x) == 4 and x[0] == len(images) for x in shapes):
            raise InputError(
                f"{self.path} makes {shapes} of {len(images)} images; for the "
                "diversity it has to make maps (batch, height, width, channels)"
            )
        return maps


class MeanDistanceMetric(ImageMetric):
    """A metric that is the mean over layouts of a distance.

    Attributes:
        distances: of the layouts so far.
    """

    def state(self):
        """Moments of the distances."""
        return self.distances.state()

    def restore(self, state):
        """Moments back."""
        self.distances = Diversity.from_state(state)

    def reset(self):
        """Forgets all images."""
        self.distances = Diversity()


class DiversityMetric(MeanDistanceMetric):
    """The mean distance between images of the same layout in different styles.

    Args:
        maps: feature network with ``name`` and ``channel_weights``, from this file or
            `ccfpse_tf.evaluation.networks.st_lpips`.
        styles: images per layout, 2 or more.
        draw: takes an example and a number of styles from the prior, returns uint8
            ``(styles, height, width, 3)``.
    """

    def __init__(self, maps, styles: int, draw: Callable):
        self.maps = maps
        self.styles = styles
        self.draw = draw
        self.reset()

    def protocol(self) -> dict:
        """The network and how many styles."""
        facts = {"network": self.maps.name, "styles": self.styles, "from": "prior"}
        return {"diversity": facts}

    def update(self, example: EvaluatedImage) -> None:
        """Generates the layout in several styles and compares the images in pairs."""
        images = self.draw(example, self.styles)
        maps = self.maps(images)
        distance = mean_pairwise_distance(maps, self.maps.channel_weights)
        self.distances.update([distance])

    def result(self):
        """The mean distance."""
        return {GENERATED: {"diversity": self.distances.mean()}}


def open_diversity(measures, source, out) -> DiversityMetric:
    """Opens the feature network, and checks that layouts have several styles.

    Raises:
        InputError: fewer than two styles, or images without a run that generates more.
    """
    if measures.diversity < 2:
        raise InputError(f"--diversity {measures.diversity}: must be 2 or more")
    source.require_styles()
    weights = measures.diversity_weights
    if measures.diversity_network == "vgg19":
        maps = VGG19Maps("keras", weights)
    elif measures.diversity_network == "st-lpips":
        maps = STLPIPS("alex", weights)
    else:
        maps = MapFile(measures.diversity_network)
    return DiversityMetric(maps, measures.diversity, source.draw_styles)
