"""Writes a run's checkpoint as a preset."""

import base64
import dataclasses
import functools
from pathlib import Path

import numpy as np

from ccfpse_tf.data.pipeline import evaluation_dataset
from ccfpse_tf.data.record_errors import clear_record_errors
from ccfpse_tf.errors import InputError
from ccfpse_tf.export.comparison import drawn_by
from ccfpse_tf.export.id_table import IdTable
from ccfpse_tf.export.options import require_layouts_alone
from ccfpse_tf.export.portable import require_converter
from ccfpse_tf.export.preset_graphs import preset_graphs
from ccfpse_tf.export.preset_picture import picture_of
from ccfpse_tf.export.preset_styles import choose_styles
from ccfpse_tf.export.scores import newest_scores, read_scores
from ccfpse_tf.export.self_description import encoded_example
from ccfpse_tf.files.output_folder import check_out
from ccfpse_tf.files.text_files import read_text
from ccfpse_tf.gan.preset_weights import load_weights, stored_weights
from ccfpse_tf.gan.save_preset import Origin, preset_of_model
from ccfpse_tf.generation import label_folder
from ccfpse_tf.generation.trained_model import TrainedModel
from ccfpse_tf.presets.model_card import CardDetails
from ccfpse_tf.presets.preset import ExampleLayout, Preset
from ccfpse_tf.presets.preset_facts import METADATA
from ccfpse_tf.presets.preset_files import (
    MOST_STYLES,
    check_card,
    check_name,
    write_preset,
)
from ccfpse_tf.runs.checkpoint_folder import PREFIX, best, require_checkpoint
from ccfpse_tf.runs.converted import missing_networks
from ccfpse_tf.runs.data_check import describe_data
from ccfpse_tf.runs.run_folder import Run, read_run

COMPARED = 4  # layouts that the difference is measured on
LAYOUTS = 2  # of them are stored as examples


@dataclasses.dataclass(frozen=True)
class PresetOptions:
    """What the user says about a preset.

    Args:
        name: default the name of the folder.
        title: default method and data.
        card: file with data, credit and known faults, for the model card.
        licence: of the weights, as hubs name it, such as ``"apache-2.0"``.
        dataset: name on a hub of the data of the training, ``"OWNER/NAME"``.
        records: instead of the records that the run was trained on.
        evaluation: folder that `evaluate` wrote for this checkpoint; default the newest
            one in the run's folder that is about this checkpoint, if there is any.
        best: take the best checkpoint instead of the newest.
        labels: folder of label files, the first of which become the example layouts,
            instead of layouts of the validation records: these may not be ours to give.
        instances: folder of their instance maps, where the model needs them.
        onnx: write the networks for ONNX Runtime, too.
    """

    name: str | None = None
    title: str | None = None
    card: Path | None = None
    licence: str | None = None
    dataset: str | None = None
    records: Path | None = None
    evaluation: Path | None = None
    best: bool = False
    onnx: bool = False
    labels: Path | None = None
    instances: Path | None = None


