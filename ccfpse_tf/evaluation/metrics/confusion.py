"""Confusion matrices of labelled and predicted classes: mIoU and pixel accuracy.

The published numbers come from three evaluators that average differently, and the pixel
accuracy of street scenes counts pixels without ground truth as wrong (docs/metrics.md).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ccfpse_tf.data.label_mapping import DONT_CARE_FILE_ID
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.arrays import State, take

RULES = ("present", "labelled", "all")
POLICIES = ("labelled", "all")


class ConfusionMatrix:
    """Counts pixels by true and by predicted class, exactly.

    Counts are int64 and add up, so neither order nor sharding changes any number.

    Args:
        classes: how many; ids are ``0 .. classes - 1``.

    Attributes:
        matrix: int64 ``(classes, classes)``, rows true, columns predicted.
        dont_care: pixels without ground truth, which are in no row.
    """

    def __init__(self, classes: int) -> None:
        if classes < 1:
            raise ValueError(f"classes={classes}: at least 1 is needed")
        self.classes = classes
        self.matrix = np.zeros((classes, classes), np.int64)
        self.dont_care = 0

    def update(
        self,
        labels: np.ndarray,
        predictions: np.ndarray,
        ignore: int | None = DONT_CARE_FILE_ID,
        name: str = "",
    ) -> None:
        """Adds the pixels of one image or of many.

        Args:
            labels: integers of any shape: class ids, or ``ignore``.
            predictions: class ids in the same shape.
            ignore: the index of pixels without ground truth; None if all have one.
            name: of the image or batch, for the message.

        Raises:
            InputError: for another id; names the value and the first place that has
                it. Nothing is counted then.
        """
        labels, predictions = np.asarray(labels), np.asarray(predictions)
        if labels.shape != predictions.shape:
            raise InputError(
                f"{_prefix(name)}labels have the shape {labels.shape}, predictions "
                f"{predictions.shape}; resize one to the other"
            )
        care = np.ones(labels.shape, bool) if ignore is None else labels != ignore
        self._check(labels, care, "label", name, ignore)
        self._check(predictions, None, "prediction", name, None)
        # Flat indices exceed the ids' own types: uint8 holds no 34 * 35.
        index = labels[care].astype(np.int64) * self.classes + predictions[care]
        counts = np.bincount(index, minlength=self.classes**2)
        self.matrix += counts.reshape(self.matrix.shape)
        self.dont_care += int(care.size - np.count_nonzero(care))

    def _check(self, ids, care, what, name, ignore):
        if ids.dtype.kind not in "iu":
            raise InputError(
                f"{_prefix(name)}{what}s are {ids.dtype}; class ids are integers"
            )
        wrong = (ids < 0) | (ids >= self.classes)
        if care is not None:
            wrong &= care
        if not wrong.any():
            return
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        besides = "" if ignore is None else f", or {ignore} for no ground truth"
        raise InputError(
            f"{_prefix(name)}{what} {ids[place]} at {place}: allowed are 0 to "
            f"{self.classes - 1}{besides}"
        )

    def merge(self, other: ConfusionMatrix) -> None:
        """Adds the counts of another shard."""
        if other.classes != self.classes:
            raise ValueError(
                f"cannot merge counts of {other.classes} classes into {self.classes}"
            )
        self.matrix += other.matrix
        self.dont_care += other.dont_care

    def state(self) -> State:
        """All counts, as arrays."""
        return {"matrix": self.matrix.copy(), "dont_care": np.int64(self.dont_care)}

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> ConfusionMatrix:
        """Restores the counts from the arrays of :meth:`state`.

        Raises:
            InputError: for arrays that are not such a state.
        """
        kind = "confusion matrix"
        matrix, dont_care = take(state, kind, matrix=(None, None), dont_care=())
        if matrix.shape[0] != matrix.shape[1] or not matrix.size:
            raise InputError(f"{kind}: the saved matrix has the shape {matrix.shape}")
        for counts in (matrix, dont_care):
            if counts.dtype.kind not in "iu" or (counts < 0).any():
                raise InputError(f"{kind}: the saved counts are not counts")
        self = cls(len(matrix))
        self.matrix += matrix.astype(np.int64)
        self.dont_care = int(dont_care)
        return self

    def _intersections_and_unions(self):
        hits = np.diagonal(self.matrix)
        return hits, self.matrix.sum(0) + self.matrix.sum(1) - hits

    def iou(self) -> np.ndarray:
        """Intersection over union of every class, float64 ``(classes,)``.

        NaN for a class that was neither there nor predicted.
        """
        hits, unions = self._intersections_and_unions()
        return _ratios(hits, unions)

    def mean_iou(self, rule: str) -> float:
        """The mean over classes, as one of the three evaluators takes it.

        Args:
            rule: ``"present"``: classes that are there or predicted (DRN);
                ``"labelled"``: classes that are there (DeepLab, COCO-Stuff);
                ``"all"``: all classes, absent ones as 0, ``I / (U + 1e-10)`` (UPerNet,
                ADE20K).

        Returns:
            A fraction; NaN, for every rule, if no pixel had ground truth.

        Raises:
            ValueError: for another rule.
        """
        if rule not in RULES:
            raise ValueError(f"mIoU rule {rule!r}: choose from {', '.join(RULES)}")
        hits, unions = self._intersections_and_unions()
        if not unions.any():
            return float("nan")
        if rule == "all":
            return float(np.mean(hits / (unions + 1e-10)))
        chosen = unions > 0 if rule == "present" else self.matrix.sum(1) > 0
        return float(np.mean(hits[chosen] / unions[chosen]))

    def pixel_accuracy(self, policy: str) -> float:
        """Right pixels over counted ones.

        Args:
            policy: ``"labelled"``: pixels with ground truth count; ``"all"``: those
                without count as wrong, as some published numbers are (docs/metrics.md).

        Returns:
            A fraction; NaN if nothing counts.

        Raises:
            ValueError: for another policy.
        """
        if policy not in POLICIES:
            raise ValueError(
                f"accuracy policy {policy!r}: choose from {', '.join(POLICIES)}"
            )
        right, labelled = int(np.trace(self.matrix)), int(self.matrix.sum())
        counted = labelled + (self.dont_care if policy == "all" else 0)
        return right / counted if counted else float("nan")


def _ratios(above, below):
    ratios = np.full(below.shape, np.nan)
    np.divide(above, below, out=ratios, where=below > 0)
    return ratios


def _prefix(name):
    return f"{name}: " if name else ""
