"""Trains, measures and reports all columns of a comparison; it may be stopped."""

import dataclasses
import tempfile
from pathlib import Path

from ccfpse_tf.comparison.beginning import FACTS, begin, check
from ccfpse_tf.comparison.columns import COLUMNS
from ccfpse_tf.comparison.costs import measure_costs
from ccfpse_tf.comparison.plan import Plan
from ccfpse_tf.comparison.report import write_report
from ccfpse_tf.config import flatten
from ccfpse_tf.data.segments.write_bank import write_bank
from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.evaluate import METRICS, evaluate
from ccfpse_tf.evaluation.image_source import Images
from ccfpse_tf.evaluation.segmenter.config import SegmenterConfig, with_size
from ccfpse_tf.evaluation.segmenter.train_segmenter import train_segmenter
from ccfpse_tf.files.atomic import write_json
from ccfpse_tf.files.locks import locked
from ccfpse_tf.gan import methods
from ccfpse_tf.runs.run_folder import read_run
from ccfpse_tf.runtime.own_process import call_alone
from ccfpse_tf.runtime.text_table import text_table
from ccfpse_tf.training.length import Length
from ccfpse_tf.training.train import train

LOCK = ".compare.lock"
SEGMENTER, BANK, COSTS, CELLS = "segmenter", "bank", "costs", "cells"
BANK_IMAGES = 100  # of the bank that a dry run makes


def compare(plan: Plan, out: Path, devices: str = "auto") -> dict[str, str]:
    """Does what is missing of a comparison in a folder, and writes its report.

    Every training and measurement has a process of its own. A column that cannot be
    trained does not keep the others from it.

    Args:
        plan: what is compared.
        out: folder to make, or one of the same comparison to go on with; more columns
            and seeds may be added to it.
        devices: as for `train`.

    Returns:
        The messages of what could not be done, by name.

    Raises:
        InputError: settings that do not fit, no records, none to validate on, a network
            that cannot be opened, a folder of another comparison or with other files.
        KeyboardInterrupt: Ctrl-C; the same call goes on from there.
    """
    out, failed = Path(out), {}
    check(plan, begun=(out / FACTS).exists())
    with locked(out / LOCK, "another comparison is writing"):
        begin(plan, out)
        plan, without_bank = _with_bank(plan, out / BANK)
        segmenter = plan.segmenter or _segmenter(plan, out / SEGMENTER)
        for column, seed in plan.cells():
            name = f"{column}-{seed}"
            try:
                if column in without_bank:
                    raise InputError(without_bank[column])
                _cell(plan, column, seed, out, segmenter, devices)
            except InputError as error:
                failed[name] = str(error)
                print(f"{name}: {error}")
            write_report(out, plan)
    return failed


def estimate(plan: Plan) -> str:
    """Measures each column's costs and returns a table of what all would take.

    Where layouts are filled from a memory bank, one of the first images is made, and
    removed at the end: what a step costs does not depend on its size.

    Args:
        plan: what would be compared.

    Raises:
        InputError: settings that do not fit, no records.
    """
    check(plan)
    with tempfile.TemporaryDirectory() as folder:
        plan, without_bank = _with_bank(plan, Path(folder) / BANK, BANK_IMAGES)
        for column, message in without_bank.items():
            raise InputError(f"column {column}: {message}")
        return _estimate(plan)


def _estimate(plan):
    rows, days = [], 0.0
    for column in plan.columns:
        config = plan.config(column)
        # A batch for several GPUs would not fit into the one that is here.
        costs = call_alone(column, measure_costs, config, 1)
        steps, batch = Length.of(config).total_steps, config.data.batch_size
        each = steps * batch * costs["step_seconds"] / 86400
        days += each * plan.seeds
        rows.append(
            [
                COLUMNS[column].title,
                f"{costs['trained_parameters'] / 1e6:.1f} M",
                f"{costs['multiply_adds'] / 1e9:.1f} G",
                f"{steps:,} of {batch}",
                f"{costs['step_seconds']:.3f} s",
                f"{each:.3g}",
            ]
        )
    heads = ["", "parameters", "multiply-adds", "steps", "s per image", "days"]
    return (
        f"{text_table(heads, rows)}\n\n{plan.seeds} of each: {days:.3g} days of "
        f"{costs['device']}, by one measured step of a single image"
    )


def _with_bank(plan, folder, most_images=None):
    """Makes the memory bank that columns draw from, where none is given.

    Returns the plan with it, and the messages of columns that it cannot be made for.
    """
    of_columns, failed = dict(plan.of_columns), {}
    for column in plan.columns:
        config = plan.config(column)
        if not methods.method_of(config).bank or config.data.bank:
            continue
        print("cutting the photographs into the segments of a memory bank")
        records, size = Path(config.data.records), tuple(config.data.image_size)
        try:
            call_alone("bank", write_bank, records, folder, size, most_images)
        except InputError as error:
            failed[column] = str(error)
            continue
        given = of_columns.get(column, ())
        of_columns[column] = [*given, f"data.bank={folder.resolve()}"]
    return dataclasses.replace(plan, of_columns=of_columns), failed


def _segmenter(plan, folder):
    if not folder.exists():
        data = plan.config(plan.columns[0]).data
        config = with_size(SegmenterConfig(), tuple(data.image_size), data.image_size)
        print("training a segmenter on the real images")
        call_alone("segmenter", train_segmenter, config, Path(data.records), folder)
    return str(folder / "segmenter.keras")


def _cell(plan, column, seed, out, segmenter, devices):
    """Trains and measures one column with one seed, as far as that is not done."""
    config, name = plan.config(column, seed), f"{column}-{seed}"
    folder = out / CELLS / name
    print(f"{name}: {COLUMNS[column].title}, seed {seed}")
    costs = out / COSTS / f"{column}.json"
    if not costs.exists():
        images = min(config.data.batch_size, 4)
        costs.parent.mkdir(exist_ok=True)
        write_json(costs, call_alone(name, measure_costs, config, images))
    if (folder / "evaluation" / METRICS).exists():
        _check_trained(folder / "run", config)
        return
    call_alone(name, train, config, folder / "run", devices)
    images = Images(run=folder / "run", seed=seed, devices=devices)
    measures = plan.measures(segmenter)
    call_alone(name, evaluate, images, measures, folder / "evaluation")


def _check_trained(directory, config):
    """Refuses other settings than those of a training that is finished."""
    before, now = flatten(read_run(directory).config), flatten(config)
    differing = [f"{key} {before[key]!r}" for key in now if before[key] != now[key]]
    if differing:
        raise InputError(
            f"{directory}: was trained with other settings ({', '.join(differing)}); "
            "give these, or name another folder by --out"
        )
