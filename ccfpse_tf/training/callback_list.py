"""All that a training does around its steps, in the order in which it is done."""

import dataclasses
from pathlib import Path

import tensorflow as tf

from ccfpse_tf.config.checks import MEASURED_BY
from ccfpse_tf.data.pipeline import batch_keys, evaluation_dataset
from ccfpse_tf.evaluation.image_source import ImageSource
from ccfpse_tf.evaluation.measures import Measures, open_metrics
from ccfpse_tf.gan.model import LOGGED
from ccfpse_tf.runs.run_folder import Run, settings
from ccfpse_tf.runs.status import Status
from ccfpse_tf.runtime.workers import Together
from ccfpse_tf.training.callbacks import (
    Checkpoints,
    LayoutGrids,
    SaveOnSignal,
    ScalarLogs,
    StopOnDivergence,
    summary_writer,
)
from ccfpse_tf.training.hparams import write_hparams
from ccfpse_tf.training.profiler import Profile
from ccfpse_tf.training.progress_line import Progress
from ccfpse_tf.training.status_updates import StatusUpdates
from ccfpse_tf.training.validation import AverageStatistics, MetricCallback, Validation

DIVERGED = "diverged.json"


@dataclasses.dataclass(frozen=True)
class Training:
    """A training that is about to start, as its callbacks see it.

    Args:
        run: the run folder and its config.
        store: saves; the model's step.
        description: of the records.
        together: the devices and workers.
        status: the run's, None on workers that do not write.
        open_stream: opens the training batches from a step on.
        epoch_steps: steps of an epoch.
        total_steps: where the training ends.
        profile: first and last step to record, or None.
    """

    run: Run
    store: object
    description: object
    together: Together
    status: Status | None
    open_stream: object
    epoch_steps: int
    total_steps: int
    profile: tuple[int, int] | None = None


def make_callbacks(training: Training) -> list:
    """Returns the callbacks of this worker.

    What all workers compute together is done by all; what only shows or writes is done
    by the chief.
    """
    run, store, together = training.run, training.store, training.together
    config, schedule = run.config, run.config.schedule
    writer = tf.summary.create_noop_writer()
    if together.chief:
        writer = summary_writer(run.logs)
        write_hparams(writer, settings(config), LOGGED)
    scalars = ScalarLogs(store, writer, schedule.log_every, config.data.batch_size)
    callbacks = [
        *_shown_while_training(training, scalars),
        StopOnDivergence(
            store,
            schedule.skips_allowed,
            lambda step: _keys(config, step),
            run.directory / DIVERGED if together.chief else None,
        ),
        scalars,
    ]
    if config.generator.average_decay:
        callbacks.append(_average_statistics(training))
    if together.chief:
        callbacks += _shown_now_and_then(training, writer)
    return [
        *callbacks,
        Checkpoints(store, schedule.checkpoint_every, schedule.checkpoint_minutes),
        SaveOnSignal(store, print if together.chief else _silent, together.any),
    ]


def _shown_while_training(training, scalars):
    if not training.together.chief:
        return []
    store, steps = training.store, (training.epoch_steps, training.total_steps)
    log_every = training.run.config.schedule.log_every
    # The status comes first: it notes the step also of one that ends the training.
    callbacks = [
        StatusUpdates(store, training.status, scalars, log_every, *steps),
        Progress(store, scalars, *steps),
    ]
    if training.profile:
        callbacks.insert(0, Profile(store, training.run.logs, training.profile))
    return callbacks


def _shown_now_and_then(training, writer):
    config, schedule = training.run.config, training.run.config.schedule
    description, data = training.description, config.data
    split = "val" if "val" in description.splits else "train"
    examples = evaluation_dataset(Path(data.records), data.image_size, 1, split=split)
    metric = schedule.best
    if metric == "auto":
        metric = "l1" if config.losses.vgg == "off" else "perceptual"
    measured = [_metric_callback(training, writer, split)] if _measures(config) else []
    return [
        LayoutGrids(
            training.store,
            writer,
            schedule.images_every,
            list(examples.take(schedule.images)),
            description.index_palette,
        ),
        Validation(
            training.store,
            writer,
            schedule.validate_every,
            examples.take(schedule.validation_images),
            None if metric in MEASURED_BY else metric,
        ),
        *measured,
    ]


def _measures(config):
    wanted = config.evaluation
    if not wanted.every_epochs:
        return None
    return Measures(
        segmenter=wanted.segmenter,
        fid=wanted.fid,
        fid_resize=wanted.fid_resize,
        real=False,
    )


def _metric_callback(training, writer, split):
    config, wanted = training.run.config, training.run.config.evaluation
    source = ImageSource.of_records(
        Path(config.data.records), split, config.data.image_size, wanted.images
    )
    best = config.schedule.best
    return MetricCallback(
        training.store,
        writer,
        wanted.every_epochs * training.epoch_steps,
        source.layouts(),
        open_metrics(_measures(config), source, training.run.directory),
        best if best in MEASURED_BY else None,
    )


def _average_statistics(training):
    schedule = training.run.config.schedule
    cadences = (
        schedule.images_every,
        schedule.validate_every,
        schedule.checkpoint_every,
        training.run.config.evaluation.every_epochs * training.epoch_steps,
        training.total_steps,
    )

    def due(step):
        return any(step % every == 0 for every in cadences if every)

    def batches():
        # Not the stream's next ones: a resumed run has to find the same statistics.
        stream = training.open_stream(0)
        if isinstance(stream, tf.data.Dataset):
            strategy = training.together.strategy
            stream = strategy.experimental_distribute_dataset(stream)
        return stream

    return AverageStatistics(training.store, due, batches, schedule.average_batches)


def _keys(config, step):
    data = config.data
    return batch_keys(Path(data.records), data.batch_size, step, seed=data.seed)


def _silent(text):
    """Says nothing: the chief does."""
