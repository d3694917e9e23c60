"""Exporting a model, or a run's newest checkpoint."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

from ccfpse_tf.data.description import Description
from ccfpse_tf.errors import InputError
from ccfpse_tf.export.assembly import assemble
from ccfpse_tf.export.comparison import Difference, compare, saved_model
from ccfpse_tf.export.endpoints import Endpoints
from ccfpse_tf.export.id_table import IdTable
from ccfpse_tf.export.opened_run import open_to_draw
from ccfpse_tf.export.options import check_name, require_layouts_alone
from ccfpse_tf.export.portable import ask, check_file, write_portable
from ccfpse_tf.export.readme import readme
from ccfpse_tf.export.requests import as_json, sample_requests
from ccfpse_tf.export.serving_configs import write_beside
from ccfpse_tf.export.sizes import choose_sizes
from ccfpse_tf.export.version_writer import ASSETS, save, write_version
from ccfpse_tf.export.warmup import FILE_NAME, MISSING, write_warmup
from ccfpse_tf.gan.synthesizer import Synthesizer


@dataclasses.dataclass(frozen=True)
class ExportedVersion:
    """A version that was written.

    Attributes:
        folder: ``MODELS/NAME/VERSION``.
        description: what its ``describe`` signature answers.
        facts: ``assets.extra/export.json``: ``weight_bytes``, and the ``difference``
            to the model in float32.
    """

    folder: Path
    description: dict
    facts: dict


def export_model(
    model: Synthesizer,
    data: Description,
    base: Path,
    *,
    layouts: list[tuple],
    step: int = 0,
    precision: str = "float32",
    size: str | tuple[int, int] | None = None,
    say: Callable[[str], None] = print,
) -> ExportedVersion:
    """Writes a model as the next version below ``base``.

    Args:
        model: built and trained.
        data: the description of its records.
        base: ``MODELS/NAME``.
        layouts: examples ``(label, instance or None)``, ``(height, width)`` each, of
            class indices; shown by ``describe`` and used to warm servers up.
        step: the number of steps that the model was trained for.
        precision: one of :data:`ccfpse_tf.export.options.PRECISIONS`.
        size: ``(height, width)`` of images, ``"any"``, or None for the model's own.
        say: called with the name of each part that is left out.

    Raises:
        InputError: a folder's name, a precision or size that this model cannot have.
    """
    check_name(Path(base))
    require_layouts_alone(model)
    endpoints, description = assemble(
        model, data, layouts=layouts, step=step, precision=precision, size=size
    )
    facts = {}

    def fill(aside):
        save(endpoints, aside)
        facts.update(_facts(aside, compare(saved_model(aside), model, layouts)))
        requests = sample_requests(
            *layouts[0], description["examples"][0], data.index_palette, model.z_dim
        )
        _write_assets(aside / ASSETS, base.name, requests, facts, say)

    def name(aside, number):
        text = readme(base.name, number, description, facts)
        (aside / "README.md").write_text(text, encoding="utf-8")

    base = Path(base)
    folder = write_version(base, fill, name)
    write_beside(base.parent, say)
    return ExportedVersion(folder, description, facts)


def _facts(folder, difference):
    variables = (folder / "variables").iterdir()
    return {
        "weight_bytes": sum(path.stat().st_size for path in variables),
        "difference": dataclasses.asdict(difference),
    }


def _write_assets(folder, name, requests, facts, say):
    folder.mkdir()
    if not write_warmup(folder / FILE_NAME, name, requests):
        say(MISSING)
    example = as_json(requests["serving_default"][0])
    for file, content in (("export.json", facts), ("request.json", example)):
        text = json.dumps(content, indent=1) + "\n"
        (folder / file).write_text(text, encoding="utf-8")


def export_run(
    run_directory: Path,
    base: Path,
    *,
    records: Path | None = None,
    precision: str = "float32",
    size: str | tuple[int, int] | None = None,
) -> ExportedVersion:
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
    opened = _open(run_directory, records)
    trained = opened.trained
    sizes = choose_sizes(trained.model.generator, size)
    return export_model(
        trained.model,
        opened.data,
        base,
        layouts=opened.layouts(sizes.fixed or trained.run.config.data.image_size),
        step=trained.step,
        precision=precision,
        size=size,
    )


def export_portable(
    run_directory: Path,
    path: Path,
    target: str,
    *,
    records: Path | None = None,
    size: str | tuple[int, int] | None = None,
) -> Difference | None:
    """Writes a run's ``synthesize`` as one file, in float32.

    Args:
        run_directory: the run.
        path: of the file, which may not exist yet.
        target: ``"onnx"`` or ``"litert"``.
        records: instead of the records that the run was trained on.
        size: ``(height, width)`` of images; None for the run's own.

    Returns:
        The difference to the run, or None where the file's runtime is not installed.

    Raises:
        InputError: as :func:`export_run`; ``"any"`` size; a converter that is missing.
    """
    check_file(target, path)
    opened = _open(run_directory, records)
    model = opened.trained.model
    sizes = choose_sizes(model.generator, size)
    if not sizes.fixed:
        raise InputError(f"--size any: --target {target} needs one size, HxW")
    ids = IdTable(opened.data.label_ids)
    endpoints = Endpoints(model, ids, sizes, "float32", "")
    write_portable(endpoints, target, path)
    runtime = ask(path)
    if runtime is None:
        return None
    return compare(runtime, model, opened.layouts(sizes.fixed))


def _open(run_directory, records):
    opened = open_to_draw(run_directory, records)
    require_layouts_alone(opened.trained.model)
    return opened
