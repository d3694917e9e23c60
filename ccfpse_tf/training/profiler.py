"""``train --profile``: records a few steps of the devices for TensorBoard."""

import sys
from pathlib import Path

import tensorflow as tf

from ccfpse_tf.errors import InputError
from ccfpse_tf.training.callbacks import StepCallback


def check_steps(steps: tuple[int, int], done: int, total: int) -> None:
    """Refuses steps that a training has done already, or does not reach.

    Args:
        steps: first and last step to record, both included.
        done: step that the run is at.
        total: the step at which the training ends.

    Raises:
        InputError: naming the option, the steps that are left, and the way out.
    """
    first, last = steps
    if first <= done or last > total:
        left = f"from {done + 1} to {total}" if done < total else "none"
        raise InputError(
            f"--profile {first}:{last}: the steps left to train are {left}; choose "
            "from these, a few are enough"
        )


class Profile(StepCallback):
    """Records some steps to ``plugins/profile`` in the run's logs.

    Args:
        store: knows the model's step.
        directory: the run's logs.
        steps: first and last step to record, both included.
    """

    def __init__(self, store, directory: Path, steps: tuple[int, int]):
        super().__init__(store)
        self.directory = directory
        self.first, self.last = steps
        self._recording = False
        self._mark = None

    def on_train_batch_begin(self, batch, logs=None):
        """Starts recording before the first step, and marks each one's beginning."""
        step = self.store.step + 1
        if step == self.first:
            tf.profiler.experimental.start(str(self.directory))
            self._recording = True
        if self._recording:
            self._mark = tf.profiler.experimental.Trace("train", step_num=step, _r=1)
            self._mark.__enter__()

    def on_train_batch_end(self, batch, logs=None):
        """Marks the end of the step, and writes after the last."""
        self._end_step()
        if self._recording and self.store.step >= self.last:
            self.release()

    def release(self):
        """Writes what was recorded, also when an error ends the training."""
        self._end_step()
        if not self._recording:
            return
        self._recording = False
        try:
            tf.profiler.experimental.stop()
        except tf.errors.OpError as error:  # a full disk, as a rule
            print(
                f"note: no profile in {self.directory}: {error.message}",
                file=sys.stderr,
            )
        else:
            print(f"profile  {self.directory / 'plugins' / 'profile'}")

    def _end_step(self):
        if self._mark:
            self._mark.__exit__(None, None, None)
            self._mark = None
