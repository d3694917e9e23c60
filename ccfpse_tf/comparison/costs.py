"""What a system costs: parameters, arithmetic, time and memory."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from ccfpse_tf.comparison.multiply_adds import multiply_adds
from ccfpse_tf.config import Config
from ccfpse_tf.data.pipeline import training_dataset
from ccfpse_tf.data.random_window import RandomWindow
from ccfpse_tf.data.records import read_description
from ccfpse_tf.gan.build import build_model
from ccfpse_tf.generation.memory_bank import training_filler
from ccfpse_tf.runtime.peak_memory import PeakMemory, available

WARM_UP, TIMES = 2, 5


def measure_costs(config: Config, images: int) -> dict:
    """Builds a config's networks, draws and trains some steps, and weighs both.

    Call it in a process of its own: memory is what this one grows by.

    Args:
        config: of a run, with records.
        images: in the training steps that are measured; one image is drawn at once.

    Returns:
        ``generator_parameters`` (of what draws), ``trained_parameters`` (of all
        networks), ``multiply_adds`` of an image, seconds ``image_seconds`` and
        ``step_seconds`` and bytes ``image_bytes`` and ``step_bytes``, each per image
        (bytes None where the system cannot tell), and ``device``.
    """
    data = config.data
    records = Path(data.records)
    window = RandomWindow(tuple(data.image_size), data.flip)
    with _peak() as memory:
        description = read_description(records)
        model = build_model(config, description, 1)
        fill = training_filler(model, config, description)
        batch = next(iter(training_dataset(records, window, images, fill=fill)))
        one = {name: value[:1] for name, value in batch.items()}
        draw = tf.function(lambda: model(one, training=False))
        drawn = _seconds(lambda: draw().numpy())
    image_bytes = memory()
    step = tf.function(model.train_step)
    with _peak() as memory:
        trained = _seconds(lambda: tf.nest.flatten(step(batch))[0].numpy())
    count = sum(int(tf.size(x)) for x in model.generator.trainable_variables)
    return {
        "generator_parameters": count,
        "trained_parameters": sum(int(tf.size(x)) for x in model.trainable_variables),
        "multiply_adds": multiply_adds(lambda: model(one, training=False)),
        "image_seconds": drawn,
        "image_bytes": image_bytes,
        "step_seconds": trained / images,
        "step_bytes": None if memory() is None else memory() // images,
        "device": _device(),
    }


def _seconds(call: Callable) -> float:
    """The median of some calls, after those that trace and compile."""
    for _ in range(WARM_UP):
        call()
    times = []
    for _ in range(TIMES):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


class _peak:
    """Measures the largest memory of a block: of the first GPU, or of the process."""

    def __enter__(self) -> Callable[[], int | None]:
        self._found = self._process = None
        if _gpus():
            tf.config.experimental.reset_memory_stats("GPU:0")
        elif available():
            self._process = PeakMemory()
            self._process.__enter__()
        return lambda: self._found

    def __exit__(self, *error) -> None:
        if _gpus():
            self._found = tf.config.experimental.get_memory_info("GPU:0")["peak"]
        elif self._process:
            self._process.__exit__(*error)
            self._found = self._process.extra


def _gpus():
    return tf.config.list_logical_devices("GPU")


def _device() -> str:
    for device in tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_device_details(device)["device_name"]
    return "CPU"
