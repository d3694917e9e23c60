"""Training a run: from a config and a folder of records to checkpoints and logs."""

import contextlib
import dataclasses
import functools
import random
from pathlib import Path

import tensorflow as tf

from ccfpse_tf.config import Config, derive
from ccfpse_tf.data.pipeline import training_dataset
from ccfpse_tf.data.random_window import RandomWindow
from ccfpse_tf.data.record_errors import clear_record_errors
from ccfpse_tf.data.records import Description, read_description
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.locks import RUN_LOCK, TRAINING, locked
from ccfpse_tf.gan import methods
from ccfpse_tf.gan.build import build_model
from ccfpse_tf.generation.memory_bank import training_filler
from ccfpse_tf.presets.preset import Preset
from ccfpse_tf.runs.checkpoint_folder import steps_saved
from ccfpse_tf.runs.checkpoints import CheckpointStore, ReadOnlyCheckpoints
from ccfpse_tf.runs.new_run import run_to_train
from ccfpse_tf.runs.run_folder import Run, check_folder, is_begun, read_run
from ccfpse_tf.runs.status import Status
from ccfpse_tf.runtime.devices import (
    check_devices,
    check_replicas,
    open_strategy,
    parse_devices,
)
from ccfpse_tf.runtime.interruption import interrupted_by_signals
from ccfpse_tf.runtime.tf_config import read_workers
from ccfpse_tf.runtime.workers import WorkerGroup
from ccfpse_tf.training.callback_list import (
    TrainingContext,
    check_measures,
    make_callbacks,
)
from ccfpse_tf.training.callbacks import SaveOnSignal
from ccfpse_tf.training.forecast import Mode, forecast_disk, forecast_memory
from ccfpse_tf.training.length import Length
from ccfpse_tf.training.preset_start import PresetStart
from ccfpse_tf.training.profiler import Profile, check_steps
from ccfpse_tf.training.progress_line import Progress
from ccfpse_tf.training.step_costs import Place
from ccfpse_tf.training.teaching import Teaching, check_teacher

ANY_DATA = "folder"  # the recipe that takes any data


def train(
    config: Config,
    run_directory: Path,
    devices: str = "auto",
    profile: tuple[int, int] | None = None,
    preset: Preset | None = None,
    teaching: Teaching | None = None,
    memory: Mode = "check",
) -> int:
    """Trains a run to the end of its schedule, or goes on with one that was stopped.

    A resumed run continues as if it had never stopped: networks, both optimisers, step,
    learning rates, style noise and the order, crops and flips of the data. With
    ``step.deterministic`` its weights are the same to the last bit.

    Args:
        config: of the run; ``data.records`` names the records.
        run_directory: made if it does not exist, and locked while this trains.
        devices: the devices to train on, see `devices.parse_devices`. Where
            ``TF_CONFIG`` names several workers, each of them calls this.
        profile: first and last step to record for TensorBoard's profile page.
        preset: that ``config.preset`` names: a run without checkpoints starts from its
            weights.
        teaching: the run that ``config.teacher`` names, which the generator learns
            from.
        memory: ``"check"`` refuses a batch that does not fit into the memory,
            ``"fit"`` lowers it in a new run, also to one that the devices can share
            evenly, ``"trust"`` does not look.

    Returns:
        The step that the run is at.

    Raises:
        InputError: a config that does not fit its networks, records or a run folder
            that do not fit the config, diverged losses, too little memory or disk, a
            lost worker, another training in the folder: anything that the user can
            correct.
        KeyboardInterrupt: Ctrl-C, SIGTERM or SIGHUP, after the state has been saved;
            before the first step nothing is left of a new run.
    """
    methods.check(config)
    directory, workers = Path(run_directory), read_workers()
    chosen = parse_devices(devices)
    check_devices(chosen, workers)
    place = Place.of(chosen, workers)
    with interrupted_by_signals(), contextlib.ExitStack() as stack:
        if workers.chief:
            stack.enter_context(locked(directory / RUN_LOCK, TRAINING))
        description = read_description(Path(config.data.records))
        _check_data(config, description)
        start = PresetStart.of(config, description, preset)
        check_teacher(config, teaching)
        config, memory = _with_batch(config, directory, place, memory)
        done = max(steps_saved(directory / "checkpoints"), default=0)
        left = done < Length.of(config).total_steps
        _check(config, directory, description, place, left, workers)
        if profile and memory != "fit":
            check_steps(profile, done, Length.of(config).total_steps)
        if left:
            config = _fitting(config, directory, place, teaching, memory, workers)
        length = Length.of(config)
        if profile:  # a batch that was lowered has made the training longer
            check_steps(profile, done, length.total_steps)
        if config.step.deterministic:
            tf.config.experimental.enable_op_determinism()
        strategy = open_strategy(chosen, workers)
        group = WorkerGroup(strategy, workers)
        stack.enter_context(group.clear_errors(directory))
        starts = start, teaching
        return _train(config, directory, description, group, length, profile, starts)


