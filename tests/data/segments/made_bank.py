"""A small memory bank of drawn layouts."""

import json
from pathlib import Path

import numpy as np

from ccfpse_tf.data.segments.bank import FILE_NAME, FORMAT, MemoryBank, shard_name
from ccfpse_tf.data.segments.extraction import segments_of
from ccfpse_tf.data.segments.shard import write_shard

SIZE = (32, 48)
GROUND, BOX, POLE, VOID = range(4)
PER_SHARD = 2


def layout(top: int, left: int, height: int = 16, width: int = 20) -> np.ndarray:
    """Ground with one box."""
    label = np.full(SIZE, GROUND, np.int32)
    label[top : top + height, left : left + width] = BOX
    return label


def photo(number: int) -> np.ndarray:
    """Its pixels tell the image, row and column; none is black."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.stack([rows + 1, columns + 1, np.full(SIZE, number + 1)], -1).astype(
        np.uint8
    )


def make_bank(
    folder: Path, labels: list, thin=(POLE,), void: int | None = VOID
) -> MemoryBank:
    """Writes a bank of these layouts, with photographs of :func:`photo`."""
    folder.mkdir(exist_ok=True)
    classes, segments, shards = [GROUND, BOX, POLE], 0, 0
    for first in range(0, len(labels), PER_SHARD):
        shard = folder / shard_name(shards)
        shard.mkdir()
        segments += write_shard(
            shard,
            [
                (f"key{n}", photo(n), list(segments_of(labels[n], classes, thin)))
                for n in range(first, min(first + PER_SHARD, len(labels)))
            ],
        )
        shards += 1
    facts = {
        "format": FORMAT,
        "image_size": SIZE,
        "class_order": classes,
        "class_names": ["ground", "box", "pole", "void"],
        "thin_classes": list(thin),
        "void": void,
        "shards": shards,
        "images": len(labels),
        "segments": segments,
    }
    (folder / FILE_NAME).write_text(json.dumps(facts))
    return MemoryBank(folder)
