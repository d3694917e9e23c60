"""Training of a segmentation network: its stream, its loss and its whole state."""

import dataclasses
import zipfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ccfpse_tf.data.augmentation import jitter_batch, zoom_batch
from ccfpse_tf.data.pipeline import evaluation_dataset, training_dataset
from ccfpse_tf.data.random_window import RandomWindow
from ccfpse_tf.data.records import Description
from ccfpse_tf.errors import Diverged, InputError
from ccfpse_tf.evaluation.segmenter.config import SegmenterConfig
from ccfpse_tf.files.arrays import write_arrays

IGNORED = -1  # class of pixels that have none
COUNTED = 1000  # training images whose classes are counted
HEAVIEST = 10.0  # weight that no class exceeds
_EPSILON = 1e-7  # of a probability: its logarithm stays finite, its gradient alive


@dataclasses.dataclass(frozen=True)
class Classes:
    """From the records' label indices to classes 0..count-1 and back.

    The difference is the don't-care index, which may stand anywhere among them.
    """

    description: Description

    @property
    def count(self) -> int:
        """The number of classes that the network tells apart."""
        return self.description.num_classes

    def of(self, labels):
        """int32 classes of a tensor of label indices, `IGNORED` at don't care."""
        place = self.description.dont_care_index
        indices = range(self.description.label_channels)
        kept = [index for index in indices if index != place]
        table = np.full(len(indices), IGNORED, np.int32)
        table[kept] = np.arange(len(kept))
        return tf.gather(tf.constant(table), labels)


def to_pixels(images):
    """RGB of 0..255, as segmenters take it, from images in [-1, 1]."""
    return (images + 1) * 127.5


def training_stream(config: SegmenterConfig, records: Path, classes: Classes, step=0):
    """Endless batches ``(pixels, classes)``, a function of the seed and ``step``.

    Args:
        config: with an image size.
        records: the folder.
        classes: of the records.
        step: batches that a stopped training has used.

    Raises:
        InputError: records smaller than the image size, or fewer than a batch.
    """
    stream = training_dataset(
        records,
        RandomWindow(config.image_size, config.flip),
        config.batch_size,
        seed=config.seed,
        start_step=step,
    )

    def augment(number, batch):
        images, labels = batch["image"], classes.of(batch["label"])
        if config.jitter > 0:
            images = jitter_batch(images, config.seed, number, config.jitter)
        if config.zoom > 1:
            images, labels = zoom_batch(
                images, labels, config.seed, number, config.zoom, IGNORED
            )
        return to_pixels(images), labels

    numbers = tf.data.Dataset.counter(step)
    stream = tf.data.Dataset.zip(numbers, stream).map(augment)
    return stream.prefetch(tf.data.AUTOTUNE)


def class_weights(config: SegmenterConfig, records: Path, classes: Classes):
    """Weights that let rare classes count for more (Eigen and Fergus 2015).

    Returns:
        float32 ``(classes,)``: (median share / own share) ** balance of the pixels of
        up to `COUNTED` training images, at most `HEAVIEST`; 1 for absent classes.

    Raises:
        InputError: images without a single pixel of any class.
    """
    counts = np.zeros(classes.count)
    images = evaluation_dataset(records, config.image_size, 1, split="train")
    for example in images.take(COUNTED):
        values = classes.of(example["label"]).numpy()
        counts += np.bincount(values[values != IGNORED], minlength=classes.count)
    if not counts.any():
        raise InputError(f"{records}: all pixels of the training images are don't care")
    present = counts > 0
    weights = np.ones(classes.count)
    median = np.median(counts[present])
    weights[present] = (median / counts[present]) ** config.balance
    return np.minimum(weights, HEAVIEST).astype(np.float32)


def weighted_cross_entropy(probabilities, targets, weights):
    """Weighted mean of -log p(class) over the pixels that have one.

    Args:
        probabilities: ``(batch, height, width, classes)``.
        targets: int32 ``(batch, height, width)``, `IGNORED` where there is none.
        weights: ``(classes,)``.

    Returns:
        A scalar; 0 where no pixel has a class.
    """
    labelled = targets != IGNORED
    safe = tf.where(labelled, targets, 0)
    own = tf.gather(probabilities, safe, batch_dims=3)
    weight = tf.where(labelled, tf.gather(weights, safe), 0.0)
    total = tf.reduce_sum(-tf.math.log(own + _EPSILON) * weight)
    return tf.math.divide_no_nan(total, tf.reduce_sum(weight))


class Trainer:
    """A network with its optimiser: steps, and a file from which to go on.

    Args:
        model: maps pixels to class probabilities.
        config: the settings of the optimiser.
        weights: of the classes.
    """

    def __init__(self, model: keras.Model, config: SegmenterConfig, weights):
        self.model = model
        rate = keras.optimizers.schedules.PolynomialDecay(
            config.learning_rate, config.steps, end_learning_rate=0.0, power=0.9
        )
        self.optimizer = keras.optimizers.AdamW(
            rate, weight_decay=config.weight_decay, global_clipnorm=1.0
        )
        self.optimizer.build(model.trainable_variables)
        self._weights = tf.constant(weights)

    @property
    def step(self) -> int:
        """Steps trained so far."""
        return int(self.optimizer.iterations)

    @tf.function
    def train(self, pixels, targets):
        """One step on a batch; returns its loss and its pixel accuracy, scalars."""
        with tf.GradientTape() as tape:
            probabilities = self.model(pixels, training=True)
            loss = weighted_cross_entropy(probabilities, targets, self._weights)
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        found = tf.argmax(probabilities, -1, output_type=tf.int32)
        labelled = tf.reduce_sum(tf.cast(targets != IGNORED, tf.float32))
        right = tf.reduce_sum(tf.cast(found == targets, tf.float32))
        return loss, tf.math.divide_no_nan(right, labelled)

    def save(self, path: Path) -> None:
        """Writes weights, batch statistics, seeds and optimiser, whole or not at all.

        Raises:
            Diverged: values that are not finite; the file stays as it was.
        """
        values = {name: np.asarray(x.value) for name, x in self._variables().items()}
        for name, value in values.items():
            if not np.isfinite(value).all():
                raise Diverged(diverged(f"step {self.step}: {name} is not finite"))
        write_arrays(path, values)

    def restore(self, path: Path) -> None:
        """Restores what :meth:`save` wrote; without a file nothing changes.

        Raises:
            InputError: a damaged file, or one of another network.
        """
        if not path.exists():
            return
        variables = self._variables()
        try:
            with open(path, "rb") as opened, np.load(opened) as file:
                values = {name: file[name] for name in file.files}
            if values.keys() != variables.keys():
                raise ValueError("it holds other variables")
            for name, variable in variables.items():
                variable.assign(values[name])
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{path}: cannot be restored ({error}); delete it, and the same "
                "command starts anew"
            ) from error

    def _variables(self):
        variables = [*self.model.variables, *self.optimizer.variables]
        return {f"{i:04}": variable for i, variable in enumerate(variables)}


def diverged(what: str) -> str:
    """Returns the error text for a training that has diverged."""
    return (
        f"{what}: training has diverged and was stopped. Give another --out and a "
        "lower rate, such as --set learning_rate=3e-4"
    )
