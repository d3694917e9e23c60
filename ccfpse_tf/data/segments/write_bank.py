"""Writes a memory bank: `bank --records DIR --out DIR`."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.data.description import read_description
from ccfpse_tf.data.segments import bank as banks
from ccfpse_tf.data.segments.class_order import Enclosure
from ccfpse_tf.data.segments.extraction import segments_of
from ccfpse_tf.data.segments.shard import write_shard
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.atomic import new_folder, write_json
from ccfpse_tf.files.locks import locked
from ccfpse_tf.files.text_files import read_json

PLAN = "plan.json"
LOCK = ".bank.lock"
OVERLAPS = "overlaps.npz"
# Smaller segments fill an eighth, at most, of those that are looked up.
LEAST_SHARE = 0.001


@dataclass(frozen=True)
class Plan:
    """What a bank is made of.

    Attributes:
        records: digest of the records and the split.
        split: whose images these are.
        image_size: ``(height, width)`` that images are resized to.
        thin_classes: indices; see
            :func:`ccfpse_tf.data.segments.extraction.segments_of`.
        least_area: pixels; smaller segments are left out.
        images_per_shard: of all shards but the last.
        most_images: the first ones alone, None for all.
    """

    records: str
    split: str
    image_size: tuple[int, int]
    thin_classes: tuple[int, ...]
    least_area: int
    images_per_shard: int
    most_images: int | None = None


def write_bank(
    records: Path,
    out: Path,
    image_size: tuple[int, int],
    most_images: int | None = None,
    *,
    split: str = "train",
    thin: Sequence[str] | None = None,
    least_share: float = LEAST_SHARE,
    images_per_shard: int = 500,
    say: Callable[[str], None] = print,
) -> dict:
    """Writes the segments of a split to a folder; goes on where it was interrupted.

    Args:
        records: folder of the records.
        out: a new folder, or one that this made.
        image_size: ``(height, width)`` that the model draws.
        most_images: take the first ones alone, to try something out.
        split: whose photographs are the material.
        thin: names of thin classes; None: those of the data set.
        least_share: of the image's pixels; smaller segments are left out.
        images_per_shard: number of images in a shard.
        say: called with a line for every shard.

    Returns:
        What ``bank.json`` says.

    Raises:
        InputError: no records; one image only; unknown thin classes; a folder that
            holds something else; too few segments.
    """
    description = read_description(records)
    count = _image_count(description, records, split)
    count = min(count, most_images or count)
    pixels = image_size[0] * image_size[1]
    plan = Plan(
        banks.digest_of_records(description, split),
        split,
        tuple(image_size),
        _thin_classes(description, thin),
        int(least_share * pixels),
        images_per_shard,
        most_images,
    )
    out = Path(out)
    with locked(out / LOCK, "another memory bank is being made"):
        _check_plan(out, plan)
        shards = -(-count // images_per_shard)
        missing = _first_missing(out, shards)
        start = min(missing * images_per_shard, count)
        images = itertools.islice(_images(records, plan, start), count - start)
        for index in range(missing, shards):
            part = itertools.islice(images, images_per_shard)
            found = _write(out / banks.shard_name(index), description, plan, part)
            say(f"shard {index + 1} of {shards}: {found} segments")
        facts, fillable = _facts(out, description, plan, shards)
        if not fillable:
            _remove(out, shards)
            raise InputError(
                f"{records}: no class has segments in two images ({facts['segments']} "
                f"segments in all), so no layout can be filled; {out} was removed; "
                "take more images or a smaller --least-share"
            )
        write_json(out / banks.FILE_NAME, facts)
    return facts


def _image_count(description, records, split):
    description.shard_paths(records, split)  # raises for an unknown split
    count = description.splits[split].count
    if count < 2:
        raise InputError(
            f"{records}: split {split!r} has {count} image; a layout is filled with "
            "segments of other photographs, so prepare records of two at least"
        )
    return count


def _thin_classes(description, names):
    if names is None:
        known = DATASETS.get(description.name)
        names = known.thin_classes if known else ()
    unknown = sorted(set(names) - set(description.index_names))
    if unknown:
        raise InputError(
            f"thin classes {', '.join(unknown)}: choose from "
            f"{', '.join(description.index_names)}"
        )
    return tuple(description.index_names.index(name) for name in names)


def _check_plan(out, plan):
    path, wanted = out / PLAN, json.loads(json.dumps(asdict(plan)))
    if path.is_file():
        found = read_json(path, "the plan of a memory bank")
        differing = [key for key in wanted if found.get(key) != wanted[key]]
        if differing:
            lines = "; ".join(
                f"{key}: {found.get(key)!r}, not {wanted[key]!r}" for key in differing
            )
            raise InputError(
                f"{out}: is a memory bank of another kind ({lines}); choose another "
                "--out"
            )
        return
    others = [path for path in out.iterdir() if path.name != LOCK]
    if others:
        raise InputError(
            f"{out}: holds {others[0].name} and no memory bank; choose another --out"
        )
    write_json(path, wanted)


def _first_missing(out, shards):
    """The first shard to write; they are written in order."""
    return next(
        (i for i in range(shards) if not (out / banks.shard_name(i)).is_dir()), shards
    )


def _write(folder, description, plan, images):
    """Writes one shard; returns the number of its segments."""
    classes = _classes(description)
    enclosure = Enclosure(description.label_channels)

    def examples():
        for key, image, label in images:
            segments = list(
                segments_of(label, classes, plan.thin_classes, plan.least_area - 1)
            )
            enclosure.add(label, segments)
            yield key, image, segments

    with new_folder(folder, replace=True) as aside:
        found = write_shard(aside, examples())
        np.savez(aside / OVERLAPS, enclosed=enclosure.enclosed, pixels=enclosure.pixels)
    return found


def _images(records, plan, start):
    """Key, photograph and layout of the images from one on."""
    from ccfpse_tf.data.pipeline import evaluation_dataset
    from ccfpse_tf.data.transforms import photograph_to_uint8

    for example in evaluation_dataset(
        records, plan.image_size, 1, plan.split, start=start
    ):
        image = np.asarray(photograph_to_uint8(example["image"][0]))
        key = example["key"].numpy()[0].decode()
        yield key, image, example["label"][0].numpy()


def _classes(description):
    channels = range(description.label_channels)
    return [index for index in channels if index != description.dont_care_index]


def _facts(out, description, plan, shards):
    """What ``bank.json`` says, and whether any class has segments in two images."""
    enclosure = Enclosure(description.label_channels)
    segments = images = 0
    places = set()
    for index in range(shards):
        folder = out / banks.shard_name(index)
        with np.load(folder / OVERLAPS) as file:
            enclosure.enclosed += file["enclosed"]
            enclosure.pixels += file["pixels"]
        rows = np.load(folder / "segments.npy")
        segments += len(rows)
        pairs = np.unique(rows[["label", "image"]])
        places |= {(int(label), images + int(image)) for label, image in pairs}
        images += len(np.load(folder / "keys.npy"))
    labels = [label for label, _ in places]
    facts = asdict(plan) | {
        "format": banks.FORMAT,
        "data": description.name,
        "class_names": list(description.index_names),
        "void": description.dont_care_index,
        "class_order": enclosure.order(_classes(description)),
        "shards": shards,
        "images": images,
        "segments": segments,
    }
    return facts, len(labels) > len(set(labels))


def _remove(out, shards):
    """Leaves nothing of a bank; the folder itself goes with its lock."""
    for index in range(shards):
        shutil.rmtree(out / banks.shard_name(index))
    (out / PLAN).unlink()
