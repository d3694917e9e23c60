"""The plan of a preparation: settings and sources, made from a command line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ccfpse_tf.data.datasets import Color, Dataset, distinct_colors
from ccfpse_tf.data.label_mapping import dont_care_index, file_ids
from ccfpse_tf.data.opened_image import MOST_PIXELS
from ccfpse_tf.data.prepare.label_table import LabelTable
from ccfpse_tf.data.prepare.sources import FolderSource, ScenesSource, Source
from ccfpse_tf.data.transforms import describe_ids
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.text_files import read_json

Size = tuple[int, int]
_ID = re.compile(r"-?[0-9]{1,10}")


@dataclass(frozen=True)
class Plan:
    """All settings and sources of the records to write. Sizes are (height, width).

    `table` is None while the classes of a folder are not known yet.
    """

    name: str
    sources: Mapping[str, Source]
    load_size: Size
    image_size: Size
    keep_size: bool
    instances: bool
    label_mapping: str = "identity"
    num_classes: int = 0
    dont_care_index: int | None = None
    class_names: tuple[str, ...] = ()
    palette: tuple[Color, ...] = ()
    table: LabelTable | None = None
    dont_care_id: int | None = None
    shards: int | None = None
    official_counts: Mapping[str, int] | None = None
    reading: str = "ids"
    """Of label files; `auto` until all of them were looked at. See `label_reading`."""
    val_windows: Size | None = None
    """That validation photos are cut into."""

    @property
    def label_channels(self) -> int:
        """Channels of the one-hot label."""
        return self.num_classes + (self.dont_care_index is not None)

    @property
    def index_names(self) -> tuple[str, ...]:
        """Class names by index, don't care included."""
        if self.dont_care_index is None:
            return self.class_names
        place = self.dont_care_index
        return (*self.class_names[:place], "don't care", *self.class_names[place:])

    def record_size(self, split: str) -> Size | None:
        """Size of a split's records: training ones are larger, for the crop."""
        if self.keep_size and not (split == "val" and self.val_windows):
            return None
        return self.load_size if split == "train" else self.image_size

    def settings(self) -> dict[str, Any]:
        """The user's choices as JSON values; finished shards fit if equal."""
        table = self.table
        return {
            "name": self.name,
            "images": {split: len(source) for split, source in self.sources.items()},
            "sizes": {split: self.record_size(split) for split in self.sources},
            "shards": self.shards,
            "instances": self.instances,
            "label_mapping": self.label_mapping,
            "classes": list(self.index_names),
            "palette": [list(color) for color in self.palette],
            "label_ids": table and {str(k): v for k, v in sorted(table.ids.items())},
            "label_colors": table and sorted(table.colors.items()),
            "dont_care_id": self.dont_care_id,
            "label_format": self.reading,
        } | ({"val_windows": self.val_windows} if self.val_windows else {})

    def read_by(self, by_color: bool) -> Plan:
        """Fills in the reading that was decided for all label files."""
        reading = "colors" if by_color else "ids"
        return replace(
            self,
            reading=reading,
            table=LabelTable(self.table.ids, self.table.colors if by_color else {}),
            sources={k: source.read_by(reading) for k, source in self.sources.items()},
        )

    def with_ids(self, ids: dict[int, int], num_classes: int, dont_care: bool) -> Plan:
        """Fills in the classes that were found in the label files."""
        return replace(
            self,
            num_classes=num_classes,
            dont_care_index=num_classes if dont_care else None,
            class_names=tuple(f"class {index}" for index in range(num_classes)),
            palette=distinct_colors(num_classes),
            table=LabelTable(ids),
        )


def plan_dataset(dataset: Dataset, arguments: argparse.Namespace) -> Plan:
    """Plans one of the known data sets.

    Raises:
        InputError: for options that contradict each other or the data set.
    """
    mapping = getattr(arguments, "label_mapping", None) or dataset.label_mappings[0]
    ids = file_ids(mapping, dataset.num_classes, dataset.dont_care)
    care = dont_care_index(mapping, dataset.num_classes, dataset.dont_care)
    image_size = arguments.size or dataset.image_size
    load_size = arguments.load_size or _scaled(
        image_size, dataset.load_size, dataset.image_size
    )
    check_sizes(load_size, image_size)
    sources = _sources(dataset, arguments, load_size, image_size)
    from_tfds = getattr(arguments, "tfds", None) is not None
    return Plan(
        name=dataset.name,
        sources=sources,
        load_size=load_size,
        image_size=image_size,
        keep_size=arguments.keep_size,
        instances=dataset.instances and not from_tfds and not _without(arguments),
        label_mapping="custom" if arguments.label_map else mapping,
        num_classes=dataset.num_classes,
        dont_care_index=care,
        class_names=dataset.class_names,
        palette=dataset.palette,
        table=LabelTable(remapped_ids(ids, care, arguments.label_map)),
        shards=arguments.shards,
        official_counts=dataset.counts,
    )


