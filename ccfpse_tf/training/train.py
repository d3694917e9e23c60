"""Training a run: from a config and a folder of records to checkpoints and logs."""

import contextlib
import dataclasses
import functools
import random
from pathlib import Path

import tensorflow as tf

from ccfpse_tf.config import Config
from ccfpse_tf.data.pipeline import (
    damaged_shards,
    steps_per_epoch,
    training_dataset,
)
from ccfpse_tf.data.records import Description, read_description
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.locks import RUN_LOCK, TRAINING, locked
from ccfpse_tf.gan.build import build_model
from ccfpse_tf.runs.checkpoints import CheckpointStore, steps_saved
from ccfpse_tf.runs.run_folder import Run, open_run
from ccfpse_tf.runs.status import Status
from ccfpse_tf.runtime.devices import check_replicas, open_strategy, parse_devices
from ccfpse_tf.runtime.workers import Follower, Together, read_workers
from ccfpse_tf.training.callback_list import Training, make_callbacks
from ccfpse_tf.training.callbacks import SaveOnSignal
from ccfpse_tf.training.profiler import Profile, check_steps
from ccfpse_tf.training.progress_line import Progress

ANY_DATA = "folder"  # the recipe whose name says nothing about the data


def train(
    config: Config,
    run_directory: Path,
    devices: str = "auto",
    profile: tuple[int, int] | None = None,
) -> int:
    """Trains a run to the end of its schedule, or goes on with one that was stopped.

    A resumed run continues as if it had never stopped: networks, both optimisers, step,
    learning rates, style noise and the order, crops and flips of the data. With
    ``step.deterministic`` its weights are the same to the last bit.

    Args:
        config: what to train; ``data.records`` names the records.
        run_directory: made if it does not exist, and locked while this trains.
        devices: what to train on, see `devices.parse_devices`. Where ``TF_CONFIG``
            names several workers, each of them calls this.
        profile: first and last step to record for TensorBoard's profile page.

    Returns:
        The step that the run is at.

    Raises:
        InputError: records or a run folder that do not fit the config, diverged losses,
            too little memory, a lost worker, another training in the folder: anything
            that the user can mend.
        KeyboardInterrupt: Ctrl-C or SIGTERM, after the state has been saved.
    """
    directory, workers = Path(run_directory), read_workers()
    with contextlib.ExitStack() as stack:
        if workers.chief:
            stack.enter_context(locked(directory / RUN_LOCK, TRAINING))
        description = read_description(Path(config.data.records))
        _check_data(config, description)
        total = _epochs(config) * _epoch_steps(config)
        if profile:
            saved = steps_saved(directory / "checkpoints")
            check_steps(profile, max(saved, default=0), total)
        if config.step.deterministic:
            tf.config.experimental.enable_op_determinism()
        strategy = open_strategy(parse_devices(devices), workers)
        check_replicas(strategy, config.data.batch_size, config.step.jit_compile)
        together = Together(strategy, workers)
        stack.enter_context(together.clear_errors(directory))
        return _train(config, directory, description, together, profile)


def _train(config, directory, description, together, profile):
    # Keras draws the seeds of its initialisers from Python's generator. TensorFlow's
    # global seed stays alone: it would enter the order of the data.
    random.seed(config.data.seed)
    epoch_steps = _epoch_steps(config)
    with together.strategy.scope():
        model = build_model(config, description, epoch_steps)
    # Only now: a model that cannot be built must leave no run of its config behind.
    run, status = Run(directory, config), contextlib.nullcontext()
    if together.chief:
        run = open_run(directory, config, description)
        status = Status(directory).recorded()
    with status as status:
        store = _open_store(model, run, together)
        together.check_same(store.step, _content(config, description))
        total = _epochs(config) * epoch_steps
        if together.chief:
            _announce(run, description, together.strategy, store.step, total)
        if store.step < total:
            training = Training(
                run,
                store,
                description,
                together,
                status,
                functools.partial(_stream, config, together),
                epoch_steps,
                total,
                profile,
            )
            _fit(model, training)
        return store.step


def _open_store(model, run, together):
    """The run's checkpoints, the newest one restored."""
    say = print if together.chief else lambda text: None
    store = CheckpointStore(model, run.checkpoints, run.config.schedule.keep, say)
    if together.chief:
        store.tidy()
    with together.strategy.scope():
        store.restore()
    return store if together.chief else Follower(store)


def _content(config, description):
    """What all workers must have in common, as text; records may lie elsewhere."""
    data = dataclasses.replace(config.data, records="")
    return repr((dataclasses.replace(config, data=data), description.splits))


def _fit(model, training):
    """Runs to the end of the schedule: first what an interrupted epoch has left."""
    store, epoch_steps = training.store, training.epoch_steps
    config = training.run.config
    callbacks = make_callbacks(training)
    epoch, done = divmod(store.step, epoch_steps)
    parts = [(epoch_steps - done, epoch, epoch + 1)] if done else []
    if epoch + bool(done) < _epochs(config):
        parts.append((epoch_steps, epoch + bool(done), _epochs(config)))
    with _clear_errors(config), _released(callbacks):
        for steps, first, last in parts:
            model.fit(
                training.open_stream(store.step),
                steps_per_epoch=steps,
                initial_epoch=first,
                epochs=last,
                callbacks=callbacks,
                shuffle=False,  # the stream does it
                verbose=0,
            )
        store.save()
        training.together.any(False)  # nobody leaves before the chief has saved


def _stream(config, together, start_step):
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


def _epochs(config):
    return config.schedule.epochs + config.schedule.decay_epochs


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
        damaged = ", ".join(damaged_shards(config.data.records))
        raise InputError(
            f"{config.data.records}: {damaged or 'a record'} is damaged "
            f"({_reason(error)}); delete the file and run prepare again, which writes "
            "only what is missing; then give the same command to go on"
        ) from error
    except tf.errors.NotFoundError as error:
        raise InputError(
            f"{config.data.records}: records are gone ({_reason(error)})"
            "; put them back or run prepare again, and give the same command to go on"
        ) from error


def _reason(error) -> str:
    """The line of a TensorFlow error that says what happened.

    From inside a graph it stands after the Python lines that made the node, and before
    the node's name.
    """
    lines = [line.strip() for line in error.message.splitlines() if line.strip()]
    named = (i for i, line in enumerate(lines) if "{{node" in line)
    place = next(named, 0)
    return lines[place - 1 if place else 0].partition("[[")[0].strip()
