"""Layouts from a plain folder of label PNGs, for drawing without records."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ccfpse_tf.data.description import Description
from ccfpse_tf.data.label_table import LabelTable, pack_colors
from ccfpse_tf.data.transforms import resize_ids
from ccfpse_tf.errors import DataErrors, InputError


def examples(
    labels: Path, instances: Path | None, description: Description, size
) -> Iterator[dict]:
    """Yields batches of one, ``key``, ``label`` and maybe ``instance``, sorted by name.

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
                instance = _read(Path(instances) / f"{key}.png").astype(np.int32)
                example["instance"] = resize_ids(instance, size)[None]
            found.append(example)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise DataErrors(problems, f"--labels {labels}")
    return iter(found)


def _table(description):
    colors = np.array(description.label_colors, np.int32).reshape(-1, 4)
    packed = pack_colors(colors[:, :3]).tolist()
    return LabelTable(
        description.label_ids, dict(zip(packed, colors[:, 3].tolist(), strict=True))
    )


def _label(path, table, size):
    label = _read(path)
    problems = table.problems(label)
    if problems:
        raise InputError(f"{path}: {'; '.join(problems)}")
    return resize_ids(table.indices(label), size)


def _read(path):
    try:
        with Image.open(path) as file:
            # Indexed files hold ids; an alpha channel says nothing about classes.
            return np.asarray(file.convert("RGB") if file.mode == "RGBA" else file)
    except FileNotFoundError:
        raise InputError(f"{path}: missing") from None
    except OSError as error:  # unidentified and truncated files are OSErrors too
        raise InputError(f"{path}: cannot be read ({error})") from None
