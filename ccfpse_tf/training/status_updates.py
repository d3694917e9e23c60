"""Keeps a run's ``status.json`` up to date while Keras trains."""

from ccfpse_tf.runs.status import Status
from ccfpse_tf.training.callbacks import ScalarLogs, StepCallback
from ccfpse_tf.training.progress_line import seconds_left


class StatusUpdates(StepCallback):
    """Notes every step, writes every few; `Status.recorded` writes start and end.

    It comes before the callbacks that may end the training, so that the last step is
    noted, too.

    Args:
        store: knows the model's step.
        status: the run's.
        scalars: knows the images per second.
        every: steps between two writes.
        steps_per_epoch: to count the epochs.
        total_steps: the step at which the training ends.
    """

    def __init__(
        self,
        store,
        status: Status,
        scalars: ScalarLogs,
        every: int,
        steps_per_epoch: int,
        total_steps: int,
    ):
        super().__init__(store)
        self.status = status
        self.scalars = scalars
        self.every = every
        self.steps_per_epoch = steps_per_epoch
        self.total_steps = total_steps

    def on_train_begin(self, logs=None):
        """Notes the length of the training before its first step."""
        self._note({})
        self.status.write()

    def on_train_batch_end(self, batch, logs=None):
        """Notes the step, and writes when due."""
        self._note({"losses": dict(logs)} if logs else {})
        if self.due(self.every):
            self.status.write()

    def on_train_end(self, logs=None):
        """Notes the speed of the last step, which was not measured before."""
        self._note({})

    def _note(self, losses):
        step, speed = self.store.step, self.scalars.images_per_second
        self.status.update(
            step=step,
            total_steps=self.total_steps,
            epoch=-(-step // self.steps_per_epoch),
            eta_seconds=seconds_left(self.total_steps - step, self.scalars),
            **({"images_per_second": speed} if speed else {}),
            **losses,
        )
