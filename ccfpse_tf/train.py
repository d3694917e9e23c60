"""Training a run: from a config and a folder of records to checkpoints and logs."""

import contextlib
import dataclasses
import functools
import itertools
import random
from pathlib import Path

import tensorflow as tf

from ccfpse_tf.build import build_model
from ccfpse_tf.callbacks import (
    Checkpoints,
    LayoutGrids,
    SaveOnSignal,
    ScalarLogs,
    StopOnNonFinite,
    summary_writer,
)
from ccfpse_tf.checkpoints import CheckpointStore
from ccfpse_tf.config import Config
from ccfpse_tf.data.pipeline import (
    evaluation_dataset,
    steps_per_epoch,
    training_dataset,
)
from ccfpse_tf.data.records import Description, read_description
from ccfpse_tf.devices import check_replicas, open_strategy, parse_devices
from ccfpse_tf.errors import InputError
from ccfpse_tf.progress import Progress
from ccfpse_tf.runs import Run, open_run
from ccfpse_tf.workers import Follower, Together, read_workers

ANY_DATA = "folder"  # the recipe whose name says nothing about the data
CHIEFS = (Progress, LayoutGrids)  # what the other workers do not do


def train(config: Config, run_directory: Path, devices: str = "auto") -> int:
    """Trains a run to the end of its schedule, or goes on with one that was stopped.

    A resumed run continues as if it had never stopped: networks, both optimisers, step,
    learning rates, style noise and the order, crops and flips of the data.

    Args:
        config: what to train; ``data.records`` names the records.
        run_directory: made if it does not exist.
        devices: what to train on, see `devices.parse_devices`. Where ``TF_CONFIG``
            names several workers, each of them calls this.

    Returns:
        The step that the run is at.

    Raises:
        InputError: records or a run folder that do not fit the config, diverged losses,
            too little memory, a lost worker: anything that the user can mend.
        KeyboardInterrupt: Ctrl-C or SIGTERM, after the state has been saved.
    """
    description = read_description(Path(config.data.records))
    _check_data(config, description)
    epoch_steps = _epoch_steps(config)
    workers = read_workers()
    strategy = open_strategy(parse_devices(devices), workers)
    check_replicas(strategy, config.data.batch_size, config.step.jit_compile)
    together = Together(strategy, workers)
    with together.clear_errors(run_directory):
        return _train(config, run_directory, description, epoch_steps, together)


def _train(config, run_directory, description, epoch_steps, together):
    # Keras draws the seeds of its initialisers from Python's generator. TensorFlow's
    # global seed stays alone: it would enter the order of the data.
    random.seed(config.data.seed)
    with together.strategy.scope():
        model = build_model(config, description, epoch_steps)
    # Only now: a model that cannot be built must leave no run of its config behind.
    run = Run(run_directory, config)
    if together.chief:
        run = open_run(run_directory, config, description)
    store = CheckpointStore(model, run.checkpoints, config.schedule.keep)
    with together.strategy.scope():
        start = store.restore()
    together.check_same(start, _content(config, description))
    if not together.chief:
        store = Follower(store)
    schedule = config.schedule
    total = (schedule.epochs + schedule.decay_epochs) * epoch_steps
    if together.chief:
        _announce(run, description, together.strategy, start, total)
    if start < total:
        callbacks = _callbacks(run, store, description, epoch_steps, together)
        _fit(model, config, store, callbacks, together)
    return store.step


def _content(config, description):
    """What all workers must have in common, as text; records may lie elsewhere."""
    data = dataclasses.replace(config.data, records="")
    return repr((dataclasses.replace(config, data=data), description.splits))


def _fit(model, config, store, callbacks, together):
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
                _stream(config, store.step, together),
                steps_per_epoch=steps,
                initial_epoch=first,
                epochs=last,
                callbacks=callbacks,
                shuffle=False,  # the stream does it
                verbose=0,
            )
        store.save()
        together.any(False)  # nobody leaves before the chief has saved


def _stream(config, start_step, together):
    data = config.data
    open_stream = functools.partial(
        training_dataset,
        Path(data.records),
        data.image_size,
        data.batch_size,
        seed=data.seed,
        flip=data.flip,
        start_step=start_step,
    )
    return together.stream(open_stream, data.batch_size)


def _callbacks(run: Run, store, description, epoch_steps, together):
    config, schedule = run.config, run.config.schedule
    writer = tf.summary.create_noop_writer()
    if together.chief:
        writer = summary_writer(run.logs)
    scalars = ScalarLogs(store, writer, schedule.log_every, config.data.batch_size)
    total = (schedule.epochs + schedule.decay_epochs) * epoch_steps
    callbacks = [
        StopOnNonFinite(store),
        Progress(store, scalars, epoch_steps, total),
        scalars,
        LayoutGrids(
            store,
            writer,
            schedule.images_every,
            _validation_examples(config, description),
            description.index_palette,
        ),
        Checkpoints(store, schedule.checkpoint_every),
        SaveOnSignal(store, print if together.chief else _silent, together.any),
    ]
    if together.chief:
        return callbacks
    return [callback for callback in callbacks if not isinstance(callback, CHIEFS)]


def _silent(text):
    """Says nothing: the chief does."""


def _validation_examples(config, description):
    """The first validation layouts (training ones where there is no such split)."""
    split = "val" if "val" in description.splits else "train"
    dataset = evaluation_dataset(
        Path(config.data.records), config.data.image_size, 1, split=split
    )
    return list(itertools.islice(dataset, config.schedule.images))


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
    """Gives Ctrl-C back to Python however the training ends."""
    try:
        yield
    finally:
        for callback in callbacks:
            if isinstance(callback, SaveOnSignal):
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
