"""The progress line of a training, for terminals and for log files."""

import shutil
import sys
import time

from ccfpse_tf.runtime.progress_bar import duration
from ccfpse_tf.training.callbacks import ScalarLogs, StepCallback

SHOWN = {"generator_loss": "G", "discriminator_loss": "D"}
REFRESH = 0.2  # seconds between two redraws


class Progress(StepCallback):
    """One line that moves on a terminal; elsewhere one plain line per epoch.

    While the line moves, what others print to the terminal appears above it.

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
        self._text = ""  # of the line
        self._width = 0  # that it takes on the terminal now
        self._others: dict[str, Above] = {}

    def on_train_begin(self, logs=None):
        """Says that the first step takes longer."""
        if not self.moving:
            return
        for name in ("stdout", "stderr"):
            if getattr(sys, name).isatty():
                self._others[name] = Above(getattr(sys, name), self._erase)
                setattr(sys, name, self._others[name])
        if not self.scalars.images_per_second:
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
        self.release()

    def release(self):
        """Leaves the line standing and the streams as they were, after errors too."""
        for name, stream in self._others.items():
            if getattr(sys, name) is stream:
                setattr(sys, name, stream.stream)
        self._others = {}
        if self._text:
            if not self._width:
                self._draw(self._text)
            print(file=self.stream, flush=True)
        self._text, self._width = "", 0

    def line(self, logs: dict, bar: bool = True) -> str:
        """Returns the text for the present step."""
        step = self.store.step
        epochs = -(-self.total_steps // self.steps_per_epoch)
        parts = [f"epoch {-(-step // self.steps_per_epoch)}/{epochs}"]
        if bar:
            filled = 20 * step // self.total_steps
            parts.append("[" + "#" * filled + "." * (20 - filled) + "]")
        parts.append(f"step {step}/{self.total_steps}")
        if self.scalars.images_per_second:
            parts.append(f"{self.scalars.images_per_second:.3g} images/s")
        left = seconds_left(self.total_steps - step, self.scalars)
        if left and left >= 1:
            parts.append(f"{duration(left)} left")
        parts += [f"{SHOWN[name]} {logs[name]:.3f}" for name in SHOWN if name in logs]
        return "  ".join(parts)

    def _draw(self, text):
        """Leaves the cursor at the left, where TensorFlow's own notices then begin."""
        begun = any(other.begun for other in self._others.values())
        self._text = text
        self._width = shutil.get_terminal_size().columns - 1
        line = text[: self._width].ljust(self._width)
        self.stream.write("\n" * begun + "\r" + line + "\r")
        self.stream.flush()
        for other in self._others.values():
            other.begun = False

    def _erase(self):
        if self._width:
            self.stream.write("\r" + " " * self._width + "\r")
            self.stream.flush()
            self._width = 0


class Above:
    """A stream whose text goes where the progress line was, which moves down.

    Args:
        stream: the terminal.
        erase: takes the line away.
    """

    def __init__(self, stream, erase):
        self.stream = stream
        self.begun = False  # a line that has not ended yet
        self._erase = erase

    def write(self, text: str) -> int:
        """Writes in the place of the progress line."""
        if text:
            self._erase()
            self.begun = not text.endswith("\n")
        return self.stream.write(text)

    def __getattr__(self, name):
        return getattr(self.stream, name)


def seconds_left(steps: int, scalars: ScalarLogs) -> float | None:
    """Returns how long ``steps`` take at the present speed; None if not known yet."""
    speed = scalars.images_per_second
    return steps * scalars.batch_size / speed if speed else None
