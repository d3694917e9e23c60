"""Layouts from a plain folder of label PNGs, to generate images without records."""

from pathlib import Path

import numpy as np

from ccfpse_tf.data.description import Description
from ccfpse_tf.data.image_files import read_ids, read_label
from ccfpse_tf.data.prepare.label_table import LabelTable, pack_colors
from ccfpse_tf.data.transforms import resize_ids
from ccfpse_tf.errors import DataErrors, InputError


def examples(
    labels: Path, instances: Path | None, description: Description, size
) -> list[dict]:
    """Returns batches of one: ``key``, ``label``, maybe ``instance``; sorted by name.

    Args:
        labels: folder of PNGs with the ids (or colours) of the data set's label files.
        instances: folder of instance PNGs of the same names.
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
    paths = sorted(Path(labels).rglob("*.png"))
    if not paths:
        raise InputError(f"--labels {labels}: no *.png in there")
    table = _table(description)
    found, problems = [], []
    for path in paths:
        key = path.relative_to(labels).with_suffix("").as_posix()
        try:
            example = {"key": np.array([key.encode()], object)}
            example["label"] = _label(path, table, size)[None]
            if instances is not None:
                path = Path(instances) / f"{key}.png"
                example["instance"] = _instance(path, size)[None]
            found.append(example)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise DataErrors(problems, f"--labels {labels}")
    return found


def _table(description):
    colors = np.array(description.label_colors, np.int32).reshape(-1, 4)
    packed = pack_colors(colors[:, :3]).tolist()
    return LabelTable(
        description.label_ids, dict(zip(packed, colors[:, 3].tolist(), strict=True))
    )


def _label(path, table, size):
    label = read_label(path, by_color=bool(table.colors))
    problems = table.problems(label)
    if problems:
        # The first sentence is enough; the advice after it is about preparing records.
        raise InputError(f"{path}: {problems[0].partition('; see')[0]}")
    return resize_ids(table.indices(label), size)


def _instance(path, size):
    if not path.is_file():
        raise InputError(f"{path}: missing instance map")
    return resize_ids(read_ids(path).astype(np.int32), size)
