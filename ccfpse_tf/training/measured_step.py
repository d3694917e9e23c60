"""Trains a few steps of small batches in a process of its own, and weighs them.

    python -m ccfpse_tf.training.measured_step < request.json

This process may die of too much memory; the training that asks for it does not. The
request has the keys of :class:`Request`. Every line of the output is a JSON object: one
about the device, then one for each batch that was measured.
"""

import dataclasses
import json
import os
import random
import sys
import threading
import time
from pathlib import Path

from ccfpse_tf.config import Config, derive, from_dict
from ccfpse_tf.runtime.peak_memory import memory_bytes
from ccfpse_tf.runtime.startup import import_tensorflow
from ccfpse_tf.training.step_costs import TOO_MUCH

_PAUSE = 0.02  # seconds between two looks at the process's size


@dataclasses.dataclass(frozen=True)
class Request:
    """What is measured.

    Attributes:
        config: of the run, as nested dicts.
        images: sizes of the batches on one device, the smallest first.
        gpus: numbers of GPUs, of which the first is measured; none: the CPU is.
        limit: bytes of main memory that this process may hold, or None.
        teacher: folder of the run that the generator learns from, or None.
        quick: seconds; another batch is only measured where the first took less.
    """

    config: dict
    images: tuple[int, ...]
    gpus: tuple[int, ...]
    limit: int | None
    teacher: str | None
    quick: float


def main() -> None:
    """Reads the request and prints what is measured."""
    request, parent = Request(**json.load(sys.stdin)), os.getppid()
    _be_the_first_to_go()
    guard = threading.Thread(target=_guard, args=(request.limit, parent), daemon=True)
    guard.start()
    # What is printed is for the process that asked; libraries get the error stream.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if not request.gpus:  # TensorFlow's pool counts what is in use (`_in_use`)
        os.environ["TF_CPU_ALLOCATOR_USE_BFC"] = "true"
    import_tensorflow(open_devices=False)
    import tensorflow as tf

    try:
        for answer in measure(tf, request):
            print(json.dumps(answer), file=answers, flush=True)
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        print(error, file=sys.stderr)
        sys.exit(TOO_MUCH)


def measure(tf, request: Request):
    """Yields a dict about the device, then one after every step.

    The first has ``device``, its name, ``limit``, the bytes that a GPU's allocator may
    take, and ``base``, those that are in use before a model is built. Of the others the
    last one of a batch holds; they have
    ``images``; ``bytes``, the most that the GPU's allocator has had in use, or that the
    process has held; ``growth``, how much of it is not held between the steps; and the
    ``seconds`` of a step, without tracing for the first batch only.

    A process that has trained two batches holds two graphs, and what XLA compiled for
    each, which a training has only once. So the second batch adds to the first one's
    size what its tensors take more, which TensorFlow counts.
    """
    _show(tf, request.gpus)
    yield _device(tf)
    # Nothing may be left out of the step.
    config = from_dict(request.config)
    config = derive(config, schedule={"fix_global_epochs": 0})
    if config.step.deterministic:
        tf.config.experimental.enable_op_determinism()
    random.seed(config.data.seed)
    model, stream = _model(tf, config, request.teacher)
    held, first = _in_use(tf)["current"], None
    began = time.monotonic()
    for images in request.images:
        if first and time.monotonic() - began > request.quick:
            return  # it would take as long again, for a forecast that is little better
        model.train_function = None  # traced anew, as the training's own will be
        # The first step tells the memory, also where the time is over then. It traces
        # the graph, so the second one tells the time.
        for _ in range(1 if first else 2):
            seconds = _train_a_step(model, stream(images))
            peak = _in_use(tf)["peak"]
            most = first[0] + peak - first[1] if first else _held_at_most(tf)
            growth = peak - held
            yield dict(images=images, bytes=most, growth=growth, seconds=seconds)
        first = first or (most, peak)


def _model(tf, config: Config, teacher):
    """The model of the training, and a function that opens its batches."""
    from ccfpse_tf.data.pipeline import training_dataset
    from ccfpse_tf.data.random_window import RandomWindow
    from ccfpse_tf.data.records import read_description
    from ccfpse_tf.gan.build import build_model
    from ccfpse_tf.generation.memory_bank import training_filler
    from ccfpse_tf.training.teaching import Teaching

    data = config.data
    description = read_description(Path(data.records))
    model = build_model(config, description, 1)
    fill = training_filler(model, config, description)
    if teacher:
        strategy = tf.distribute.get_strategy()
        Teaching.open(Path(teacher)).begin(model, description, strategy, False)
    window = RandomWindow(tuple(data.image_size), data.flip, data.quarter_turns)

    def stream(images):
        return training_dataset(Path(data.records), window, images, fill=fill)

    return model, stream


def _train_a_step(model, batches):
    """Trains as a training does; returns the seconds of the step."""
    import keras

    times = []
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: times.append(time.perf_counter()),
        on_train_batch_end=lambda batch, logs: times.append(time.perf_counter()),
    )
    model.fit(batches, steps_per_epoch=1, callbacks=[clock], shuffle=False, verbose=0)
    return times[-1] - times[-2]


def _show(tf, gpus):
    """Makes only the GPU that is measured visible."""
    there = tf.config.list_physical_devices("GPU")
    tf.config.set_visible_devices([there[gpu] for gpu in gpus[:1]], "GPU")


def _device(tf):
    for gpu in tf.config.get_visible_devices("GPU"):
        from tensorflow.python.client import device_lib

        details = tf.config.experimental.get_device_details(gpu)
        limits = [
            device.memory_limit
            for device in device_lib.list_local_devices()
            if device.device_type == "GPU"
        ]
        name = details.get("device_name", "GPU")
        return {"device": name, "limit": limits[0], "base": 0}
    tf.zeros(())  # opens it
    return {"device": "CPU", "limit": None, "base": memory_bytes("VmRSS")}


def _in_use(tf):
    """Bytes of the device's tensors: ``current``, and ``peak`` since its start."""
    gpus = tf.config.list_logical_devices("GPU")
    return tf.config.experimental.get_memory_info("GPU:0" if gpus else "CPU:0")


def _held_at_most(tf):
    if tf.config.list_logical_devices("GPU"):
        return _in_use(tf)["peak"]
    return memory_bytes("VmHWM")


def _be_the_first_to_go():
    """Tells the kernel whom to end if memory runs out all the same."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000", "utf-8")
    except OSError:
        pass  # not Linux, or not allowed: the limit remains


def _guard(limit, parent):
    """Ends the process if it holds more than ``limit``, or if nobody waits for it."""
    while os.getppid() == parent:
        if limit and memory_bytes("VmRSS") > limit:
            os._exit(TOO_MUCH)
        time.sleep(_PAUSE)
    os._exit(1)


if __name__ == "__main__":
    main()
