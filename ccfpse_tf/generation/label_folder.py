"""Layouts from a plain folder of label PNGs, to generate images without records."""

from pathlib import Path

import numpy as np

from ccfpse_tf.data.description import Description
from ccfpse_tf.data.find_files import Partners, images_in, print_notes
from ccfpse_tf.data.image_files import read_ids
from ccfpse_tf.data.prepare.label_reading import load_label
from ccfpse_tf.data.prepare.label_table import LabelTable, pack_colors
from ccfpse_tf.data.prepare.summary import (
    SplitSummary,
    decide_reading,
    label_example,
)
from ccfpse_tf.data.transforms import resize_ids
from ccfpse_tf.errors import DataErrors, InputError


def examples(
    labels: Path, instances: Path | None, description: Description, size
) -> list[dict]:
    """Returns batches of one: ``key``, ``label``, maybe ``instance``; sorted by name.

    Args:
        labels: folder of PNGs with the ids (or colours) of the data set's label files,
            or a template of them such as ``DIR/{key}_L.png``.
        instances: folder or template of instance PNGs of the same names.
        description: of the records that the run was trained on.
        size: ``(height, width)`` that all maps are resized to, by nearest neighbour.

    Raises:
        InputError: no PNGs, missing or needless instances.
        DataErrors: unreadable files and values that the data set does not have, all.
    """
    if description.instances != (instances is not None):
        raise InputError(
            "this run needs instance maps: add --instances DIR"
            if description.instances
            else "this run has no instance maps: leave out --instances"
        )
    files = images_in(labels, "--labels", flat=True)  # as images of them are named
    partners = None if instances is None else Partners(instances)
    reading, table = _reading(description, files)
    found, problems = [], [] if partners is None else partners.problems
    for file in files.values():
        try:
            example = {"key": np.array([file.key.encode()], object)}
            example["label"] = _label(file.path, reading, table, size)[None]
            if partners is not None:
                path = partners.path_of(file.key)
                example["instance"] = _instance(path, size)[None]
            found.append(example)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise DataErrors(dict.fromkeys(problems), f"--labels {labels}")
    return found


def _reading(description, files) -> tuple[str, LabelTable]:
    """How to read all of the files, and the table of their values."""
    colors = np.array(description.label_colors, np.int32).reshape(-1, 4)
    packed = pack_colors(colors[:, :3]).tolist()
    table = LabelTable(
        description.label_ids, dict(zip(packed, colors[:, 3].tolist(), strict=True))
    )
    reading = description.label_format if table.colors else "ids"
    if reading != "auto":
        return reading, table
    summary = SplitSummary()  # the records do not say, so the files decide
    for file in files.values():
        try:
            label = load_label(file.path, "auto")
        except InputError:
            continue  # named when it is read
        summary.add(label_example(label, file.path, table))
    decision = decide_reading([summary])
    if decision.problem:
        raise InputError(decision.problem)
    print_notes([decision.note] if decision.note else [])
    if decision.by_color:
        return "colors", table
    return "ids", LabelTable(table.ids)


def _label(path, reading, table, size):
    label = load_label(path, reading).values
    problems = table.problems(label)
    if problems:
        # The first sentence is enough; the advice after it is about preparing records.
        raise InputError(f"{path}: {problems[0].partition('; see')[0]}")
    return resize_ids(table.indices(label), size)


def _instance(path, size):
    return resize_ids(read_ids(path).astype(np.int32), size)