def _sources(dataset, arguments, load_size, image_size) -> dict[str, Source]:
    if dataset.layout is None:
        counts = {"train": arguments.train, "val": arguments.val}
        sizes = {"train": load_size, "val": image_size}
        firsts = {"train": 0, "val": arguments.train}
        return {
            split: ScenesSource(count, arguments.seed, firsts[split], sizes[split])
            for split, count in counts.items()
            if count
        }
    if arguments.tfds is not None:
        from ccfpse_tf.data.prepare.tfds_source import TFDSSource

        folder = arguments.tfds or None
        splits = arguments.split
        return {split: TFDSSource(dataset.tfds, split, folder) for split in splits}
    layout = dataset.layout
    if _without(arguments):
        layout = replace(layout, instances=None)
    return {
        split: FolderSource.from_layout(
            arguments.source, layout, split, max_pixels(arguments)
        )
        for split in arguments.split
    }


def _without(arguments: argparse.Namespace) -> bool:
    return getattr(arguments, "no_instances", False)


def remapped_ids(
    ids: dict[int, int], dont_care: int | None, path: str | None
) -> dict[int, int]:
    """Applies `--label-map`: {"file id": id, or null for don't care}."""
    if path is None:
        return ids
    changes = _read_label_map(path)
    result = dict(ids)
    for key, value in changes.items():
        if value is None and dont_care is None:
            raise InputError(
                f"{path}: {key} is null, but there is no don't-care class: give a "
                "label id instead; a folder of your own gets that class by a line "
                "`- NAME` of the --palette file, or by --dont-care-id"
            )
        if value is not None and value not in ids:
            raise InputError(
                f"{path}: {key} becomes {value!r}, not a label id; allowed "
                f"{describe_ids(ids)}{'' if dont_care is None else ' and null'}"
            )
        result[key] = dont_care if value is None else ids[value]
    return result


def max_pixels(arguments: argparse.Namespace) -> int | None:
    """Returns how many pixels a file may have; None if the user does not say.

    Raises:
        InputError: more than TensorFlow can decode from a record.
    """
    pixels = arguments.max_pixels
    if pixels is not None and pixels > MOST_PIXELS:
        raise InputError(f"--max-pixels {pixels}: allowed are up to {MOST_PIXELS}")
    return pixels


def _read_label_map(path: str) -> dict[int, int | None]:
    example = 'expected {"11": 255, "12": 3, "13": null}: file id to id or null'
    try:
        changes = read_json(path, "a label map")
    except InputError as error:
        raise InputError(f"{error}; {example}") from None
    if not isinstance(changes, dict):
        raise InputError(f"{path}: is not a JSON object; {example}")
    found: dict[int, int | None] = {}
    for key, value in changes.items():
        if not _ID.fullmatch(key.strip()):
            raise InputError(f"{path}: {key[:80]!r} is not a label id; {example}")
        if value is not None and type(value) is not int:
            shown = repr(value)[:80]
            raise InputError(f"{path}: {key} becomes {shown}; {example}")
        if int(key) in found:
            raise InputError(f"{path}: {int(key)} is there twice; leave one out")
        found[int(key)] = value
    return found


def _scaled(size: Size, load: Size, image: Size) -> Size:
    return tuple(round(s * a / b) for s, a, b in zip(size, load, image, strict=True))


def check_sizes(load_size: Size, image_size: Size) -> None:
    """Raises `InputError` if the crop does not fit into the training records."""
    if load_size[0] < image_size[0] or load_size[1] < image_size[1]:
        raise InputError(
            f"--load-size {load_size[0]}x{load_size[1]}: below --size "
            f"{image_size[0]}x{image_size[1]}; training crops the one out of the other"
        )
