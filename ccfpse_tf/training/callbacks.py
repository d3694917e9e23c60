"""Callbacks around the steps of a training: logs, pictures, checkpoints, stopping.

All of them count in ``model.steps``, which a checkpoint restores, so they go on where a
resumed run left off, whatever Keras calls the epoch.
"""

import json
import math
import signal
import threading
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ccfpse_tf.data.transforms import photograph_to_uint8, to_uint8
from ccfpse_tf.errors import Diverged
from ccfpse_tf.generation.pictures import colorize, grid
from ccfpse_tf.runs.checkpoint_folder import diverged_message
from ccfpse_tf.runs.checkpoints import CheckpointStore


class StepCallback(keras.callbacks.Callback):
    """Base of callbacks that act each time after a number of steps of the model.

    Args:
        store: knows the model's step.
    """

    def __init__(self, store: CheckpointStore):
        super().__init__()
        self.store = store

    def due(self, every: int) -> bool:
        """Returns True if the model's step is a multiple of ``every``."""
        return self.store.step % every == 0


class StopOnDivergence(StepCallback):
    """Ends a training in which too many steps in a row were left out.

    The model leaves out every step with a loss or gradient that is not finite. It must
    come before the callbacks that save.

    Args:
        store: knows the model's step.
        allowed: the number of steps in a row that may be left out.
        keys_of: gives the keys of the batch of a step, counted from 0.
        report: JSON file to write, with step, losses and keys; None writes none.

    Raises:
        Diverged: naming step, losses, the last good checkpoint and the way out.
    """

    def __init__(self, store, allowed: int, keys_of, report: Path | None):
        super().__init__(store)
        self.allowed = allowed
        self.keys_of = keys_of
        self.report = report

    def on_train_batch_end(self, batch, logs=None):
        """Raises if too many were left out."""
        row = int(tf.convert_to_tensor(self.model.skipped_in_a_row))
        if row <= self.allowed:
            return
        what = (
            f"step {self.store.step}: losses or gradients were not finite {row} times"
        )
        if self.report:
            self._write(row, logs or {})
            what += f" in a row (the last batch's images are named in {self.report})"
        raise Diverged(diverged_message(what, self.store.directory))

    def _write(self, row, logs):
        facts = {
            "step": self.store.step,
            "left out in a row": row,
            "losses": {name: float(np.squeeze(value)) for name, value in logs.items()},
            "keys of the last batch": self.keys_of(self.store.step - 1),
        }
        self.report.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


