"""A run's checkpoint, ready to generate images."""

from pathlib import Path

import tensorflow as tf

from ccfpse_tf.errors import InputError
from ccfpse_tf.gan.build import build_uncompiled_model, drawing_config
from ccfpse_tf.generation.drawing_model import DrawingModel
from ccfpse_tf.generation.memory_bank import give_bank
from ccfpse_tf.runs.checkpoints import CheckpointStore
from ccfpse_tf.runs.run_folder import Run


class TrainedModel(DrawingModel):
    """A run's newest checkpoint, ready to generate images.

    Args:
        run: a run with a checkpoint.
        description: of its data (``label_channels`` and ``instances``).
        strategy: the devices to use; default TensorFlow's own choice of one.
        checkpoint: folder of another checkpoint than the newest.

    Attributes:
        model: the restored :class:`ccfpse_tf.gan.adversarial_model.AdversarialModel`,
            not compiled: the moments of Adam would be twice its weights.
        step: the number of steps that it was trained for.

    Raises:
        InputError: no checkpoint that can be restored, a config that does not fit its
            networks, or a memory bank that is not there.
    """

    def __init__(
        self, run: Run, description, strategy=None, checkpoint: Path | None = None
    ):
        self.run = run
        strategy = strategy or tf.distribute.get_strategy()
        with strategy.scope():
            model = _built(run, description)
            store = CheckpointStore(model, run.checkpoints, config=run.config)
            self.step = store.restore(checkpoint)
        try:
            give_bank(model, run.config, description)
        except InputError as error:
            raise InputError(
                f"{run.directory}: its layouts are filled from the memory bank that "
                f"data.bank in its config.json names, and that cannot be used: {error}"
            ) from None
        super().__init__(model, strategy)


def _built(run, description):
    try:
        return build_uncompiled_model(drawing_config(run.config), description)
    except InputError as error:
        raise InputError(f"{run.directory / 'config.json'}: {error}") from None
