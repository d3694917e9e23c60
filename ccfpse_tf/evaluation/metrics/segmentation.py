"""mIoU and pixel accuracy of a segmentation network's reading of the images."""

from ccfpse_tf.evaluation.evaluators import find_evaluator, open_evaluator
from ccfpse_tf.evaluation.image_metric import (
    GENERATED,
    REAL,
    EvaluatedImage,
    ImageMetric,
)
from ccfpse_tf.evaluation.metrics.confusion import ConfusionMatrix


class SegmentationMetric(ImageMetric):
    """Compares the layout with what a segmentation network finds in the image.

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

    def update(self, example: EvaluatedImage) -> None:
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


def _below(state, title):
    start = f"{title}/"
    return {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}


def check_segmenter(measures, description) -> None:
    """Checks that the segmentation network is there, without opening it.

    Raises:
        InputError: a network that is not there, or does not fit the records.
    """
    find_evaluator(
        measures.segmenter,
        label_mapping=description.label_mapping,
        normalisation=measures.normalisation,
        num_classes=description.num_classes,
    )


def open_segmentation(measures, source, out) -> SegmentationMetric:
    """Opens the segmentation network that the user names.

    Raises:
        InputError: a network that cannot be opened, or does not fit the records.
    """
    evaluator = open_evaluator(
        measures.segmenter,
        label_mapping=source.description.label_mapping,
        multi_scale=not measures.single_scale,
        image_size=measures.label_size,
        normalisation=measures.normalisation,
        num_classes=source.description.num_classes,
    )
    evaluator.check_size(source.size)
    size = measures.label_size or source.size
    return SegmentationMetric(evaluator, size, measures.real)