class ScalarLogs(StepCallback):
    """Writes losses, learning rates and images/s to TensorBoard.

    Losses are means over the ``every`` steps before; the model's running means are
    reset with each entry, so that each covers its own steps only.

    Args:
        store: knows the model's step.
        writer: a ``tf.summary`` writer.
        every: steps between two entries.
        batch_size: images per step, over all devices.
    """

    def __init__(self, store, writer, every: int, batch_size: int):
        super().__init__(store)
        self.writer = writer
        self.every = every
        self.batch_size = batch_size
        self.images_per_second = None
        self._seconds, self._steps, self._compiled = 0.0, 0, False

    def on_train_batch_begin(self, batch, logs=None):
        """Starts the clock; what callbacks do between steps is not counted."""
        self._start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Stops the clock and writes when due."""
        if self._compiled:
            self._seconds += time.perf_counter() - self._start
            self._steps += 1
            self.images_per_second = self.batch_size * self._steps / self._seconds
        self._compiled = True  # the first step traces the graph: not a speed
        if self.due(self.every):
            self._write(logs or {})
            self.model.reset_metrics()
            self._seconds, self._steps = 0.0, 0

    def _write(self, logs):
        rates = {
            name.removesuffix("_optimizer"): getattr(self.model, name).learning_rate
            for name in self.model.optimizer_names
        }
        with self.writer.as_default(step=self.store.step):
            for name, value in logs.items():
                tf.summary.scalar(f"losses/{name}", value)
            for name, rate in rates.items():
                value = float(tf.convert_to_tensor(rate))
                tf.summary.scalar(f"learning_rate/{name}", value)
            skipped = int(tf.convert_to_tensor(self.model.skipped))
            tf.summary.scalar("skipped_steps", skipped)
            if self.images_per_second:
                tf.summary.scalar("speed/images_per_second", self.images_per_second)
        self.writer.flush()


class LayoutGrids(StepCallback):
    """Writes label | generated | real grids of fixed layouts to TensorBoard.

    With a style code, every layout gets the mean style of its own image.

    Args:
        store: knows the model's step.
        writer: a ``tf.summary`` writer.
        every: steps between two grids; one is written before the first step too.
        examples: batches of one, ``image``, ``label`` and maybe ``instance``.
        palette: RGB of every label index.
    """

    def __init__(self, store, writer, every: int, examples: list[dict], palette):
        super().__init__(store)
        self.writer = writer
        self.every = every
        self.examples = examples
        self.palette = palette
        self._written = None

    def on_train_begin(self, logs=None):
        """Writes the grid of the untrained model, to compare later ones with."""
        if self.store.step == 0:
            self.write()

    def on_train_batch_end(self, batch, logs=None):
        """Writes when due."""
        if self.due(self.every):
            self.write()

    def write(self):
        """Writes the grid of the present step, once."""
        if self._written == self.store.step or not self.examples:
            return
        self._written = self.store.step
        rows = [self._row(example) for example in self.examples]
        with self.writer.as_default(step=self.store.step):
            tf.summary.image("validation/label_generated_real", grid(rows)[None])
        self.writer.flush()

    def _row(self, example):
        label, instance = example["label"], example.get("instance")
        z = self.model.encode(example["image"])[0] if self.model.z_dim else None
        fake = self.model.synthesize(label, instance, z)
        drawn = colorize(
            np.asarray(label[0]),
            self.palette,
            None if instance is None else np.asarray(instance[0]),
        )
        real = photograph_to_uint8(example["image"][0])
        return [drawn, to_uint8(fake)[0].numpy(), real]


class Checkpoints(StepCallback):
    """Saves every so many steps, and every so many minutes.

    Args:
        store: where to save.
        every: steps between two checkpoints.
        minutes: time after the last one when another is due; None for never.
        clock: seconds that never go back.
    """

    def __init__(self, store, every: int, minutes=None, clock=time.monotonic):
        super().__init__(store)
        self.every = every
        self.seconds = math.inf if minutes is None else 60 * minutes
        self.clock = clock
        self._last = clock()

    def on_train_batch_end(self, batch, logs=None):
        """Saves when due."""
        if self.due(self.every) or self.clock() - self._last >= self.seconds:
            self.store.save()
            self._last = self.clock()


class SaveOnSignal(StepCallback):
    """On Ctrl-C, SIGTERM or SIGHUP, finishes the step, saves and stops.

    A second Ctrl-C stops at once without saving. SIGHUP, which a closed terminal sends,
    stays ignored where it is (`nohup`).

    Args:
        store: where to save.
        say: prints.
        agree: called after every step with True if this process was told to stop;
            returns True if any of the training's processes was, so that all stop at
            the same step.

    Raises:
        KeyboardInterrupt: after the checkpoint has been written.
    """

    def __init__(self, store, say=print, agree=bool):
        super().__init__(store)
        self.say = say
        self.agree = agree
        self._before = {}
        self._stop = False

    def on_train_begin(self, logs=None):
        """Installs the handlers of the signals, which only a main thread may do."""
        if threading.current_thread() is threading.main_thread():
            numbers = {signal.SIGINT, signal.SIGTERM}
            hangup = getattr(signal, "SIGHUP", None)  # Windows has none
            if hangup and signal.getsignal(hangup) is not signal.SIG_IGN:
                numbers.add(hangup)
            for number in numbers:
                self._before[number] = signal.signal(number, self._remember)

    def on_train_end(self, logs=None):
        """Restores the handlers of the signals."""
        self.release()

    def release(self):
        """Restores the handlers of the signals, also after an error."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _remember(self, number, frame):
        self.say("\nstopping after this step; press Ctrl-C again to stop at once")
        self._stop = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def on_train_batch_end(self, batch, logs=None):
        """Saves and stops if a signal has come."""
        if self.agree(self._stop):
            path = self.store.save()
            self.say(f"saved {path}")
            raise KeyboardInterrupt


def summary_writer(directory: Path):
    """Returns a TensorBoard writer for the run's ``logs`` folder."""
    return tf.summary.create_file_writer(str(directory))
