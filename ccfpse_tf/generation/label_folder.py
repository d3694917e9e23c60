"""Layouts from a plain folder of label PNGs, to generate images without records."""

from collections.abc import Callable
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
    labels: Path,
    instances: Path | None,
    description: Description,
    size: tuple[int, int] | None,
    check_size: Callable[[int, int], None] | None = None,
) -> list[dict]:
    """Returns batches of one: ``key``, ``label``, maybe ``instance``; sorted by name.

    Args:
        labels: folder of PNGs with the ids (or colours) of the data set's label files,
            or a template of them such as ``DIR/{key}_L.png``.
        instances: folder or template of instance PNGs of the same names.
        description: of the records that the model was trained on.
        size: ``(height, width)`` that all maps are resized to, by nearest neighbour;
            None keeps the size of each.
        check_size: raises InputError for a height and width that cannot be drawn.

    Raises:
        InputError: no PNGs, missing or needless instances.
        DataErrors: unreadable files, values that the data set does not have, wrong
            sizes, all.
    """
    if description.instances != (instances is not None):
        raise InputError(
            "this model needs instance maps: add --instances DIR"
            if description.instances
            else "this model has no instance maps: leave out --instances"
        )
    files = images_in(labels, "--labels", flat=True)  # as images of them are named
    partners = None if instances is None else Partners(instances)
    reading, table = _reading(description, files)
    found, problems = [], [] if partners is None else partners.problems
    for file in files.values():
        try:
            label = _label(file.path, reading, table, size)
            example = {
                "key": np.array([file.key.encode()], object),
                "label": label[None],
            }
            if partners is not None:
                path = partners.path_of(file.key)
                example["instance"] = _instance(path, size, label.shape)[None]
            if check_size is not None:
                _check_size(file.path, label.shape, check_size)
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
    indices = table.indices(label)
    return indices if size is None else resize_ids(indices, size)


def _instance(path, size, wanted):
    ids = read_ids(path).astype(np.int32)
    if size is not None:
        return resize_ids(ids, size)
    if ids.shape != wanted:
        raise InputError(
            f"{path}: is {ids.shape[0]}x{ids.shape[1]} (height x width), its label map "
            f"{wanted[0]}x{wanted[1]}; they must have one size"
        )
    return ids


def _check_size(path, shape, check):
    try:
        check(*shape)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
