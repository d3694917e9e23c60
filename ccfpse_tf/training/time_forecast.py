"""Says after the first steps how long a training will take."""

import time

from ccfpse_tf.runtime.duration import in_words
from ccfpse_tf.training.callbacks import ScalarLogs, StepCallback
from ccfpse_tf.training.length import Length

STEPS, SECONDS = 5, 60.0  # that are measured, whichever ends first
WORTH_SAYING = 60.0  # seconds of a training


class TimeForecast(StepCallback):
    """Prints once how long the rest of the training takes.

    The first step of the process traces the graph and does not count.

    Args:
        store: knows the model's step.
        scalars: knows the images per second; comes before this.
        length: of the training.
        small_epochs: first epochs on windows of half the size.
        say: prints a line.
    """

    def __init__(
        self, store, scalars: ScalarLogs, length: Length, small_epochs: int, say=print
    ):
        super().__init__(store)
        self.scalars, self.length, self.small_epochs = scalars, length, small_epochs
        self.say = say
        self._measured, self._told = -1, False

    def on_train_batch_end(self, batch, logs=None):
        """Says it after a few measured steps, or after a minute of them."""
        self._measured += 1
        if self._measured == 0:
            self._begin = time.monotonic()
        elif not self._told:
            elapsed = time.monotonic() - self._begin
            self._told = self._measured >= STEPS or elapsed >= SECONDS
            if self._told:
                self._tell()

    def _tell(self):
        seconds = self.scalars.batch_size / self.scalars.images_per_second
        step = self.store.step
        left = self.length.work(self.small_epochs, step)
        if step < self.small_epochs * self.length.epoch_steps:
            left *= 4  # such steps are a quarter of the work
        if left * seconds < WORTH_SAYING:
            return
        counted = f"{self._measured} step{'s' if self._measured > 1 else ''}"
        self.say(
            f"time     about {in_words(left * seconds)} to the end, by {counted} of "
            f"{seconds:.3g} seconds; validation, images and checkpoints come on top"
        )
