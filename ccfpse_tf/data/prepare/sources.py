"""The sources of images, labels and instances: folders, or drawn scenes.

A source lists its examples without opening them. Its items are small and picklable,
so that worker processes load them: `item.load()` gives a `Sample`.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from ccfpse_tf.data.datasets import DirectoryLayout
from ccfpse_tf.data.find_files import find_in
from ccfpse_tf.data.image_files import read_ids, read_photo
from ccfpse_tf.data.prepare.label_reading import load_label
from ccfpse_tf.data.prepare.pairing import pair_files
from ccfpse_tf.data.prepare.windows import windows_of
from ccfpse_tf.errors import InputError


@dataclass(frozen=True)
class Sample:
    """One example as its files hold it.

    `image` uint8 `(h, w, 3)`; `label` integers `(h, w)`, or uint8 colours
    `(h, w, 3)`; `instance` integers `(h, w)` or None; `original` the bytes of the
    image file if it is a JPEG or PNG of 8 bits; `orientation` that of its EXIF data, 1
    for upright; `label_form` and `label_white` those of `label_reading.Label`.
    """

    key: str
    image: np.ndarray
    label: np.ndarray
    instance: np.ndarray | None = None
    original: bytes | None = None
    orientation: int = 1
    label_form: str | None = None
    label_white: int = 255


class Item(Protocol):
    """One example, not loaded yet."""

    key: str

    def load(self) -> Sample:
        """Reads it; `InputError` names the file that cannot be read."""

    def files(self) -> tuple[str, ...]:
        """Image, label and instance file (or other names for them), for messages."""


class Source(Protocol):
    """A list of examples; `keys` are their names in the order of the records."""

    keys: Sequence[str]
    problems: list[str]
    """Problems that were found while listing."""
    notes: Sequence[str]
    """What else was found then that the user should know."""
    drawn_size: tuple[int, int] | None
    """(height, width) of examples that are drawn, so cannot have problems."""

    def __len__(self) -> int:
        """Number of examples."""

    def load(self, index: int) -> Sample:
        """Reads one example."""

    def files(self, index: int) -> tuple[str, ...]:
        """The files of one example."""

    def items(self, start: int, stop: int) -> Iterator[Item]:
        """Yields the examples `start..stop-1`."""

    def identity(self) -> list:
        """Facts as JSON values; finished shards are kept if these are unchanged."""


@dataclass(frozen=True)
class FileItem:
    """An example of a folder.

    `reading` of its label file as in `label_reading`; `max_pixels` is what a file may
    have.
    """

    key: str
    image: str
    label: str
    instance: str | None = None
    reading: str = "ids"
    max_pixels: int | None = None

    def files(self) -> tuple[str, ...]:
        """The paths that exist."""
        return tuple(path for path in (self.image, self.label, self.instance) if path)

    def read_by(self, reading: str) -> FileItem:
        """Returns the same example, its label file read otherwise."""
        return replace(self, reading=reading)

    def load(self) -> Sample:
        """Reads the two or three files."""
        most = self.max_pixels
        photo = read_photo(self.image, most)
        label = load_label(self.label, self.reading, most)
        instance = None if self.instance is None else read_ids(self.instance, most)
        return Sample(
            self.key,
            photo.pixels,
            label.values,
            instance,
            photo.original,
            photo.orientation,
            label.form,
            label.white,
        )


class ItemSource:
    """A source that knows all its items from the start."""

    drawn_size: tuple[int, int] | None = None
    notes: Sequence[str] = ()

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = tuple(items)
        self.keys = tuple(item.key for item in self._items)

    def __len__(self) -> int:
        return len(self._items)

    def load(self, index: int) -> Sample:
        """Reads one example."""
        return self._items[index].load()

    def files(self, index: int) -> tuple[str, ...]:
        """The files of one example."""
        return self._items[index].files()

    def items(self, start: int, stop: int) -> Iterator[Item]:
        """Yields the examples `start..stop-1`."""
        return iter(self._items[start:stop])


class FolderSource(ItemSource):
    """Pairs files by name.

    Args:
        images, labels, instances: folders, or templates such as `photos/{key}.*`;
            `{key}` may match folders too, and `.*` any image format.
        reading: of label files; see `label_reading`.
        options: of the command line, for messages.
        max_pixels: that a file may have; see `read_photo`.

    `problems` lists what does not pair; `files` names only complete examples.

    Raises:
        InputError: for a template that cannot be understood.
    """

    def __init__(
        self,
        images: str,
        labels: str,
        instances: str | None = None,
        reading: str = "ids",
        options: Sequence[str] = ("--images", "--labels", "--instances"),
        max_pixels: int | None = None,
    ) -> None:
        places = zip((images, labels, instances), options, strict=True)
        pairs = pair_files(
            [find_in(place, option) for place, option in places if place is not None]
        )
        self.problems, self.notes = pairs.problems, pairs.notes
        super().__init__(
            [
                FileItem(key, *paths, reading=reading, max_pixels=max_pixels)
                for key, *paths in pairs.rows
            ]
        )

    @classmethod
    def from_layout(
        cls,
        root: str | Path,
        layout: DirectoryLayout,
        split: str,
        max_pixels: int | None = None,
    ) -> FolderSource:
        """Opens a split of a data set with a known directory layout."""
        word = layout.splits[split]
        templates = (layout.images, layout.labels, layout.instances)
        return cls(
            *(
                template and os.path.join(root, template.replace("{split}", word))
                for template in templates
            ),
            max_pixels=max_pixels,
        )

    def subset(self, wanted: Callable[[str], bool]) -> FolderSource:
        """Returns a source of the examples whose key is wanted, without problems."""
        part = copy.copy(self)
        part.problems, part.notes = [], []
        ItemSource.__init__(part, [item for item in self._items if wanted(item.key)])
        return part

    def read_by(self, reading: str) -> FolderSource:
        """Returns a source of the same files, their label files read otherwise."""
        part = copy.copy(self)
        ItemSource.__init__(part, [item.read_by(reading) for item in self._items])
        return part

    def in_windows(self, size: tuple[int, int]) -> FolderSource:
        """Returns a source of windows of `size` (height, width), side by side.

        Photos that cannot be cut are among its problems.
        """
        part, found = copy.copy(self), []
        part.problems = list(self.problems)
        for item in self._items:
            try:
                found += windows_of(item, size)
            except InputError as error:
                part.problems.append(str(error))
        ItemSource.__init__(part, found)
        return part

    def identity(self) -> list:
        """Name, size and time of change of every file."""
        stats = []
        for index in range(len(self)):
            for path in self.files(index):
                stat = os.stat(path)
                stats.append([self.keys[index], stat.st_size, stat.st_mtime_ns])
        return stats


@dataclass(frozen=True)
class SceneItem:
    """A drawn street scene."""

    key: str
    seed: int
    index: int
    size: tuple[int, int]

    def files(self) -> tuple[str, ...]:
        """Returns a name of the scene, as there are no files."""
        scene = f"scene {self.index} of seed {self.seed}"
        return (scene, f"{scene} (label)", f"{scene} (instances)")

    def load(self) -> Sample:
        """Draws it."""
        from ccfpse_tf.data.scenes import draw_scene

        return Sample(self.key, *draw_scene(self.seed, self.index, self.size))


class ScenesSource(ItemSource):
    """Scenes `first..first+count-1` of a seed, drawn at `size` (height, width)."""

    def __init__(self, count: int, seed: int, first: int, size: tuple[int, int]):
        self._identity = ["scenes", count, seed, first, *size]
        super().__init__(
            [
                SceneItem(f"scene_{index:06d}", seed, index, size)
                for index in range(first, first + count)
            ]
        )
        self.problems: list[str] = []
        self.drawn_size = size

    def identity(self) -> list:
        """The numbers that every pixel depends on."""
        return self._identity
