"""The layouts that images are generated of: records, label files or arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from ccfpse_tf.data.description import Description
from ccfpse_tf.data.pipeline import evaluation_dataset
from ccfpse_tf.errors import InputError
from ccfpse_tf.generation import label_folder

SPLIT = "val"


@dataclasses.dataclass(frozen=True)
class Layouts:
    """Layouts, one after the other.

    Attributes:
        description: of their labels.
        examples: batches of one with ``key``, ``label``, maybe ``instance``, and of
            records ``image``.
        count: how many there are.
        size: height x width, in words.
        origin: where they come from, in words.
        records: folder that they are read from while they are used, if any.
    """

    description: Description
    examples: Iterable[dict]
    count: int
    size: str
    origin: str
    records: Path | None = None


def open_layouts(
    records: Path | None,
    description: Description,
    split: str | None,
    labels: Path | None,
    instances: Path | None,
    size: tuple[int, int] | None = None,
    check_size: Callable[[int, int], None] | None = None,
) -> Layouts:
    """Opens a split of records, or label files.

    Args:
        records: folder of records; None for label files.
        description: of the labels.
        split: of the records; None for ``val``.
        labels: folder of label files, instead of the records' layouts.
        instances: folder of instance maps of the label files.
        size: ``(height, width)`` that layouts are resized to; None keeps their own.
        check_size: raises InputError for a height and width that cannot be drawn.

    Raises:
        InputError: no such split; label files that do not fit.
    """
    if labels is not None:
        found = label_folder.examples(
            labels, instances, description, size, check_size=check_size
        )
        return Layouts(description, found, len(found), _sizes(found), str(labels))
    split = split or SPLIT
    if split not in description.splits:
        raise InputError(
            f"{records} has no split {split!r}; it has "
            f"{', '.join(sorted(description.splits))}: choose one with --split"
        )
    found = evaluation_dataset(records, size, 1, split=split)
    facts = description.splits[split]
    size = size or (facts.height, facts.width)
    words = "various" if None in size else "x".join(map(str, size))
    if check_size:
        found = _checked(found, records, check_size)
    return Layouts(description, found, facts.count, words, split, records)


def from_examples(layouts: Sequence[tuple], description: Description) -> Layouts:
    """Takes ``(label, instance or None)`` of class indices, as examples of a preset."""
    examples = []
    for number, (label, instance) in enumerate(layouts, 1):
        key = np.array([f"example_{number}".encode()], object)
        example = {"key": key, "label": label[None]}
        if instance is not None:
            example["instance"] = instance[None]
        examples.append(example)
    origin = "the preset's examples"
    return Layouts(description, examples, len(examples), _sizes(examples), origin)


def _sizes(examples):
    found = {example["label"].shape[1:3] for example in examples}
    return ", ".join(f"{height}x{width}" for height, width in sorted(found))


def _checked(examples, records, check_size):
    for example in examples:
        try:
            check_size(*example["label"].shape[1:3])
        except InputError as error:
            key = example["key"][0].numpy().decode()
            raise InputError(
                f"{records}: {key}: {error}, such as by --size of `prepare`"
            ) from None
        yield example
