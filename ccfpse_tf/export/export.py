"""Exporting a model, or a run's newest checkpoint."""

import dataclasses
from pathlib import Path

from ccfpse_tf.checkpoints import require_checkpoint
from ccfpse_tf.data.description import Description
from ccfpse_tf.data.pipeline import evaluation_dataset
from ccfpse_tf.data.records import read_description
from ccfpse_tf.drawing import Drawing
from ccfpse_tf.errors import InputError
from ccfpse_tf.export.description import describe, encoded_example, to_json
from ccfpse_tf.export.endpoints import Endpoints
from ccfpse_tf.export.saved_model import save, write_version
from ccfpse_tf.export.sizes import choose_sizes
from ccfpse_tf.export.table import IdTable
from ccfpse_tf.export.weights import PRECISIONS
from ccfpse_tf.runs import read_run
from ccfpse_tf.synthesizer import Synthesizer

EXAMPLES = 4


@dataclasses.dataclass(frozen=True)
class Exported:
    """A version that was written.

    Attributes:
        folder: ``MODELS/NAME/VERSION``.
        description: what its ``describe`` signature answers.
    """

    folder: Path
    description: dict


def export_model(
    model: Synthesizer,
    data: Description,
    base: Path,
    *,
    layouts: list[tuple],
    step: int = 0,
    precision: str = "float32",
    size: str | tuple[int, int] | None = None,
) -> Exported:
    """Writes a model as the next version below ``base``.

    Args:
        model: built and trained.
        data: the description of its records.
        base: ``MODELS/NAME``.
        layouts: examples ``(label, instance or None)``, ``(height, width)`` each, of
            class indices; shown by ``describe`` and used to warm servers up.
        step: what the model was trained for.
        precision: one of :data:`ccfpse_tf.export.weights.PRECISIONS`.
        size: ``(height, width)`` that is drawn, ``"any"``, or None for the model's own.

    Raises:
        InputError: a precision or size that this model cannot have.
    """
    if precision not in PRECISIONS:
        raise InputError(
            f"--precision {precision}: choose from {', '.join(PRECISIONS)}"
        )
    sizes = choose_sizes(model.generator, size)
    ids = IdTable(data.label_ids)
    description = describe(
        data,
        ids,
        sizes,
        image_size=model.generator.image_size,
        z_dim=model.z_dim,
        step=step,
        precision=precision,
        examples=[encoded_example(*layout, ids) for layout in layouts],
    )
    endpoints = Endpoints(model, ids, sizes, precision, to_json(description))
    folder = write_version(Path(base), lambda aside: save(endpoints, aside))
    return Exported(folder, description)


def export_run(
    run_directory: Path,
    base: Path,
    *,
    records: Path | None = None,
    precision: str = "float32",
    size: str | tuple[int, int] | None = None,
) -> Exported:
    """Exports a run's newest checkpoint, with layouts of its records.

    Args:
        run_directory: the run.
        base: ``MODELS/NAME``.
        records: instead of the records that the run was trained on.
        precision: see :func:`export_model`.
        size: see :func:`export_model`.

    Raises:
        InputError: a run without checkpoint, records that are gone, options that do
            not fit the model.
    """
    run = read_run(run_directory)
    require_checkpoint(run)
    records = Path(records or run.config.data.records)
    data = read_description(records)
    drawing = Drawing(run, data)
    sizes = choose_sizes(drawing.model.generator, size)
    return export_model(
        drawing.model,
        data,
        base,
        layouts=_layouts(records, data, sizes.fixed or run.config.data.image_size),
        step=drawing.step,
        precision=precision,
        size=size,
    )


def _layouts(records, data, size):
    split = "val" if "val" in data.splits else next(iter(data.splits))
    examples = evaluation_dataset(records, size, 1, split=split).take(EXAMPLES)
    return [
        (
            example["label"][0].numpy(),
            example["instance"][0].numpy() if data.instances else None,
        )
        for example in examples
    ]
