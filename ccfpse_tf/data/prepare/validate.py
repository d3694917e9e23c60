"""Checks every file before anything is written, and lists all problems."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from ccfpse_tf.data.prepare.label_reading import Label
from ccfpse_tf.data.prepare.label_table import LabelTable, unpack_color
from ccfpse_tf.data.prepare.parallel import WorkerPool
from ccfpse_tf.data.prepare.sources import Item, Sample, Source
from ccfpse_tf.data.prepare.spread_ids import few_classes, refuse_display_greys
from ccfpse_tf.data.prepare.summary import (
    ExampleFacts,
    SplitSummary,
    first_forms,
    label_example,
)
from ccfpse_tf.errors import InputError
from ccfpse_tf.runtime.progress_bar import track


def check_source(
    source: Source, table: LabelTable | None, workers: WorkerPool, what: str
) -> SplitSummary:
    """Opens every example of a source.

    Args:
        table: of the values that label files may hold; None allows every integer.
        what: name of the split for the progress display.
    """
    summary = SplitSummary(problems=list(source.problems))
    if not len(source):
        return summary
    reports = workers.map(
        functools.partial(check_item, table=table), source.items(0, len(source))
    )
    for facts in track(reports, len(source), f"checking {what}"):
        summary.add(facts)
    return summary


def check_item(item: Item, table: LabelTable | None) -> ExampleFacts:
    """Opens one example and lists its problems."""
    try:
        sample = item.load()
    except InputError as error:
        return ExampleFacts((str(error),))
    names = item.files()
    problems = _size_problems(sample, names)
    if sample.instance is not None:
        problems += _instance_problems(sample.instance, names[-1])
    label = Label(sample.label, sample.label_form, sample.label_white)
    facts = label_example(label, names[1], table)
    return replace(
        facts,
        problems=(*problems, *facts.problems),
        size=sample.image.shape[:2],
        turned=names[0] if sample.orientation != 1 else None,
    )


def infer_ids(
    summaries: Iterable[SplitSummary], dont_care_id: int | None
) -> tuple[dict[int, int], int, bool]:
    """Infers the classes of a folder from the ids in its labels.

    Classes are 0 up to the largest id; 255 counts as don't care unless another id
    was named.

    Returns:
        file id -> index, number of classes, whether there is a don't-care class.

    Raises:
        InputError: for colours, black-and-white masks, and ids too large for that.
    """
    summaries = list(summaries)
    pixels: dict[tuple[bool, int], int] = {}
    for summary in summaries:
        for key, count in summary.pixels.items():
            pixels[key] = pixels.get(key, 0) + count
    colors = [value for colored, value in pixels if colored]
    if colors:
        most = sorted(colors, key=lambda value: -pixels[True, value])[:12]
        raise InputError(
            f"the label files hold {len(colors)} colours, but there is no palette that "
            "says which classes they are; give --palette FILE with lines `ID RED GREEN "
            "BLUE NAME`. Most frequent: "
            + "; ".join(" ".join(map(str, unpack_color(value))) for value in most)
        )
    found = {value for _, value in pixels}
    if dont_care_id is None and found == {0, 255}:
        raise InputError(
            "the label files hold only 0 and 255, as black-and-white masks do: give "
            '--num-classes 2 and --label-map FILE with {"255": 1}, or name 255 as '
            "--dont-care-id 255"
        )
    if dont_care_id is None:
        refuse_display_greys(found, first_forms(summaries))
        dont_care_id = 255 if 255 in found else None
    classes = found - {dont_care_id}
    if not classes or min(classes) < 0 or max(classes) > 4095:
        shown = f"{min(found)}..{max(found)}" if found else "none"
        raise InputError(
            f"cannot infer the classes from label ids {shown}; give --num-classes or "
            "--palette (and check that these are label maps, not instance maps)"
            + few_classes(classes, dont_care_id)
        )
    num_classes = max(classes) + 1
    if dont_care_id is not None and dont_care_id < num_classes:
        num_classes -= 1
    ids = consecutive_ids(num_classes, dont_care_id)
    return ids, num_classes, dont_care_id is not None


def consecutive_ids(num_classes: int, dont_care_id: int | None) -> dict[int, int]:
    """Numbers the ids 0, 1, 2, ..., leaving out don't care, which comes last."""
    values = (v for v in range(num_classes + 1) if v != dont_care_id)
    ids = dict(zip(values, range(num_classes), strict=False))
    return ids if dont_care_id is None else ids | {dont_care_id: num_classes}


def index_counts(
    counts: Mapping[tuple[bool, int], int], table: LabelTable
) -> dict[int, int]:
    """Adds up counts of file values by class index; unknown values are left out."""
    totals: dict[int, int] = {}
    for (colored, value), count in counts.items():
        index = (table.colors if colored else table.ids).get(value)
        if index is not None:
            totals[index] = totals.get(index, 0) + count
    return totals


def histogram(summary: SplitSummary, table: LabelTable, names: tuple[str, ...]) -> str:
    """Lists the classes that occur: share of the pixels, number of images."""
    pixels = index_counts(summary.pixels, table)
    images = index_counts(summary.occurrences, table)
    images = {i: n - summary.repeats.get(i, 0) for i, n in images.items()}
    total = max(sum(pixels.values()), 1)
    lines = ["index   pixels  images  class"]
    for index in sorted(pixels):
        lines.append(
            f"{index:5d}  {pixels[index] / total:6.2%}  {images[index]:6d}  "
            f"{names[index]}"
        )
    absent = [names[index] for index in range(len(names)) if index not in pixels]
    if absent:
        shown = ", ".join(absent[:12]) + (", ..." if len(absent) > 12 else "")
        lines.append(f"never: {len(absent)} of {len(names)}: {shown}")
    return "\n".join(lines)


def _size_problems(sample: Sample, names: tuple[str, ...]) -> list[str]:
    size = sample.image.shape[:2]
    others = [(names[1], sample.label), (names[-1], sample.instance)]
    problems = []
    for name, array in others:
        if array is None or array.shape[:2] == size:
            continue
        height, width = array.shape[:2]
        problem = (
            f"{name}: is {height} rows x {width} columns, its image is "
            f"{size[0]} x {size[1]} ({names[0]}); make them equal"
        )
        if (width, height) == size and sample.orientation >= 5:
            problem += (
                "; the photo is turned by its EXIF orientation: apply that first "
                "(`magick mogrify -auto-orient FILE`)"
            )
        problems.append(problem)
    return problems


def _instance_problems(instance: np.ndarray, name: str) -> list[str]:
    outside = (instance < 0) | (instance > 65535)
    if not outside.any():
        return []
    row, column = np.argwhere(outside)[0]
    return [
        f"{name}: instance id {instance[row, column]} at row {row}, column {column}; "
        "allowed 0..65535: renumber the instances of each image"
    ]
