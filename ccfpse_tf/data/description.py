"""`dataset.json`, the description of a folder of records."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ccfpse_tf.data.datasets import Color
from ccfpse_tf.data.label_mapping import DONT_CARE_FILE_ID, LARGEST_FILE_ID
from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.files.atomic import write_json
from ccfpse_tf.files.text_files import read_json

FORMAT = 1
FILE_NAME = "dataset.json"


def shard_name(name: str, split: str, index: int, count: int) -> str:
    """Returns the file name of a shard, as TensorFlow Datasets names them."""
    return f"{name}-{split}.tfrecord-{index:05d}-of-{count:05d}"


@dataclass(frozen=True)
class Split:
    """One split of a folder of records.

    `height` and `width` are those of every record, None if records keep their own
    sizes; `smallest` is (least height, least width) in either case.
    """

    count: int
    shards: int
    height: int | None
    width: int | None
    smallest: tuple[int, int]
    shard_lengths: tuple[int, ...]
    shard_bytes: tuple[int, ...]


@dataclass(frozen=True)
class Description:
    """The facts of a folder of records; `dataset.json` holds them as JSON.

    `label_ids` and `label_colors` (red, green, blue, index) say how label files
    become the indices in the records, `label_mapping` names that rule. Where don't care
    has colours only, reading a description gives it the id 255. `prepared`
    holds the settings and inputs the records were made with. `label_format` says that
    label files are read by their `ids` or `colors`; `auto`, that each file's own kind
    decided, in records of earlier versions.
    """

    name: str
    num_classes: int
    dont_care_index: int | None
    instances: bool
    label_mapping: str
    class_names: tuple[str, ...]
    palette: tuple[Color, ...]
    label_ids: Mapping[int, int]
    splits: Mapping[str, Split]
    tool: str
    label_colors: tuple[tuple[int, int, int, int], ...] = ()
    prepared: Mapping[str, Any] = field(default_factory=dict)
    label_format: str = "auto"
    format: int = FORMAT

    @property
    def label_channels(self) -> int:
        """Channels of the one-hot label: the classes, and don't care if it exists."""
        return self.num_classes + (self.dont_care_index is not None)

    @property
    def semantic_channels(self) -> int:
        """Label channels plus the instance edge map, if there are instances."""
        return self.label_channels + self.instances

    @property
    def index_names(self) -> tuple[str, ...]:
        """A name for every label channel, in the order of the indices."""
        return self._with_dont_care(self.class_names, "don't care")

    @property
    def index_palette(self) -> tuple[Color, ...]:
        """A colour for every label channel; don't care is black."""
        return self._with_dont_care(self.palette, (0, 0, 0))

    @property
    def class_ids(self) -> tuple[int, ...]:
        """The least id in label files of every class; its own number if it has none."""
        care = (i for i in range(self.label_channels) if i != self.dont_care_index)
        return tuple(
            min((id_ for id_, i in self.label_ids.items() if i == index), default=place)
            for place, index in enumerate(care)
        )

    def _with_dont_care(self, values: tuple, extra) -> tuple:
        if self.dont_care_index is None:
            return values
        place = self.dont_care_index
        return (*values[:place], extra, *values[place:])

    def shard_paths(self, folder: str | Path, split: str) -> list[Path]:
        """Returns the shard files of a split, in order.

        Raises:
            InputError: for a split that the records do not have.
        """
        if split not in self.splits:
            raise InputError(
                f"{folder}: has no split {split!r}; it has "
                f"{', '.join(map(repr, self.splits))}"
            )
        shards = self.splits[split].shards
        names = (shard_name(self.name, split, i, shards) for i in range(shards))
        return [Path(folder) / name for name in names]


def write_description(folder: str | Path, description: Description) -> None:
    """Writes `dataset.json`, whole or not at all."""
    write_json(Path(folder) / FILE_NAME, asdict(description))


def read_description(folder: str | Path) -> Description:
    """Reads `dataset.json` and checks that its shards are there and whole.

    Raises:
        InputError: if the folder does not hold records, is of a newer format, or shards
            are missing or cut short (all of them are listed).
    """
    folder = Path(folder)
    path = folder / FILE_NAME
    if not path.exists():
        raise InputError(
            f"{folder}: does not hold {FILE_NAME}, so its records are not finished; "
            "make one with the scripts in tfrecords/ (or run the interrupted one again)"
        )
    try:
        fields = read_json(path, "a description of records")
    except InputError as error:
        raise InputError(f"{error}; prepare the records again") from None
    description = description_from_json(fields, path)
    _check_shards(folder, description)
    return description


def description_from_json(
    fields: Any, source: str | Path, way_out: str = "prepare the records again"
) -> Description:
    """Builds a description from the content of a `dataset.json`.

    Args:
        fields: as JSON gives them.
        source: the file, for messages.
        way_out: for messages.

    Raises:
        InputError: fields that are no description, or one of a newer format.
    """
    found = fields.get("format") if isinstance(fields, dict) else None
    if not isinstance(found, int):
        raise InputError(
            f"{source}: is not a description of records (it has no 'format')"
        )
    if found > FORMAT:
        raise InputError(
            f"{source}: has format {found}, this version reads up to {FORMAT}; "
            f"install a newer ccfpse_tf or {way_out}"
        )
    try:
        splits = {
            name: Split(
                **split
                | {
                    key: tuple(split[key])
                    for key in ("smallest", "shard_lengths", "shard_bytes")
                }
            )
            for name, split in fields["splits"].items()
        }
        tuples = {
            key: tuple(map(tuple, fields[key])) for key in ("palette", "label_colors")
        }
        ids = {int(value): index for value, index in fields["label_ids"].items()}
        ids = _with_writable_ids(ids, fields["dont_care_index"])
        names = tuple(fields["class_names"])
        return Description(
            **fields
            | tuples
            | {"splits": splits, "label_ids": ids, "class_names": names}
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{source}: is damaged ({error!r}); {way_out}") from error


def _with_writable_ids(ids: dict[int, int], dont_care: int | None) -> dict[int, int]:
    """Gives every class an id that label maps of ours can hold, if it has none.

    Files of 32 bits may have others alone. Don't care has none where label files are
    colours and the palette file says `-` for it.
    """
    result = dict(ids)
    writable = {index for id_, index in ids.items() if 0 <= id_ <= LARGEST_FILE_ID}
    wanted = {*ids.values()} | ({dont_care} - {None})
    for index in sorted(wanted - writable):
        first = DONT_CARE_FILE_ID if index == dont_care else index
        choices = itertools.chain((first,), range(256, LARGEST_FILE_ID + 1))
        result[next(id_ for id_ in choices if id_ not in result)] = index
    return result


def _check_shards(folder: Path, description: Description) -> None:
    problems = []
    for name, split in description.splits.items():
        paths = description.shard_paths(folder, name)
        for path, size in zip(paths, split.shard_bytes, strict=True):
            if not path.is_file():
                problems.append(f"{path}: is missing; {_again(folder)}")
            elif path.stat().st_size != size:
                problems.append(
                    f"{path}: has {path.stat().st_size} bytes, {size} were written; "
                    f"{_again(folder)}"
                )
    if problems:
        raise DataErrors(problems, f"the records in {folder}")


def _again(folder: Path) -> str:
    return "run the same tfrecords/ command again, it makes only what is missing"