def _train(config, directory, description, group, length, profile, starts):
    # Keras draws the seeds of its initialisers from Python's generator. TensorFlow's
    # global seed stays alone: it would enter the order of the data.
    random.seed(config.data.seed)
    with group.strategy.scope():
        model = build_model(config, description, length.epoch_steps)
        filler = training_filler(model, config, description)
        start, teaching = starts
        new = not steps_saved(directory / "checkpoints")
        if start and new:
            start.load(model, config)
        if teaching:
            teaching.begin(model, description, group.strategy, new)
    if group.chief:
        forecast_disk(model, config, directory)
    # Only now, as a model that cannot be built must not leave a run folder behind.
    run, status = Run(directory, config), None
    with contextlib.ExitStack() as stack:
        if group.chief:
            steps = functools.partial(_steps, model)
            stack.enter_context(run_to_train(directory, config, description, steps))
            status = stack.enter_context(Status(directory).recorded())
        store = _open_store(model, run, group)
        group.check_same(store.step, _content(config, description))
        if group.chief:
            _announce(run, description, group.strategy, store.step, length.total_steps)
            if start and not store.step:
                print(f"preset   {start.summary()}")
            if teaching:
                print(f"teacher  {teaching.summary()}")
        if store.step < length.total_steps:
            stream = functools.partial(_stream, config, group, length, filler)
            _fit(
                model,
                TrainingContext(
                    run, store, description, group, status, stream, length, profile
                ),
            )
        return store.step


def _steps(model):
    return int(tf.convert_to_tensor(model.steps))


def _check(config, directory, description, place, left, workers):
    """Refuses what can be told without the measurement of a step, which takes long."""
    if workers.chief:
        check_folder(directory, config, description)
        if left:
            check_measures(config, description)
    check_replicas(place.total, config.data.batch_size, config.step.jit_compile)


def _with_batch(config, directory, place, memory):
    """The config and ``memory``; instead of "fit", a run keeps the batch that it has.

    A new run to fit gets a batch that its devices can share evenly, if there is one.
    """
    if memory != "fit":
        return config, memory
    if is_begun(directory):
        batch = read_run(directory).config.data.batch_size
        return derive(config, data={"batch_size": batch}), "check"
    if place.machines > 1:
        raise InputError(
            "--batch auto: several workers (TF_CONFIG) have to agree; give a number"
        )
    batch = config.data.batch_size
    shared = batch // place.total * place.total
    return derive(config, data={"batch_size": shared or batch}), memory


def _fitting(config, directory, place, teaching, memory, workers):
    """The config, with a batch that the memory holds."""
    return forecast_memory(
        config,
        place,
        memory,
        teacher=teaching and teaching.run.directory,
        resumed=is_begun(directory),
        say=_say_at_once if workers.chief else lambda text: None,
    )


def _say_at_once(text):
    """Prints a line, which a reader of a pipe sees before what takes long."""
    print(text, flush=True)


def _open_store(model, run, group):
    """The run's checkpoints, the newest one restored."""
    say = print if group.chief else lambda text: None
    keep = run.config.schedule.keep
    store = CheckpointStore(model, run.checkpoints, keep, say, run.config)
    if group.chief:
        store.tidy()
    with group.strategy.scope():
        store.restore()
    return store if group.chief else ReadOnlyCheckpoints(store)


def _content(config, description):
    """The config and the data that all workers must share, as text."""
    data = dataclasses.replace(config.data, records="")  # may lie elsewhere
    return repr((dataclasses.replace(config, data=data), description.splits))


def _fit(model, training):
    """Trains to the end of the schedule, first the rest of an interrupted epoch."""
    store, length = training.store, training.length
    callbacks = make_callbacks(training)
    small_epochs = training.run.config.schedule.small_epochs
    with _clear_errors(training.run.config), _released(callbacks):
        for steps, first, last in _parts(store.step, length, small_epochs):
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
        training.group.any(False)  # no worker ends before the chief has saved


def _parts(step, length, small_epochs):
    """Yields ``(steps, first epoch, end)`` of what is left, each with its own stream.

    The rest of an interrupted epoch comes first, then the epochs on small windows, then
    the others.
    """
    epoch, done = divmod(step, length.epoch_steps)
    if done:
        yield length.epoch_steps - done, epoch, epoch + 1
        epoch += 1
    for end in (small_epochs, length.epochs):
        if epoch < end:
            yield length.epoch_steps, epoch, end
            epoch = end


def _stream(config, group, length, filler, start_step):
    data = config.data
    small = start_step < length.epoch_steps * config.schedule.small_epochs
    size = [edge // 2 for edge in data.image_size] if small else data.image_size
    open_stream = functools.partial(
        training_dataset,
        Path(data.records),
        RandomWindow(tuple(size), data.flip, data.quarter_turns, data.half_scale),
        data.batch_size,
        seed=data.seed,
        start_step=start_step,
        fill=filler,
    )
    return group.stream(open_stream, data.batch_size)


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
    print(f"loss     perceptual network: {run.config.losses.perceptual_network}")
    if start >= total:
        print(f"nothing to do: the run is complete at step {start} of {total}")
    elif start:
        print(f"resumed  at step {start} of {total}")
    else:
        print(f"steps    {total}")


@contextlib.contextmanager
def _released(callbacks):
    """Restores signals and streams, and stops the profiler, also after an error."""
    try:
        yield
    finally:
        for callback in callbacks:
            if isinstance(callback, SaveOnSignal | Progress | Profile):
                callback.release()


@contextlib.contextmanager
def _clear_errors(config):
    """Tells the user the way out of those errors of TensorFlow that have one."""
    try:
        with clear_record_errors(config.data.records):
            yield
    except tf.errors.ResourceExhaustedError as error:
        height, width = config.data.image_size
        raise InputError(
            f"out of memory at {config.data.batch_size} images of {height}x{width}, "
            f"generator.ngf {config.generator.ngf}; lower one of them, such as "
            f"--set data.batch_size={max(1, config.data.batch_size // 2)}"
        ) from error
