"""One shard of a memory bank: the segments of some images, and the images."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ccfpse_tf.data.segments import run_lengths
from ccfpse_tf.data.segments.extraction import Segment, box_of
from ccfpse_tf.errors import InputError

EDGE = 32  # cells of coarse masks in either direction
SEGMENT = np.dtype(
    [
        ("image", np.int32),
        ("label", np.int32),
        ("area", np.int32),
        ("box", np.uint16, 4),
    ]
)
ARRAYS = ("segments", "coarse", "offsets", "lengths", "image_offsets", "keys")
IMAGES = "images.bin"


def write_shard(folder: Path, examples: Iterable[tuple[str, np.ndarray, list]]) -> int:
    """Writes a shard into an empty folder.

    Args:
        folder: exists.
        examples: key, uint8 photograph ``(height, width, 3)`` and segments of each
            image, the images numbered from 0.

    Returns:
        The number of segments.
    """
    rows, bits, lengths, keys, ends = [], [], [], [], [0]
    with open(folder / IMAGES, "wb") as file:
        for number, (key, image, segments) in enumerate(examples):
            file.write(_png(image))
            ends.append(file.tell())
            keys.append(key)
            for segment in segments:
                box = box_of(segment.mask)
                rows.append(_row(number, segment, box))
                bits.append(run_lengths.coarse(segment.mask, EDGE))
                lengths.append(run_lengths.encode(segment.mask, box))
    counts = [len(part) for part in lengths]
    arrays = {
        "segments": np.array(rows, SEGMENT),
        "coarse": np.array(bits, np.uint64).reshape(-1, EDGE * EDGE // 64),
        "offsets": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        "lengths": np.concatenate([*lengths, np.zeros(0, np.uint32)]),
        "image_offsets": np.array(ends, np.int64),
        "keys": np.array(keys, np.str_),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    return len(rows)


def _row(number, segment: Segment, box):
    rows, columns = box
    corners = rows.start, columns.start, rows.stop, columns.stop
    return number, segment.label, segment.area, corners


def _png(image):
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


class Shard:
    """A shard on the disk.

    Attributes:
        segments: a row of :data:`SEGMENT` for each.
        coarse: their coarse masks.
        keys: of the images.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        opened = {
            # What a search reads of few segments stays on the disk.
            name: np.load(
                folder / f"{name}.npy",
                mmap_mode="r" if name == "lengths" else None,
                allow_pickle=False,
            )
            for name in ARRAYS
        }
        self.segments, self.coarse = opened["segments"], opened["coarse"]
        self.keys = opened["keys"]
        self._offsets, self._lengths = opened["offsets"], opened["lengths"]
        self._image_offsets = opened["image_offsets"]

    def mask(self, number: int) -> tuple[tuple[slice, slice], np.ndarray]:
        """The box of a segment, and its mask within the box."""
        top, left, bottom, right = (int(edge) for edge in self.segments["box"][number])
        start, end = self._offsets[number : number + 2]
        shape = bottom - top, right - left
        mask = run_lengths.decode(self._lengths[start:end], shape)
        return (slice(top, bottom), slice(left, right)), mask

    def image(self, number: int) -> np.ndarray:
        """A photograph, uint8 ``(height, width, 3)``.

        Raises:
            InputError: bytes that are no image.
        """
        from PIL import Image

        start, end = self._image_offsets[number : number + 2]
        try:
            with open(self.folder / IMAGES, "rb") as file:
                file.seek(start)
                return np.asarray(Image.open(io.BytesIO(file.read(end - start))))
        except (OSError, SyntaxError) as error:  # as Pillow has it
            raise InputError(
                f"{self.folder / IMAGES}: the photograph {self.keys[number]} cannot be "
                "read; make the bank again into another folder"
            ) from error
