"""The progress line of a training, for terminals and for log files."""

import sys
import time

from ccfpse_tf.runtime.progress_bar import (
    duration,
    redirected_streams,
    stop,
    terminal_console,
)
from ccfpse_tf.training.callbacks import ScalarLogs, StepCallback

SHOWN = {"generator_loss": "G", "discriminator_loss": "D"}
REFRESH = 0.2  # seconds between two redraws


class Progress(StepCallback):
    """One line that moves on a terminal; elsewhere one plain line per epoch.

    While the line moves, other output to the terminal appears above it.

    Args:
        store: knows the model's step.
        scalars: knows the images per second.
        steps_per_epoch: for "epoch 3/200".
        total_steps: the step at which the training ends.
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
        self._console = terminal_console(self.stream)
        self._live = None
        self._drawn = 0.0

    def on_train_begin(self, logs=None):
        """Begins the line with a note that the first step takes longer."""
        if self._console is None:
            return
        from rich.live import Live

        self._live = Live(
            console=self._console, auto_refresh=False, **redirected_streams()
        )
        self._live.start()
        if self.scalars.images_per_second:
            self._draw(self.line({}))
        else:
            self._draw("building the graph: the first step takes longest ...")

    def on_train_batch_end(self, batch, logs=None):
        """Redraws a few times a second; in a file, one line when an epoch ends."""
        now = time.monotonic()
        ends = self.due(self.steps_per_epoch)
        if self._live is None:
            if ends:
                print(self.line(logs or {}, bar=False), file=self.stream, flush=True)
        elif ends or now - self._drawn > REFRESH:
            self._drawn = now
            self._draw(self.line(logs or {}))

    def on_train_end(self, logs=None):
        """Leaves the line standing."""
        self.release()

    def release(self):
        """Leaves the line standing and the streams as they were, after errors too."""
        if self._live is not None:
            stop(self._live)
            self._live = None

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
        from rich.console import Group
        from rich.control import Control
        from rich.segment import ControlType
        from rich.text import Text

        # The cursor is left at the beginning of the line: what TensorFlow itself writes
        # to the terminal then takes the line's place instead of going on behind it.
        line = Text(text[: self._console.width - 1], end="")
        back = Control(ControlType.CARRIAGE_RETURN)
        self._live.update(Group(line, back), refresh=True)


def seconds_left(steps: int, scalars: ScalarLogs) -> float | None:
    """Returns how long ``steps`` take at the present speed; None if not known yet."""
    speed = scalars.images_per_second
    return steps * scalars.batch_size / speed if speed else None
