"""The progress line of a training, for terminals and for log files."""

import shutil
import sys
import time

from ccfpse_tf.callbacks import ScalarLogs, StepCallback

SHOWN = {"generator_loss": "G", "discriminator_loss": "D"}
REFRESH = 0.2  # seconds between two redraws


class Progress(StepCallback):
    """One line that moves on a terminal; elsewhere one plain line per epoch.

    Args:
        store: knows the model's step.
        scalars: knows the images per second.
        steps_per_epoch: for "epoch 3/200".
        total_steps: where the training ends.
        stream: default standard output.
    """

    def __init__(
        self,
        store,
        scalars: ScalarLogs,
        steps_per_epoch: int,
        total_steps: int,
        stream=None,
    ):
        super().__init__(store)
        self.scalars = scalars
        self.steps_per_epoch = steps_per_epoch
        self.total_steps = total_steps
        self.stream = stream or sys.stdout
        self.moving = self.stream.isatty()
        self._drawn = 0.0

    def on_train_begin(self, logs=None):
        """Says that the first step takes longer."""
        if self.moving and not self.scalars.images_per_second:
            self._draw("building the graph: the first step takes longest ...")

    def on_train_batch_end(self, batch, logs=None):
        """Redraws a few times a second; in a file, one line when an epoch ends."""
        now = time.monotonic()
        ends = self.due(self.steps_per_epoch)
        if self.moving and (ends or now - self._drawn > REFRESH):
            self._drawn = now
            self._draw(self.line(logs or {}))
        elif not self.moving and ends:
            print(self.line(logs or {}, bar=False), file=self.stream, flush=True)

    def on_train_end(self, logs=None):
        """Leaves the line standing."""
        if self.moving:
            print(file=self.stream, flush=True)

    def line(self, logs: dict, bar: bool = True) -> str:
        """Returns the text for the present step."""
        step = self.store.step
        epochs = -(-self.total_steps // self.steps_per_epoch)
        parts = [f"epoch {-(-step // self.steps_per_epoch)}/{epochs}"]
        if bar:
            filled = 20 * step // self.total_steps
            parts.append("[" + "#" * filled + "." * (20 - filled) + "]")
        parts.append(f"step {step}/{self.total_steps}")
        speed = self.scalars.images_per_second
        if speed:
            left = (self.total_steps - step) * self.scalars.batch_size / speed
            parts.append(f"{speed:.3g} images/s")
            if left >= 1:
                parts.append(f"{duration(left)} left")
        parts += [f"{SHOWN[name]} {logs[name]:.3f}" for name in SHOWN if name in logs]
        return "  ".join(parts)

    def _draw(self, text):
        width = shutil.get_terminal_size().columns - 1
        self.stream.write("\r" + text[:width].ljust(width))
        self.stream.flush()


def duration(seconds: float) -> str:
    """Returns ``seconds`` as ``4:05`` or ``2:04:05``."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{seconds:02}"
    return f"{minutes}:{seconds:02}"
