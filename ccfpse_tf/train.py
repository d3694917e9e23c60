"""Training a run: from a config and a folder of records to checkpoints and logs."""

import contextlib
import random
from pathlib import Path

import tensorflow as tf

from ccfpse_tf.build import build_model
from ccfpse_tf.callbacks import (
    Checkpoints,
    LayoutGrids,
    SaveOnSignal,
    ScalarLogs,
    StopOnDivergence,
    summary_writer,
)
from ccfpse_tf.checkpoints import CheckpointStore, steps_saved
from ccfpse_tf.config import Config
from ccfpse_tf.data.pipeline import (
    batch_keys,
    evaluation_dataset,
    steps_per_epoch,
    training_dataset,
)
from ccfpse_tf.data.records import Description, read_description
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan import LOGGED
from ccfpse_tf.hparams import write_hparams
from ccfpse_tf.locks import RUN_LOCK, TRAINING, locked
from ccfpse_tf.profile import Profile, check_steps
from ccfpse_tf.progress import Progress
from ccfpse_tf.runs import Run, open_run, settings
from ccfpse_tf.status import Status
from ccfpse_tf.status_updates import StatusUpdates
from ccfpse_tf.validation import AverageStatistics, Validation

ANY_DATA = "folder"  # the recipe whose name says nothing about the data


def train(
    config: Config, run_directory: Path, profile: tuple[int, int] | None = None
) -> int:
    """Trains a run to the end of its schedule, or goes on with one that was stopped.

    A resumed run continues as if it had never stopped: networks, both optimisers, step,
    learning rates, style noise and the order, crops and flips of the data. With
    ``step.deterministic`` its weights are the same to the last bit.

    Args:
        config: what to train; ``data.records`` names the records.
        run_directory: made if it does not exist, and locked while this trains.
        profile: first and last step to record for TensorBoard's profile page.

    Returns:
        The step that the run is at.

    Raises:
        InputError: records or a run folder that do not fit the config, diverged losses,
            too little memory, another training in the folder: anything that the user
            can mend.
        KeyboardInterrupt: Ctrl-C or SIGTERM, after the state has been saved.
    """
    with locked(Path(run_directory) / RUN_LOCK, TRAINING):
        return _train(config, Path(run_directory), profile)


def _train(config, run_directory, profile):
    description = read_description(Path(config.data.records))
    _check_data(config, description)
    epoch_steps = _epoch_steps(config)
    if config.step.deterministic:
        tf.config.experimental.enable_op_determinism()
    schedule = config.schedule
    total = (schedule.epochs + schedule.decay_epochs) * epoch_steps
    if profile:
        saved = steps_saved(run_directory / "checkpoints")
        check_steps(profile, max(saved, default=0), total)
    strategy = _strategy(config)
    # Keras draws the seeds of its initialisers from Python's generator. TensorFlow's
    # global seed stays alone: it would enter the order of the data.
    random.seed(config.data.seed)
    with strategy.scope():
        model = build_model(config, description, epoch_steps)
    # Only now: a model that cannot be built must leave no run of its config behind.
    run = open_run(run_directory, config, description)
    store = CheckpointStore(model, run.checkpoints, config.schedule.keep)
    store.tidy()
    with Status(run.directory).recorded() as status:
        with strategy.scope():
            start = store.restore()
        _announce(run, description, strategy, start, total)
        if start < total:
            callbacks = _callbacks(run, store, description, epoch_steps, status)
            if profile:
                callbacks.insert(0, Profile(store, run.logs, profile))
            _fit(model, config, store, callbacks)
    return store.step


def _fit(model, config, store, callbacks):
    """Runs to the end of the schedule: first what an interrupted epoch has left."""
    schedule = config.schedule
    epoch_steps = _epoch_steps(config)
    epochs = schedule.epochs + schedule.decay_epochs
    epoch, done = divmod(store.step, epoch_steps)
    parts = [(epoch_steps - done, epoch, epoch + 1)] if done else []
    if epoch + bool(done) < epochs:
        parts.append((epoch_steps, epoch + bool(done), epochs))
    with _clear_errors(config), _released(callbacks):
        for steps, first, last in parts:
            model.fit(
                _stream(config, store.step),
                steps_per_epoch=steps,
                initial_epoch=first,
                epochs=last,
                callbacks=callbacks,
                shuffle=False,  # the stream does it
                verbose=0,
            )
        store.save()


def _stream(config, start_step):
    data = config.data
    return training_dataset(
        Path(data.records),
        data.image_size,
        data.batch_size,
        seed=data.seed,
        flip=data.flip,
        start_step=start_step,
    )


