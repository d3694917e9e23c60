"""Prepares records: plan, check, write, describe.

    main("scenes", ["--out", "data/scenes"])

is what the scripts in `tfrecords/` and the recipes' `prepare` run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ccfpse_tf.data import description
from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.data.find_files import print_notes
from ccfpse_tf.data.image_files import turned_note
from ccfpse_tf.data.prepare.arguments import parse_arguments
from ccfpse_tf.data.prepare.croissant import FILE_NAME as CROISSANT
from ccfpse_tf.data.prepare.croissant import stated_licence, write_croissant
from ccfpse_tf.data.prepare.parallel import WorkerPool
from ccfpse_tf.data.prepare.plan import Plan, plan_dataset
from ccfpse_tf.data.prepare.plan_folder import plan_folder
from ccfpse_tf.data.prepare.records_folder import OutputFolder
from ccfpse_tf.data.prepare.shards import describe, write_split, write_tfds_metadata
from ccfpse_tf.data.prepare.spread_ids import spread_note, white_note
from ccfpse_tf.data.prepare.summary import SplitSummary, decide_reading, first_forms
from ccfpse_tf.data.prepare.validate import (
    check_source,
    histogram,
    index_counts,
    infer_ids,
)
from ccfpse_tf.data.records import Description
from ccfpse_tf.data.transforms import describe_ids
from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.files.digests import sha256
from ccfpse_tf.runtime.lasting_output import outlive_readers
from ccfpse_tf.runtime.startup import import_tensorflow


def main(
    dataset_name: str,
    argv: Sequence[str] | None = None,
    program: str | None = None,
    records: str = "--out",
) -> int:
    """Prepares the records of a data set.

    Args:
        dataset_name: a key of `DATASETS`, or "folder".
        argv: the command line after the program's name; default `sys.argv`.
        program: that name in help and errors; default the script's.
        records: the option that names the folder of records there.

    Returns:
        0, the exit code.

    Raises:
        InputError: for anything that the user can correct. Nothing is written if the
            data have problems.
        OSError: for a full or forbidden disk; finished shards are kept.
    """
    outlive_readers()
    dataset = DATASETS.get(dataset_name)
    arguments = parse_arguments(dataset, argv, program, records)
    plan = plan_dataset(dataset, arguments) if dataset else plan_folder(arguments)
    _note_counts(plan)
    print_notes([note for source in plan.sources.values() for note in source.notes])
    with WorkerPool(arguments.workers) as workers:
        if arguments.check:
            plan, summaries = _check(plan, workers)
            _print_histograms(_with_classes(plan, summaries), summaries)
        else:
            prepare(plan, Path(arguments.out), workers, arguments.licence)
    return 0


def prepare(
    plan: Plan, folder: Path, workers: WorkerPool, licence: str | None = None
) -> Description:
    """Checks the sources of a plan and writes its records; see `main`."""
    output = OutputFolder(folder, plan.settings(), _inputs(plan))
    if output.complete():
        return _state_licence(output, licence)
    if all(source.drawn_size for source in plan.sources.values()):
        summaries = {
            split: SplitSummary(len(source), source.drawn_size)
            for split, source in plan.sources.items()
        }
    elif output.checked is None:
        plan, summaries = _check(plan, workers)
    else:
        plan, summaries = _checked_before(plan, output)
    plan = _with_classes(plan, summaries)
    _print_totals(plan, summaries)
    licence = licence or stated_licence(folder)  # of records that are made again
    import_tensorflow()  # not before: checking does without
    with output.locked():
        output.note_checked({k: summary.to_json() for k, summary in summaries.items()})
        splits = {
            split: write_split(plan, split, summaries[split], output, workers)
            for split in plan.sources
        }
        result = describe(plan, splits, output.prepared)
        write_tfds_metadata(folder, result)
        write_croissant(folder, result, licence)
        output.finish(result)
    _print_result(folder, result)
    if not licence:
        print(f"{CROISSANT} names no licence: give --licence if you know it")
    return result


def _state_licence(output: OutputFolder, licence: str | None) -> Description:
    """Leaves finished records as they are, but for a licence that is stated now."""
    folder = output.path
    result = description.read_description(folder)
    if not licence or licence == stated_licence(folder):
        print(f"{folder}: complete already, nothing to do")
        return result
    with output.locked():
        write_croissant(folder, result, licence)
    print(f"{folder}: complete already; {CROISSANT} names the licence {licence} now")
    return result


def _note_counts(plan: Plan) -> None:
    for split, source in plan.sources.items():
        official = (plan.official_counts or {}).get(split, len(source))
        if len(source) not in (official, 0):
            print(
                f"note: {split} has {len(source):,} images, the whole data set "
                f"{official:,} (fine for a part of it)"
            )


def _inputs(plan: Plan) -> str:
    identities = {name: source.identity() for name, source in plan.sources.items()}
    return sha256(json.dumps(identities, sort_keys=True))


Checked = tuple[Plan, dict[str, SplitSummary]]


def _checked_before(plan: Plan, output: OutputFolder) -> Checked:
    """Takes the notes of a run that was stopped."""
    print(f"{output.path}: goes on where it was stopped; the files were checked then")
    summaries = {
        split: SplitSummary.from_json(output.checked[split]) for split in plan.sources
    }
    if plan.reading == "auto":
        readings = {summary.by_color for summary in summaries.values()}
        if len(readings) > 1 or None in readings:
            raise InputError(
                f"{output.path}: was begun by an earlier version, which read some "
                "label files by colour and others by number; delete that folder, or "
                "name another --out"
            )
        plan = plan.read_by(*readings)
    return plan, summaries


def _check(plan: Plan, workers: WorkerPool) -> Checked:
    """Checks every example and raises all problems together.

    Returns:
        The plan, with the reading of label files decided, and what every split holds.
    """
    summaries = {
        split: check_source(source, plan.table, workers, split)
        for split, source in plan.sources.items()
    }
    problems: list[str] = []
    if plan.reading == "auto":
        decision = decide_reading(summaries.values())
        plan = plan.read_by(decision.by_color)
        print_notes([decision.note] if decision.note else [])
        if decision.problem:
            way_out = ", or give --label-format ids" if decision.by_number else ""
            problems.append(decision.problem + way_out)
    elif note := white_note(first_forms(summaries.values())):
        print_notes([note])
    problems += [text for summary in summaries.values() for text in summary.problems]
    if problems:
        raise DataErrors(problems, f"the data of {plan.name}")
    note = turned_note([path for s in summaries.values() for path in s.turned])
    if note:
        print(note)
    for split, summary in summaries.items():
        if plan.keep_size and min(summary.smallest) < 32:
            raise InputError(
                f"{split}: --keep-size: the smallest image has an edge of "
                f"{min(summary.smallest)} pixels; leave it out, or let all be resized"
            )
    return plan, summaries


def _with_classes(plan: Plan, summaries: Mapping[str, SplitSummary]) -> Plan:
    """Takes the classes from the label files if nothing else names them."""
    if plan.table is not None:
        return plan
    ids, count, care = infer_ids(summaries.values(), plan.dont_care_id)
    plan = plan.with_ids(ids, count, care)
    unknown = next((value for value in ids if care and ids[value] == count), None)
    print(
        f"label files hold ids {describe_ids(_found(summaries))}: taken as {count} "
        f"classes, {'no id' if unknown is None else f'id {unknown}'} as don't care "
        "(--num-classes and --dont-care-id say otherwise)"
    )
    note = spread_note(_found(summaries), unknown, plan.dont_care_id is None)
    print_notes([note] if note else [])
    return plan


def _print_totals(plan: Plan, summaries: Mapping[str, SplitSummary]) -> None:
    for split, summary in summaries.items():
        found = index_counts(summary.pixels, plan.table)
        if found:  # drawn scenes are not checked
            print(
                f"{split}: {summary.images} images in order, {len(found)} of "
                f"{plan.label_channels} label indices occur"
            )


def _print_histograms(plan: Plan, summaries: Mapping[str, SplitSummary]) -> None:
    for split, summary in summaries.items():
        print(f"\n{split}: {summary.images} images")
        print(histogram(summary, plan.table, plan.index_names))


def _print_result(folder: Path, result: Description) -> None:
    for name, split in result.splits.items():
        size = f"{split.height}x{split.width}" if split.height else "own sizes"
        print(
            f"{name}: {split.count} images ({size}), {split.shards} "
            f"shard{'s' if split.shards > 1 else ''}, "
            f"{sum(split.shard_bytes) / 1e6:.1f} MB"
        )
    print(f"records in {folder}")


def _found(summaries: Mapping[str, SplitSummary]) -> dict[int, int]:
    return {value: value for s in summaries.values() for _, value in s.pixels}
