"""A run whose newest checkpoint is exported or served, with layouts to show of it."""

import dataclasses
from pathlib import Path

import numpy as np

from ccfpse_tf.data.description import Description
from ccfpse_tf.data.pipeline import evaluation_dataset
from ccfpse_tf.data.record_errors import clear_record_errors
from ccfpse_tf.generation.trained_model import TrainedModel
from ccfpse_tf.runs.checkpoint_folder import require_checkpoint
from ccfpse_tf.runs.data_check import describe_data
from ccfpse_tf.runs.run_folder import read_run

EXAMPLES = 4


@dataclasses.dataclass(frozen=True)
class OpenedRun:
    """A run's newest checkpoint and its data.

    Attributes:
        trained: the restored model.
        records: their folder.
        data: their description.
    """

    trained: TrainedModel
    records: Path
    data: Description

    def layouts(self, size: tuple[int, int]) -> list[tuple]:
        """Returns up to four pairs ``(label, instance or None)`` of class indices.

        Args:
            size: ``(height, width)`` of the layouts.
        """
        data = self.data
        if not data.splits:  # a converted run, without records so far
            return [_bands(data, size)]
        split = "val" if "val" in data.splits else next(iter(data.splits))
        examples = evaluation_dataset(self.records, size, 1, split=split).take(EXAMPLES)
        with clear_record_errors(self.records):
            return [
                (
                    example["label"][0].numpy(),
                    example["instance"][0].numpy() if data.instances else None,
                )
                for example in examples
            ]


def open_to_draw(run_directory: Path, records: Path | None = None) -> OpenedRun:
    """Opens a run's newest checkpoint.

    Args:
        run_directory: the run.
        records: instead of the records that it was trained on.

    Raises:
        InputError: not a run, no checkpoint, records that are gone or of other data.
    """
    run = read_run(run_directory)
    require_checkpoint(run)
    records, data = describe_data(run, records, labels=True)
    return OpenedRun(TrainedModel(run, data), records, data)


def _bands(data, size):
    """A layout of horizontal bands of the first classes, each band an object."""
    count = min(4, data.num_classes)
    rows = np.arange(size[0], dtype=np.int32)[:, None] * count // size[0]
    label = np.broadcast_to(rows, size)
    return label, label + 1 if data.instances else None
