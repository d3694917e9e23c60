"""What looks at images and says how good they are: one class for each kind of metric.

A judge sees one image at a time, keeps sums alone, can be stopped and go on. `evaluate`
and the validation while training both ask judges.
"""

import abc
import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from ccfpse_tf.evaluation.metrics.confusion import ConfusionMatrix
from ccfpse_tf.evaluation.metrics.diversity import Diversity, mean_pairwise_distance
from ccfpse_tf.evaluation.metrics.features import FeatureStatistics, Summary

GENERATED, REAL = "generated", "real"


@dataclasses.dataclass(frozen=True)
class Judged:
    """One layout and its image.

    Args:
        index: its place in the split.
        key: its name.
        image: uint8 ``(height, width, 3)``, what is to be judged.
        real: the photograph of the same layout, likewise.
        labels: ``(height, width)`` class indices by their size; that of the image is
            always there.
        instance: ``(height, width)`` ids, or None without instances.
    """

    index: int
    key: str
    image: np.ndarray
    real: np.ndarray
    labels: Mapping[tuple[int, int], np.ndarray]
    instance: np.ndarray | None = None


class Judge(abc.ABC):
    """What all judges can do."""

    label_size: tuple[int, int] | None = None  # besides that of the image

    def protocol(self) -> dict:
        """What has to be equal for two results to be comparable, as JSON values."""
        return {}

    @abc.abstractmethod
    def update(self, example: Judged) -> None:
        """Looks at an image."""

    @abc.abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """What was seen so far, for :meth:`restore`."""

    @abc.abstractmethod
    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes on from what :meth:`state` gave."""

    @abc.abstractmethod
    def reset(self) -> None:
        """Forgets all images."""

    @abc.abstractmethod
    def result(self) -> dict[str, dict[str, float]]:
        """Values by what was judged (``generated``, ``real``) and metric."""

    def per_class(self) -> dict[str, dict[str, float]]:
        """IoU by what was judged and class name, NaN where undefined."""
        return {}


class SegmentationJudge(Judge):
    """Whether a segmentation network finds the layout in the image again.

    Args:
        evaluator: a :class:`ccfpse_tf.evaluation.evaluators.Evaluator`.
        label_size: ``(height, width)`` at which classes are compared.
        real: whether the photographs are segmented too, as what can be reached.
    """

    def __init__(self, evaluator, label_size: tuple[int, int], real: bool = True):
        self.evaluator = evaluator
        self.label_size = tuple(label_size)
        self.titles = (GENERATED, REAL) if real else (GENERATED,)
        self.reset()

    def protocol(self) -> dict:
        """The network's protocol and the size of the comparison."""
        size = {"label_size": list(self.label_size)}
        return {"segmenter": self.evaluator.protocol | size}

    def update(self, example: Judged) -> None:
        """Segments the image, and the photograph if asked for."""
        labels = self.evaluator.labels(example.labels[self.label_size])
        for title, matrix in self.matrices.items():
            image = example.image if title == GENERATED else example.real
            matrix.update(labels, self.evaluator.predict(image, self.label_size))

    def state(self):
        """The confusion matrices."""
        return {
            f"{title}/{name}": value
            for title, matrix in self.matrices.items()
            for name, value in matrix.state().items()
        }

    def restore(self, state):
        """The confusion matrices back."""
        for title in self.titles:
            self.matrices[title] = ConfusionMatrix.from_state(_below(state, title))

    def reset(self):
        """Empty confusion matrices."""
        self.matrices = {
            title: ConfusionMatrix(self.evaluator.classes) for title in self.titles
        }

    def result(self):
        """mIoU by the evaluator's rule and pixel accuracy under both policies."""
        return {
            title: {
                "mean_iou": matrix.mean_iou(self.evaluator.miou),
                "pixel_accuracy": matrix.pixel_accuracy("labelled"),
                "pixel_accuracy_all": matrix.pixel_accuracy("all"),
            }
            for title, matrix in self.matrices.items()
        }

    def per_class(self):
        """IoU of every class."""
        return {
            title: dict(
                zip(self.evaluator.class_names, matrix.iou().tolist(), strict=True)
            )
            for title, matrix in self.matrices.items()
        }


class FeatureJudge(Judge):
    """Frechet and kernel distance (FID and KID with Inception's features).

    Args:
        network: from `ccfpse_tf.evaluation.networks.inception` or `.feature_file`.
        reference: statistics of the photographs.
        facts: of the reference, for the protocol.
        batch: images that the network gets at once.
    """

    def __init__(self, network, reference: Summary, facts: Mapping, batch: int = 16):
        self.network = network
        self.reference = reference
        self.facts = dict(facts)
        self.batch = batch
        self.reset()

    def protocol(self) -> dict:
        """The network, its input and the reference."""
        count = {"reference_images": self.reference.count}
        return {"distance": self.network.protocol() | self.facts | count}

    def update(self, example: Judged) -> None:
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
        """Nothing seen."""
        self._waiting, self._statistics = [], None

    def result(self):
        """Both distances; one image alone has none."""
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


class DiversityJudge(Judge):
    """How far apart images of the same layout in other styles are.

    Args:
        maps: feature network, from `ccfpse_tf.evaluation.metrics.diversity`.
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

    def update(self, example: Judged) -> None:
        """Draws the layout in several styles and compares them in pairs."""
        images = self.draw(example, self.styles)
        self.diversity.update([mean_pairwise_distance(self.maps(images))])

    def state(self):
        """Moments of the distances."""
        return self.diversity.state()

    def restore(self, state):
        """Moments back."""
        self.diversity = Diversity.from_state(state)

    def reset(self):
        """Nothing seen."""
        self.diversity = Diversity()

    def result(self):
        """The mean distance."""
        return {GENERATED: {"diversity": self.diversity.mean()}}


def _below(state, title):
    start = f"{title}/"
    return {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}
