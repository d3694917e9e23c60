"""The memory bank: segments of photographs, on the disk."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ccfpse_tf.data.description import Description
from ccfpse_tf.data.segments.shard import Shard
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.text_files import read_json

FILE_NAME = "bank.json"
FORMAT = 1
# Facts of a description that do not change what is in the records.
_NOT_CONTENT = ("tool", "prepared")


def digest_of_records(description: Description, split: str) -> str:
    """A digest that tells folders of records apart, by what their description says.

    Args:
        description: has the classes, and the sizes in bytes of all shards.
        split: whose images the bank is made of.
    """
    facts = asdict(description)
    facts["splits"] = {split: facts["splits"][split]}
    for name in _NOT_CONTENT:
        del facts[name]
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class ClassSegments:
    """The segments of one class, in the order of the bank.

    Attributes:
        rows: their numbers in the bank.
        images: the numbers of their images.
        coarse: their coarse masks, see
            :func:`ccfpse_tf.data.segments.run_lengths.coarse`.
        cells: of the coarse masks that are filled.
    """

    rows: np.ndarray
    images: np.ndarray
    coarse: np.ndarray
    cells: np.ndarray

    def coarse_ious(self, mask: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Intersection over union of coarse masks with another one.

        Args:
            mask: the other one.
            places: of the segments within the class.
        """
        everything = len(places) > len(self.rows) // 2
        masks = self.coarse if everything else self.coarse[places]
        common = np.bitwise_count(masks & mask).sum(1, dtype=np.int32)
        common = common[places] if everything else common
        union = self.cells[places] + int(np.bitwise_count(mask).sum()) - common
        return common / np.maximum(union, 1)


class MemoryBank:
    """A bank to search in, see :func:`ccfpse_tf.data.segments.search.search`.

    What every search reads is in memory, 160 bytes a segment; masks and photographs
    stay on the disk.

    Args:
        folder: that ``bank`` made.

    Attributes:
        facts: what ``bank.json`` says.
        size: ``(height, width)`` of its images.
        segments: class, image, area and box of all segments.
        keys: of all images.

    Raises:
        InputError: a folder that is no finished bank, or a damaged one.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        path = self.folder / FILE_NAME
        if not path.is_file():
            raise InputError(
                f"{folder}: does not hold {FILE_NAME}, so it is no finished memory "
                "bank; make one by `bank --records DIR --out DIR` (the same command "
                "goes on with one that was interrupted)"
            )
        self.facts = read_json(path, "the description of a memory bank")
        try:
            if self.facts["format"] > FORMAT:
                raise InputError(
                    f"{path}: has format {self.facts['format']}, this version reads up "
                    f"to {FORMAT}; install a newer ccfpse_tf or make the bank again"
                )
            self._open()
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise InputError(
                f"{folder}: is damaged ({error!r}); make the bank again into another "
                "folder"
            ) from None

    def _open(self):
        self.size = tuple(self.facts["image_size"])
        self.class_order = tuple(self.facts["class_order"])
        self.thin_classes = tuple(self.facts["thin_classes"])
        names = (shard_name(i) for i in range(self.facts["shards"]))
        self._shards = [Shard(self.folder / name) for name in names]
        counts = [len(shard.segments) for shard in self._shards]
        images = [len(shard.keys) for shard in self._shards]
        if sum(counts) != self.facts["segments"] or sum(images) != self.facts["images"]:
            raise ValueError("other numbers of segments or images than bank.json says")
        self._firsts = np.concatenate([[0], np.cumsum(counts)])
        self._first_images = np.concatenate([[0], np.cumsum(images)])
        self.segments = np.concatenate([shard.segments for shard in self._shards])
        shifts = np.repeat(self._first_images[:-1], counts)
        self.segments["image"] += shifts.astype(np.int32)
        self.keys = np.concatenate([shard.keys for shard in self._shards])
        coarse = np.concatenate([shard.coarse for shard in self._shards])
        for shard in self._shards:  # one copy is enough
            shard.coarse = None
        by_class = np.argsort(self.segments["label"], kind="stable")
        labels, starts = np.unique(self.segments["label"][by_class], return_index=True)
        self._by_class = {
            label: self._class_segments(rows.astype(np.int32), coarse)
            for label, rows in zip(
                labels.tolist(), np.split(by_class, starts[1:]), strict=True
            )
        }

    def _class_segments(self, rows, coarse):
        masks = coarse[rows]
        cells = np.bitwise_count(masks).sum(1, dtype=np.int32)
        return ClassSegments(rows, self.segments["image"][rows], masks, cells)

    def segments_of(self, label: int) -> ClassSegments:
        """The segments of a class."""
        none = np.zeros(0, np.int32)
        empty = ClassSegments(none, none, np.zeros((0, 1), np.uint64), none)
        return self._by_class.get(label, empty)

    def mask(self, row: int) -> tuple[tuple[slice, slice], np.ndarray]:
        """The box of a segment, and its boolean mask within the box."""
        shard = int(np.searchsorted(self._firsts, row, "right")) - 1
        return self._shards[shard].mask(row - int(self._firsts[shard]))

    def image(self, number: int) -> np.ndarray:
        """A photograph, uint8 ``(height, width, 3)``."""
        shard = int(np.searchsorted(self._first_images, number, "right")) - 1
        return self._shards[shard].image(number - int(self._first_images[shard]))


def shard_name(index: int) -> str:
    """The name of a shard's folder."""
    return f"shard-{index:05d}"


def check_bank(bank: MemoryBank, description: Description, records: Path) -> None:
    """Checks that a bank was made of these records.

    Raises:
        InputError: of others.
    """
    split = bank.facts["split"]
    found = None
    if split in description.splits:
        found = digest_of_records(description, split)
    if found != bank.facts["records"]:
        raise InputError(
            f"{bank.folder}: was made of other records ({bank.facts['data']}, "
            f"{bank.facts['images']} images) than {records}; make a bank of these by "
            f"`bank --records {records} --out DIR`"
        )