def preset_of_run(
    run_directory: Path, out: Path, options: PresetOptions, say=print
) -> tuple[Preset, dict[str, int]]:
    """Writes a preset, whole or not at all; replaces an earlier one in ``out``.

    Styles are those of training photos, layouts are the first of the validation.

    Args:
        run_directory: the run.
        out: folder to make.
        options: of the user.
        say: called with notes.

    Returns:
        The preset, and the bytes of each of its files.

    Raises:
        InputError: a run without checkpoint or encoder, records that are gone, a folder
            with other files, files that cannot be read, more than 8 MB; a package that
            ``onnx`` needs and that is not there.
    """
    run, out = read_run(run_directory), Path(out)
    name, details = _checked(out, options)
    checkpoint = _checkpoint(run, options.best)
    records, data = describe_data(run, options.records)
    size = run.config.data.image_size
    drawings = _drawings(options, data, size)
    trained = TrainedModel(run, data, checkpoint=checkpoint)
    model, step = trained.model, trained.step
    require_layouts_alone(model)
    checkpoint = checkpoint or run.checkpoints / f"{PREFIX}-{step}"
    scores = _scores(run, checkpoint, options.evaluation, say)
    examples = _examples(records, data, size)
    weights = stored_weights(model)
    difference = _round(model, weights, examples)
    layouts = [
        (example["label"][0], example["instance"][0] if data.instances else None)
        for example in (drawings or examples)[:LAYOUTS]
    ]
    styles = ()
    if model.z_dim:
        styles = choose_styles(model, records, size, layouts[0], MOST_STYLES)
    details = dataclasses.replace(details, scores=scores)
    preset = preset_of_model(
        model,
        Origin(run.config, data),
        details,
        name=name,
        title=options.title,
        step=step,
        weights=weights,
        difference=difference,
        styles=styles,
        layouts=tuple(_encoded(*layout, data) for layout in layouts),
        graphs=preset_graphs(model, data, step) if options.onnx else {},
        picture=picture_of(
            functools.partial(drawn_by, model),
            data,
            layouts,
            [style.code for style in styles],
        ),
    )
    for what in details.unnamed():
        option = f"--{what.replace(' ', '')}"
        say(f"note: the card names no {what}: give {option} if you know")
    return preset, write_preset(out, preset)


def _checked(out: Path, options: PresetOptions) -> tuple[str, CardDetails]:
    """Checks what needs no run; returns the name, and what the card is to say."""
    if options.onnx:
        require_converter()
    name = check_name(options.name or out.name)
    check_out(out, marker=METADATA, command="preset")
    check_card(out)
    statement = read_text(options.card, "text of a card") if options.card else None
    return name, CardDetails(statement, options.licence, options.dataset)


def _drawings(options: PresetOptions, data, size) -> list[dict] | None:
    """Layouts of the user, if there are any."""
    if options.labels:
        return label_folder.examples(options.labels, options.instances, data, size)
    if options.instances:
        raise InputError("--instances belongs to --labels: add --labels DIR")
    return None


def _checkpoint(run: Run, wanted: bool) -> Path | None:
    """The best checkpoint; None for the newest that can be restored."""
    require_checkpoint(run)
    if "encoder" in missing_networks(run.directory):
        raise InputError(
            f"{run.directory} was converted without encoder, which a preset with style "
            "codes needs: convert again with --encoder FILE"
        )
    if not wanted:
        return None
    found = best(run.checkpoints)
    if found is None:
        raise InputError(
            f"{run.checkpoints} has no best checkpoint, as no validation has been "
            "reached (schedule.validate_every); leave out --best to take the newest"
        )
    return found["path"]


def _scores(run, checkpoint, evaluation, say):
    if evaluation:
        return read_scores(evaluation, checkpoint)
    scores, reason = newest_scores(run.directory, checkpoint)
    if scores is None:
        say(f"note: the card has no scores: {reason}")
    return scores


def _examples(records, data, size) -> list[dict[str, np.ndarray]]:
    split = "val" if "val" in data.splits else "train"
    stream = evaluation_dataset(records, size, 1, split=split).take(COMPARED)
    with clear_record_errors(records):
        return [{name: np.asarray(x) for name, x in batch.items()} for batch in stream]


def _round(model, weights, examples) -> dict[str, float]:
    """Gives the model its stored weights; returns how much that changes images."""
    before = [_drawn(model, example) for example in examples]
    load_weights(model, weights, "the stored weights", "")
    after = [_drawn(model, example) for example in examples]
    apart = np.abs(np.stack(before) - np.stack(after))
    return {
        "largest": int(apart.max()),
        "mean": float(apart.mean()),
        "images": len(examples),
    }


def _drawn(model, example):
    inputs = {name: example[name] for name in ("label", "instance") if name in example}
    if model.z_dim:
        inputs["z"] = np.asarray(model.encode(example["image"])[0])
    return drawn_by(model, inputs)


def _encoded(label, instance, data) -> ExampleLayout:
    pngs = encoded_example(label, instance, IdTable(data.label_ids))
    label, instance = (
        base64.b64decode(pngs[f"{name}_bytes"]) for name in ("label", "instance")
    )
    return ExampleLayout(label, instance or None)
