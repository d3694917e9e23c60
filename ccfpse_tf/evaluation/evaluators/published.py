"""The three published evaluation networks, each as its repository tests it."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from PIL import Image

from ccfpse_tf.data.datasets import Dataset
from ccfpse_tf.data.transforms import resize
from ccfpse_tf.evaluation.evaluators.evaluator import (
    Evaluator,
    describe_files,
    files_of,
    look_up,
    segmenter_ids,
)
from ccfpse_tf.evaluation.networks.deeplab import SCALES as DEEPLAB_SCALES
from ccfpse_tf.evaluation.networks.resampling import resize_bilinear

DRN_SCALES = (1.0, 0.5, 0.75, 1.25, 1.5, 1.75)
UPERNET_SHORT_SIDES = (300, 375, 450, 525, 600)
UPERNET_SINGLE = (450,)
UPERNET_LONGEST = 1000
UPERNET_MULTIPLE = 32
_IMAGE = tf.TensorSpec((1, None, None, 3), tf.float32)
_SIZE = tf.TensorSpec((2,), tf.int32)


class PublishedEvaluator(Evaluator):
    """The base class of the three published evaluators, each for a known data set.

    Args:
        network: with its weights.
        dataset: that it was trained on.
        label_mapping: of the label indices to come; None for the data set's first.
        multi_scale: whether images are tested at several scales.
        image_size: see :class:`Evaluator`.
        files: that held the weights.

    Raises:
        ValueError: a label mapping that the data set does not have.
    """

    title = ""
    repository = ""
    rule = ""

    def __init__(
        self,
        network,
        dataset: Dataset,
        label_mapping: str | None = None,
        multi_scale: bool = True,
        image_size: tuple[int, int] | None = None,
        files: Sequence = (),
    ):
        mapping = label_mapping or dataset.label_mappings[0]
        self.network = network
        self.multi_scale = multi_scale
        self._ids = np.array(segmenter_ids(dataset, mapping))
        order = dataset.segmenter_classes or range(dataset.num_classes)
        super().__init__(
            dataset.segmenter,
            [dataset.class_names[index] for index in order],
            self.rule,
            image_size,
            {
                "network": self.title,
                "repository": self.repository,
                "weights": describe_files(files),
                "data_set": dataset.title,
                "label_mapping": mapping,
                "input": network.input_rule.describe(),
                **self.scale_protocol(),
                "flips": False,
            },
        )
        self.file_ids, self.palette = files_of(dataset)

    def scale_protocol(self) -> dict:
        """The scales of the images, and the rule that combines the scores of all."""
        raise NotImplementedError

    def labels(self, label):
        """See :class:`Evaluator`."""
        return look_up(label, self._ids, self.name)


class DRNEvaluator(PublishedEvaluator):
    """DRN-D-105; at several scales (``--ms``), their log-probabilities are added."""

    title = "DRN-D-105"
    repository = "github.com/fyu/drn"
    rule = "present"

    def __init__(self, network, dataset, *args, **kwargs):
        super().__init__(network, dataset, *args, **kwargs)
        self._run = tf.function(network.call, input_signature=[_IMAGE])

    @property
    def scales(self):
        """Of the image, in the order in which scores are added."""
        return DRN_SCALES if self.multi_scale else DRN_SCALES[:1]

    def scale_protocol(self):
        """See :class:`PublishedEvaluator`."""
        return {
            "scales": list(self.scales),
            "scale_resize": "Pillow bicubic, sizes rounded down",
            "combination": "sum of log-probabilities",
            "score_resize": "Pillow bilinear, per class",
        }

    def inputs(self, image):
        """The images that the network sees, ``(1, h, w, 3)`` each, normalised."""
        height, width = image.shape[:2]
        for scale in self.scales:
            size = max(int(height * scale), 1), max(int(width * scale), 1)
            resized = resize(image, size, Image.Resampling.BICUBIC)
            yield self.network.input_rule(resized)[None]

    def scores(self, image, size):
        """See :class:`Evaluator`."""
        return sum(
            # Pillow smooths where it shrinks.
            resize(self._run(x).numpy()[0], size, Image.Resampling.BILINEAR)
            for x in self.inputs(image)
        )


class UPerNetEvaluator(PublishedEvaluator):
    """UPerNet; the probabilities for images of several short sides are averaged."""

    title = "UPerNet with ResNet-101"
    repository = "github.com/CSAILVision/semantic-segmentation-pytorch"
    rule = "all"

    def __init__(self, network, dataset, *args, **kwargs):
        super().__init__(network, dataset, *args, **kwargs)
        self._run = tf.function(self._probabilities, input_signature=[_IMAGE, _SIZE])

    @property
    def short_sides(self):
        """Of the images that the network sees, before rounding."""
        return UPERNET_SHORT_SIDES if self.multi_scale else UPERNET_SINGLE

    @property
    def antialias(self):
        """The older release came with OpenCV's resizing, which does not smooth."""
        return self.network.normalisation == "imagenet"

    def scale_protocol(self):
        """See :class:`PublishedEvaluator`."""
        method = "Pillow bilinear" if self.antialias else "bilinear without smoothing"
        return {
            "release": self.network.normalisation,
            "scales": [f"short side {side}" for side in self.short_sides],
            "scale_resize": f"{method}, long side at most {UPERNET_LONGEST}, both "
            f"rounded up to multiples of {UPERNET_MULTIPLE}",
            "combination": "mean of probabilities",
            "score_resize": "bilinear of the logits",
        }

    def _probabilities(self, image, size):
        return tf.nn.softmax(resize_bilinear(self.network(image), size))[0]

    def inputs(self, image):
        """The images that the network sees, ``(1, h, w, 3)`` each, normalised."""
        for side in self.short_sides:
            size = _upernet_size(image.shape[:2], side)
            if self.antialias:
                resized = resize(image, size, Image.Resampling.BILINEAR)
            else:
                resized = resize_bilinear(tf.constant(image[None], tf.float32), size)
                resized = np.floor(resized.numpy()[0] + 0.5)
            yield self.network.input_rule(resized)[None]

    def scores(self, image, size):
        """See :class:`Evaluator`."""
        size = tf.constant(size, tf.int32)
        total = sum(
            self._run(x, size).numpy() / len(self.short_sides)
            for x in self.inputs(image)
        )
        return total


