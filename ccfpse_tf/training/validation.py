"""Measurements on validation images while training, and keeping the best checkpoint."""

import math

import numpy as np
import tensorflow as tf

from ccfpse_tf.data.transforms import photograph_to_uint8, to_uint8
from ccfpse_tf.evaluation.image_metric import GENERATED, EvaluatedImage
from ccfpse_tf.training.callbacks import StepCallback


class AverageStatistics(StepCallback):
    """Re-estimates the averaged generator's batch statistics before they are needed.

    Args:
        store: knows the model's step.
        due: takes a step and returns True if images or a checkpoint are made after it.
        open_batches: opens the training batches to do it on, the same every time, so
            that a resumed run finds the same statistics.
        count: batches.
    """

    def __init__(self, store, due, open_batches, count: int):
        super().__init__(store)
        self.is_due = due
        self.open_batches = open_batches
        self.count = count
        self._step = None

    def on_train_batch_end(self, batch, logs=None):
        """Runs the averaged generator over the batches when due."""
        if self.is_due(self.store.step):
            self.estimate()

    def estimate(self):
        """Runs the averaged generator over the batches."""
        model = self.model
        if self._step is None:
            strategy = model.distribute_strategy
            self._step = tf.function(
                lambda data, count: strategy.run(
                    model.accumulate_statistics, (data, count)
                )
            )
        for number, data in zip(range(self.count), self.open_batches(), strict=False):
            self._step(data, tf.constant(number, tf.float32))


class Validation(StepCallback):
    """Compares images with the photographs they should resemble; keeps the best.

    Every validation layout gets the mean style of its own photograph. ``l1`` is
    the mean absolute difference in ``[0, 2]`` (images are in ``[-1, 1]``),
    ``perceptual`` the unweighted perceptual loss. Both are distances to one photograph
    of many that the layout allows: they tell a broken training from a sound one and
    help to choose a checkpoint, but do not replace FID and mIoU.

    Args:
        store: keeps the best checkpoint.
        writer: a ``tf.summary`` writer.
        every: steps between two validations.
        examples: batches of one, ``image``, ``label`` and maybe ``instance``.
        metric: the one of the two that chooses the best checkpoint; None: neither.
    """

    def __init__(self, store, writer, every: int, examples, metric: str | None):
        super().__init__(store)
        self.writer = writer
        self.every = every
        self.examples = examples
        self.metric = metric

    def on_train_batch_end(self, batch, logs=None):
        """Measures when due."""
        if self.due(self.every):
            found = self.measure()
            with self.writer.as_default(step=self.store.step):
                for name, value in found.items():
                    tf.summary.scalar(f"validation/{name}", value)
            self.writer.flush()
            if self.metric:
                self.store.save((self.metric, found[self.metric]))

    def measure(self) -> dict[str, float]:
        """Returns the mean over all examples of every metric."""
        totals, count = {}, 0
        for example in self.examples:
            count += 1
            for name, value in self._distances(example).items():
                totals[name] = totals.get(name, 0.0) + float(value)
        return {name: total / count for name, total in totals.items()}

    def _distances(self, example):
        model, real = self.model, example["image"]
        z = model.encode(real)[0] if model.z_dim else None
        fake = model.synthesize(example["label"], example.get("instance"), z)
        found = {"l1": tf.reduce_mean(tf.abs(fake - tf.cast(real, fake.dtype)))}
        if model.perceptual_loss is not None:
            found["perceptual"] = model.perceptual_loss(fake, real)
        return found


class MetricCallback(StepCallback):
    """The paper's metrics on validation images, now and then; keeps the best.

    Every layout gets the mean style of its own photograph.

    Args:
        store: keeps the best checkpoint.
        writer: a ``tf.summary`` writer.
        every: steps between two measurements.
        layouts: batches of one with ``key``, ``image``, ``label``, maybe ``instance``.
        metrics: of :mod:`ccfpse_tf.evaluation.measures`.
        metric: ``"fid"``, ``"kid_lite0"`` or ``"mean_iou"`` chooses the best one; None:
            neither.
    """

    def __init__(self, store, writer, every: int, layouts, metrics, metric: str | None):
        super().__init__(store)
        self.writer = writer
        self.every = every
        self.layouts = layouts
        self.metrics = metrics
        self.metric = metric

    def on_train_batch_end(self, batch, logs=None):
        """Measures when due."""
        if not self.due(self.every):
            return
        found = self.measure()
        with self.writer.as_default(step=self.store.step):
            for name, value in found.items():
                tf.summary.scalar(f"metrics/{name}", value)
        self.writer.flush()
        if self.metric and math.isfinite(found[self.metric]):
            value = found[self.metric]
            is_error = self.metric != "mean_iou"
            self.store.save((self.metric, value) if is_error else _error(value))

    def measure(self) -> dict[str, float]:
        """Returns the metrics of the model's present images."""
        for metric in self.metrics:
            metric.reset()
        for index, layout in enumerate(self.layouts):
            example = self._draw(index, layout)
            for metric in self.metrics:
                metric.update(example)
        found = [metric.result()[GENERATED] for metric in self.metrics]
        return {name: value for values in found for name, value in values.items()}

    def _draw(self, index, layout):
        model, real = self.model, layout["image"]
        z = model.encode(real)[0] if model.z_dim else None
        fake = model.synthesize(layout["label"], layout.get("instance"), z)
        label = np.asarray(layout["label"][0])
        return EvaluatedImage(
            index=index,
            key=np.asarray(layout["key"])[0].decode(),
            image=to_uint8(fake)[0].numpy(),
            real=photograph_to_uint8(real[0]),
            labels={label.shape: label},
        )


def _error(mean_iou):
    """Of two checkpoints the one with less is better."""
    return "1 - mean_iou", 1 - mean_iou
