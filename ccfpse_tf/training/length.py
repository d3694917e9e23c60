"""How long a training is, in steps."""

import dataclasses
from pathlib import Path

from ccfpse_tf.config import Config
from ccfpse_tf.data.pipeline import steps_per_epoch


@dataclasses.dataclass(frozen=True)
class Length:
    """The length of a training, in steps.

    Args:
        epoch_steps: steps of an epoch.
        epochs: at constant and at falling rates.
    """

    epoch_steps: int
    epochs: int

    @property
    def total_steps(self) -> int:
        """The step at which the training ends."""
        return self.epoch_steps * self.epochs

    def work(self, small_epochs: int, step: int = 0) -> float:
        """Returns how many steps on whole windows take as long as all that is left.

        Args:
            small_epochs: first epochs on windows of half the size, a quarter the work.
            step: that the training is at.
        """
        small = max(0, small_epochs * self.epoch_steps - step)
        return self.total_steps - step - 0.75 * small

    @classmethod
    def of(cls, config: Config) -> "Length":
        """Returns the length of the training that a config with records describes.

        Raises:
            InputError: records without a whole batch.
        """
        data, schedule = config.data, config.schedule
        whole = steps_per_epoch(Path(data.records), data.batch_size, "train")
        epochs = schedule.epochs + schedule.decay_epochs
        return cls(schedule.steps_per_epoch or whole, epochs)