def _upernet_size(size, side):
    scale = min(side / min(size), UPERNET_LONGEST / max(size))
    multiple = UPERNET_MULTIPLE
    return tuple(-(-int(length * scale) // multiple) * multiple for length in size)


class DeepLabEvaluator(PublishedEvaluator):
    """DeepLabV2; the network itself takes the maximum over its scales."""

    title = "DeepLabV2 with ResNet-101, MSC"
    repository = "github.com/kazuto1011/deeplab-pytorch"
    rule = "labelled"

    def __init__(self, network, dataset, *args, **kwargs):
        super().__init__(network, dataset, *args, **kwargs)
        self._run = tf.function(self._resized, input_signature=[_IMAGE, _SIZE])

    def scale_protocol(self):
        """See :class:`PublishedEvaluator`."""
        return {
            "scales": [1.0, *(DEEPLAB_SCALES if self.multi_scale else ())],
            "scale_resize": "bilinear without smoothing, sizes rounded down; step by "
            f"{self.network.scale_rule}",
            "combination": "maximum of logits",
            "score_resize": "bilinear of the logits",
        }

    def _resized(self, image, size):
        network = self.network
        logits = network(image) if self.multi_scale else network.at_one_scale(image)
        return resize_bilinear(logits, size)[0]

    def scores(self, image, size):
        """See :class:`Evaluator`."""
        x = self.network.input_rule(image)[None]
        return self._run(x, tf.constant(size, tf.int32)).numpy()


EVALUATORS = {
    "drn": DRNEvaluator,
    "upernet": UPerNetEvaluator,
    "deeplab": DeepLabEvaluator,
}