def _callbacks(run: Run, store, description, epoch_steps, status):
    config, schedule = run.config, run.config.schedule
    writer = summary_writer(run.logs)
    write_hparams(writer, settings(config), LOGGED)
    scalars = ScalarLogs(store, writer, schedule.log_every, config.data.batch_size)
    total = (schedule.epochs + schedule.decay_epochs) * epoch_steps
    examples = _validation_examples(config, description)
    every = schedule.log_every
    callbacks = [
        StatusUpdates(store, status, scalars, every, epoch_steps, total),
        StopOnDivergence(
            store,
            schedule.skips_allowed,
            lambda step: _keys(config, step),
            run.directory / "diverged.json",
        ),
        Progress(store, scalars, epoch_steps, total),
        scalars,
    ]
    if config.generator.average_decay:
        callbacks.append(_average_statistics(config, store, total))
    return [
        *callbacks,
        LayoutGrids(
            store,
            writer,
            schedule.images_every,
            list(examples.take(schedule.images)),
            description.index_palette,
        ),
        Validation(
            store,
            writer,
            schedule.validate_every,
            examples.take(schedule.validation_images),
            _best_metric(config),
        ),
        Checkpoints(store, schedule.checkpoint_every, schedule.checkpoint_minutes),
        SaveOnSignal(store),
    ]


def _average_statistics(config, store, total):
    schedule = config.schedule
    cadences = (
        schedule.images_every,
        schedule.validate_every,
        schedule.checkpoint_every,
        total,
    )

    def due(step):
        return any(step % every == 0 for every in cadences)

    def batches():
        # Not the stream's next ones: a resumed run has to find the same statistics.
        strategy = store.model.distribute_strategy
        return strategy.experimental_distribute_dataset(_stream(config, 0))

    return AverageStatistics(store, due, batches, schedule.average_batches)


def _best_metric(config):
    auto = "l1" if config.losses.vgg == "off" else "perceptual"
    return auto if config.schedule.best == "auto" else config.schedule.best


def _keys(config, step):
    data = config.data
    return batch_keys(Path(data.records), data.batch_size, step, seed=data.seed)


def _validation_examples(config, description):
    """The validation layouts, one by one (training ones where there are no others)."""
    split = "val" if "val" in description.splits else "train"
    data = config.data
    return evaluation_dataset(Path(data.records), data.image_size, 1, split=split)


def _epoch_steps(config):
    data = config.data
    whole = steps_per_epoch(Path(data.records), data.batch_size, "train")
    return config.schedule.steps_per_epoch or whole


def _check_data(config, description: Description):
    if config.name not in (ANY_DATA, description.name):
        raise InputError(
            f"{config.data.records} holds {description.name!r}, but this recipe trains "
            f"{config.name!r}; give other --records or use recipes/{ANY_DATA}.py, "
            "which takes any"
        )


def _strategy(config):
    """One device as it is; several GPUs mirrored, each with its share of the batch."""
    gpus = len(tf.config.list_logical_devices("GPU"))
    if gpus <= 1:
        return tf.distribute.get_strategy()
    if config.data.batch_size % gpus:
        raise InputError(
            f"data.batch_size is {config.data.batch_size}, which {gpus} GPUs cannot "
            f"share evenly; choose a multiple of {gpus}, or hide some of them with "
            "CUDA_VISIBLE_DEVICES"
        )
    if config.step.jit_compile:
        raise InputError(
            f"step.jit_compile works on one device, and {gpus} GPUs are visible: one "
            "XLA program cannot reach the weights on all of them; set it to false, or "
            "hide all GPUs but one with CUDA_VISIBLE_DEVICES"
        )
    return tf.distribute.MirroredStrategy()


def _announce(run, description, strategy, start, total):
    devices = strategy.num_replicas_in_sync
    images = description.splits["train"].count
    print(f"run      {run.directory}  (curves: tensorboard --logdir {run.directory})")
    print(
        f"data     {description.name}: {images} training images, "
        f"{description.semantic_channels} semantic channels"
    )
    print(f"devices  {devices}, {run.config.data.batch_size} images per step")
    if start >= total:
        print(f"nothing to do: the run is complete at step {start} of {total}")
    elif start:
        print(f"resumed  at step {start} of {total}")
    else:
        print(f"steps    {total}")


@contextlib.contextmanager
def _released(callbacks):
    """Gives signals, streams and the profiler back however the training ends."""
    try:
        yield
    finally:
        for callback in callbacks:
            if isinstance(callback, SaveOnSignal | Progress | Profile):
                callback.release()


@contextlib.contextmanager
def _clear_errors(config):
    """Says what the user can do about the errors of TensorFlow that have a way out."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        height, width = config.data.image_size
        raise InputError(
            f"out of memory at {config.data.batch_size} images of {height}x{width}, "
            f"generator.ngf {config.generator.ngf}; lower one of them, such as "
            f"--set data.batch_size={max(1, config.data.batch_size // 2)}"
        ) from error
    except tf.errors.DataLossError as error:
        raise InputError(
            f"{config.data.records}: the records are damaged ({error.message}); "
            "delete the damaged shard and run prepare again, it rewrites only that one"
        ) from error
