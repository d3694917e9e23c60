"""The search for segments in a memory bank of 100,000 photographs (SIMS).

    python -m benchmarks.retrieval --images 100000

The bank is generated: its segments are ellipses and boxes of random size and place, and
its classes are as uneven as those of photographs. It takes 0.5 GB on the disk, below
`--folder`, and is removed in the end. What is measured is what a layout costs: seconds
to open the bank, memory that it takes, seconds per query.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from ccfpse_tf.data.segments import run_lengths
from ccfpse_tf.data.segments.bank import FILE_NAME, FORMAT, MemoryBank, shard_name
from ccfpse_tf.data.segments.extraction import QUERIED_SHARE, box_of
from ccfpse_tf.data.segments.search import search
from ccfpse_tf.data.segments.shard import EDGE, IMAGES, SEGMENT
from ccfpse_tf.errors import exit_cleanly

SIZE = (256, 256)
CLASSES = 150
SHAPES = 5000  # different ones, which the segments of the bank repeat
PER_SHARD = 500  # images


def main(argv=None) -> int:
    """Makes a bank, searches in it, prints the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.retrieval", description=__doc__
    )
    add = parser.add_argument
    add("--images", type=int, default=100_000, help="in the bank (%(default)s)")
    add("--segments", type=int, default=10, help="of an image (%(default)s)")
    add("--queries", type=int, default=200, help="to measure (%(default)s)")
    add("--folder", type=Path, help="to write below; default: the system's")
    options = parser.parse_args(argv)
    random = np.random.default_rng(0)
    shapes = _shapes(random)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        start = time.perf_counter()
        _write(Path(folder), options, shapes, random)
        print(f"made     in {time.perf_counter() - start:.0f} s")
        before, start = _memory(), time.process_time()
        bank = MemoryBank(Path(folder))
        opened, grown = time.process_time() - start, _memory() - before
        print(
            f"bank     {len(bank.keys):,} images, {len(bank.segments):,} segments, "
            f"{_size(folder) / 2**20:.0f} MiB on the disk (without photographs)"
        )
        print(
            f"open     {opened:.2f} s of processor time, {grown / 2**20:.0f} MiB of "
            "memory"
        )
        _search(bank, shapes, options.queries, random)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"peak     {peak / 2**20:.0f} MiB of memory, the whole process")
    return 0


def _shapes(random):
    """Masks of those sizes that are looked up."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    made = []
    while len(made) < SHAPES:
        place = random.random(2) * SIZE
        radius = np.exp(random.uniform(np.log(0.03), np.log(0.5), 2)) * SIZE
        y, x = (rows - place[0]) / radius[0], (columns - place[1]) / radius[1]
        distance = y**2 + x**2 if random.random() < 0.5 else np.maximum(y**2, x**2)
        mask = distance < 1
        if mask.sum() > QUERIED_SHARE * mask.size:
            made.append(mask)
    return made


def _write(folder, options, shapes, random):
    """A bank of these shapes, in the format of :mod:`ccfpse_tf.data.segments.shard`."""
    boxes = [box_of(mask) for mask in shapes]
    lengths = [run_lengths.encode(*pair) for pair in zip(shapes, boxes, strict=True)]
    coarse = np.array([run_lengths.coarse(mask, EDGE) for mask in shapes])
    known = np.zeros(SHAPES, SEGMENT)
    known["area"] = [mask.sum() for mask in shapes]
    known["box"] = [(r.start, c.start, r.stop, c.stop) for r, c in boxes]
    shares = 1 / np.arange(1, CLASSES + 1)
    shards = -(-options.images // PER_SHARD)
    for index in range(shards):
        images = min(PER_SHARD, options.images - index * PER_SHARD)
        count = images * options.segments
        chosen = random.integers(0, SHAPES, count)
        segments = known[chosen]
        segments["image"] = np.repeat(np.arange(images), options.segments)
        segments["label"] = random.choice(CLASSES, count, p=shares / shares.sum())
        parts = [lengths[shape] for shape in chosen]
        arrays = {
            "segments": segments,
            "coarse": coarse[chosen],
            "offsets": np.cumsum([0, *map(len, parts)]),
            "lengths": np.concatenate(parts),
            "image_offsets": np.zeros(images + 1, np.int64),
            "keys": np.array([f"{index}_{number}" for number in range(images)]),
        }
        shard = folder / shard_name(index)
        shard.mkdir()
        (shard / IMAGES).touch()
        for name, array in arrays.items():
            np.save(shard / f"{name}.npy", array)
    facts = {
        "format": FORMAT,
        "image_size": SIZE,
        "class_order": list(range(CLASSES)),
        "thin_classes": [],
        "shards": shards,
        "images": options.images,
        "segments": options.images * options.segments,
    }
    (folder / FILE_NAME).write_text(json.dumps(facts))


def _search(bank, shapes, count, random):
    """Queries whose classes are as frequent as they are in the bank."""
    seconds, busy, sizes = [], [], []
    for _ in range(count):
        row = random.integers(len(bank.segments))
        label = int(bank.segments["label"][row])
        mask = shapes[random.integers(SHAPES)]
        start = time.perf_counter(), time.process_time()
        found = search(bank, mask, label)
        seconds.append(time.perf_counter() - start[0])
        busy.append(time.process_time() - start[1])
        sizes.append(len(bank.segments_of(label).rows))
        assert found
    largest = int(np.argmax(sizes))
    for name, values in (("query", seconds), ("of which", busy)):
        print(
            f"{name:8} {statistics.median(values):.4f} s (median of {count}), "
            f"{max(values):.4f} s at most; {values[largest]:.4f} s in the largest "
            f"class, of {sizes[largest]:,} segments"
            + (" (processor time)" if values is busy else "")
        )


def _memory():
    """Bytes of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _size(folder):
    return sum(path.stat().st_size for path in Path(folder).rglob("*.npy"))


if __name__ == "__main__":
    exit_cleanly(main)
