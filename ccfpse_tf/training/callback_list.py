"""The callbacks of a training, in the order in which they run."""

import dataclasses
from pathlib import Path

import tensorflow as tf

from ccfpse_tf.config.checks import MEASURED_BY
from ccfpse_tf.data.pipeline import batch_keys, evaluation_dataset
from ccfpse_tf.evaluation.image_source import ImageSource
from ccfpse_tf.evaluation.measures import Measures, check_files, open_metrics
from ccfpse_tf.gan.methods import method_of
from ccfpse_tf.runs.run_folder import Run, settings
from ccfpse_tf.runs.status import Status
from ccfpse_tf.runtime.workers import WorkerGroup
from ccfpse_tf.training.callbacks import (
    Checkpoints,
    LayoutGrids,
    SaveOnSignal,
    ScalarLogs,
    StopOnDivergence,
    summary_writer,
)
from ccfpse_tf.training.feature_updates import FeatureClusterUpdates
from ccfpse_tf.training.hparams import write_hparams
from ccfpse_tf.training.length import Length
from ccfpse_tf.training.profiler import Profile
from ccfpse_tf.training.progress_line import Progress
from ccfpse_tf.training.status_updates import StatusUpdates
from ccfpse_tf.training.time_forecast import TimeForecast
from ccfpse_tf.training.validation import AverageStatistics, MetricCallback, Validation

DIVERGED = "diverged.json"
ENCODED_IMAGES = 256  # for clusters of instance features before the training's end


@dataclasses.dataclass(frozen=True)
class TrainingContext:
    """A training that is about to start, as its callbacks see it.

    Args:
        run: the run folder and its config.
        store: saves; the model's step.
        description: of the records.
        group: the devices and workers.
        status: the run's, None on workers that do not write.
        open_stream: opens the training batches from a step on.
        length: steps of an epoch, and of the whole training.
        profile: first and last step to record, or None.
    """

    run: Run
    store: object
    description: object
    group: WorkerGroup
    status: Status | None
    open_stream: object
    length: Length
    profile: tuple[int, int] | None = None


def check_measures(config, description) -> None:
    """Checks what the section ``evaluation`` names, before anything is built.

    Args:
        config: of the training.
        description: of the records.

    Raises:
        InputError: a file that is not there, or a segmenter of other classes.
    """
    if measures := _measures(config):
        check_files(measures, description)


def make_callbacks(training: TrainingContext) -> list:
    """Returns the callbacks of this worker.

    All workers run the callbacks that compute on all of them together. Only the chief
    prints and writes.
    """
    run, store, group = training.run, training.store, training.group
    config, schedule = run.config, run.config.schedule
    writer = tf.summary.create_noop_writer()
    if group.chief:
        writer = summary_writer(run.logs)
        write_hparams(writer, settings(config), method_of(config).logged)
    scalars = ScalarLogs(store, writer, schedule.log_every, config.data.batch_size)
    callbacks = [
        *_shown_while_training(training, scalars),
        StopOnDivergence(
            store,
            schedule.skips_allowed,
            lambda step: _keys(config, step),
            run.directory / DIVERGED if group.chief else None,
        ),
        scalars,
        *_said_once(training, scalars),
    ]
    if config.generator.average_decay:
        callbacks.append(_average_statistics(training))
    if getattr(store.model.generator, "clusters", None) is not None:
        callbacks.append(_feature_clusters(training))
    if group.chief:
        callbacks += _shown_now_and_then(training, writer)
    return [
        *callbacks,
        Checkpoints(store, schedule.checkpoint_every, schedule.checkpoint_minutes),
        SaveOnSignal(store, print if group.chief else _silent, group.any),
    ]


def _shown_while_training(training, scalars):
    if not training.group.chief:
        return []
    store, length = training.store, training.length
    steps = length.epoch_steps, length.total_steps
    log_every = training.run.config.schedule.log_every
    # The status comes first: it notes the step also of one that ends the training.
    callbacks = [
        StatusUpdates(store, training.status, scalars, log_every, *steps),
        Progress(store, scalars, *steps),
    ]
    if training.profile:
        callbacks.insert(0, Profile(store, training.run.logs, training.profile))
    return callbacks


def _said_once(training, scalars):
    if not training.group.chief:
        return []
    small = training.run.config.schedule.small_epochs
    return [TimeForecast(training.store, scalars, training.length, small)]


def _shown_now_and_then(training, writer):
    config, schedule = training.run.config, training.run.config.schedule
    description, data = training.description, config.data
    split = "val" if "val" in description.splits else "train"
    examples = evaluation_dataset(Path(data.records), data.image_size, 1, split=split)
    metric = schedule.best
    if metric == "auto":
        metric = "l1" if config.losses.perceptual_network == "off" else "perceptual"
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
        features=wanted.features,
        real=False,
    )


def _metric_callback(training, writer, split):
    config, wanted = training.run.config, training.run.config.evaluation
    source = ImageSource.of_records(
        Path(config.data.records), split, config.data.image_size, wanted.images
    )
    metrics = open_metrics(_measures(config), source, training.run.directory)
    for measured in metrics:
        measured.prepare()
    best = config.schedule.best
    return MetricCallback(
        training.store,
        writer,
        wanted.every_epochs * training.length.epoch_steps,
        source.layouts(),
        metrics,
        best if best in MEASURED_BY else None,
    )


def _due(training):
    """A function of a step: whether images or a checkpoint are made after it."""
    schedule = training.run.config.schedule
    cadences = (
        schedule.images_every,
        schedule.validate_every,
        schedule.checkpoint_every,
        training.run.config.evaluation.every_epochs * training.length.epoch_steps,
        training.length.total_steps,
    )

    def due(step):
        return any(step % every == 0 for every in cadences if every)

    return due


def _average_statistics(training):
    def batches():
        # Not the stream's next ones: a resumed run has to find the same statistics.
        stream = training.open_stream(0)
        if isinstance(stream, tf.data.Dataset):
            strategy = training.group.strategy
            stream = strategy.experimental_distribute_dataset(stream)
        return stream

    count = training.run.config.schedule.average_batches
    return AverageStatistics(training.store, _due(training), batches, count)


def _feature_clusters(training):
    data = training.run.config.data
    return FeatureClusterUpdates(
        training.store,
        _due(training),
        evaluation_dataset(Path(data.records), data.image_size, 1, split="train"),
        ENCODED_IMAGES,
        data.seed,
        training.length.total_steps,
    )


def _keys(config, step):
    data = config.data
    return batch_keys(Path(data.records), data.batch_size, step, seed=data.seed)


def _silent(text):
    """Prints nothing: of several workers only the chief prints."""
