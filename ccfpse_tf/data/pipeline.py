"""Reads records and makes batches for the network.

The stream of a training is a function of (records, seed, batch size): every epoch
has its own order, and each element's window depends on its number in the
stream alone. So `start_step=n` continues exactly where a run stopped after n
batches, on any machine and any number of replicas.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from ccfpse_tf.data.random_window import RandomWindow
from ccfpse_tf.data.records import Description, decode_record, read_description
from ccfpse_tf.data.transforms import normalize_image, resize_ids, resize_image
from ccfpse_tf.errors import InputError

SHARDS_AT_ONCE = 16
SHUFFLE_BUFFER = 1024  # encoded records: about 150 MB at 286x286
_GRAPH_SEED = 1
_RECORDS_AT_ONCE = 8  # taken from a shard before the next one's turn


def steps_per_epoch(
    records_dir: str | Path, batch_size: int, split: str = "train"
) -> int:
    """Returns the number of whole batches of an epoch.

    Raises:
        InputError: if there is none.
    """
    return _steps(read_description(records_dir), records_dir, batch_size, split)


def training_dataset(
    records_dir: str | Path,
    window: tuple[int, int] | RandomWindow,
    batch_size: int,
    *,
    split: str = "train",
    seed: int = 0,
    start_step: int = 0,
    shard: tuple[int, int] = (0, 1),
    shuffle_buffer: int = SHUFFLE_BUFFER,
    fill: Callable[[dict, tf.Tensor], dict] | None = None,
) -> tf.data.Dataset:
    """Opens an endless stream of training batches.

    Args:
        records_dir: folder with `dataset.json`.
        window: what a step sees of an image; (height, width) is a mirrored window.
        batch_size: images per batch, over all replicas.
        split: which split.
        seed: of order and windows.
        start_step: batches to leave out at the start of the stream.
        shard: (index, count): only the index-th of count equal parts of every batch,
            `batch_size / count` rows in order. The other parts are not decoded.
        shuffle_buffer: records mixed at a time, in addition to the order of shards.
        fill: takes an example and its number in the stream, and adds maps to it. It
            gets whole images, resized to the window.

    Returns:
        Dicts of `image` float32 `(batch, height, width, 3)` in [-1, 1], `label` int32
        `(batch, height, width)` and, if the records have instances, `instance` as well.
        An epoch is `steps_per_epoch(...)` batches and leaves the remainder out.

    Raises:
        InputError: if records are smaller than the crop, or fewer than a batch.
        ValueError: a batch that the shards cannot share evenly.
    """
    part, parts = shard
    if batch_size % parts:
        raise ValueError(f"{parts} shards cannot share a batch of {batch_size}")
    description = read_description(records_dir)
    steps = _steps(description, records_dir, batch_size, split)
    window = window if isinstance(window, RandomWindow) else RandomWindow(window)
    _check_crop(description, records_dir, split, window.size)
    paths = [str(path) for path in description.shard_paths(records_dir, split)]
    first_epoch, first_batch = divmod(start_step, steps)
    per_epoch = steps * batch_size
    channels, instances = description.label_channels, description.instances

    def epoch_stream(epoch):
        stream = _shuffled(paths, seed, epoch, shuffle_buffer).take(per_epoch)
        numbers = tf.data.Dataset.range(epoch * per_epoch, (epoch + 1) * per_epoch)
        stream = tf.data.Dataset.zip(numbers, stream)
        # Records that a stopped run has used are passed over still encoded.
        done = tf.where(epoch == first_epoch, first_batch * batch_size, 0)
        stream = stream.skip(tf.cast(done, tf.int64))
        return stream.filter(is_ours) if parts > 1 else stream

    def is_ours(number, serialized):
        # Epochs are whole batches, so the number tells the row.
        return number % batch_size // (batch_size // parts) == part

    def prepare(number, serialized):
        example = decode_record(serialized, channels, instances)
        if fill is not None:
            example = fill(_resize(example, window.size), number)
        del example["key"]
        example = window.cut(example, seed, number)
        example["image"] = normalize_image(example["image"])
        return example

    last = tf.int64.max // per_epoch
    stream = tf.data.Dataset.range(first_epoch, last).flat_map(epoch_stream)
    stream = stream.map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
    stream = stream.batch(batch_size // parts, drop_remainder=True)
    return stream.prefetch(tf.data.AUTOTUNE).with_options(_options())


def batch_keys(
    records_dir: str | Path,
    batch_size: int,
    step: int,
    *,
    split: str = "train",
    seed: int = 0,
    shuffle_buffer: int = SHUFFLE_BUFFER,
) -> list[str]:
    """Returns the keys of one batch of `training_dataset`.

    Args:
        step: batches before it in the stream; the others as for `training_dataset`.
    """
    description = read_description(records_dir)
    steps = _steps(description, records_dir, batch_size, split)
    paths = [str(path) for path in description.shard_paths(records_dir, split)]
    epoch, batch = divmod(step, steps)
    records = _shuffled(paths, seed, tf.constant(epoch, tf.int64), shuffle_buffer)
    wanted = {"key": tf.io.FixedLenFeature([], tf.string)}
    return [
        tf.io.parse_single_example(record, wanted)["key"].numpy().decode()
        for record in records.skip(batch * batch_size).take(batch_size)
    ]


def evaluation_dataset(
    records_dir: str | Path,
    image_size: tuple[int, int] | None,
    batch_size: int,
    split: str = "val",
    start: int = 0,
) -> tf.data.Dataset:
    """Opens a split once, in the order of its records, without crop or flip.

    Records of another size are resized as `tfrecords/` would have done it; without an
    `image_size` they keep their own, which only batches of one allow if they differ.
    The last batch may be smaller. The first ``start`` records are left out, without
    decoding them.

    Returns:
        Dicts as those of `training_dataset`, and `key` (string).
    """
    description = read_description(records_dir)
    facts = _split_facts(description, records_dir, split)
    paths = [str(path) for path in description.shard_paths(records_dir, split)]

    def prepare(serialized):
        example = decode_record(
            serialized, description.label_channels, description.instances
        )
        if image_size is not None:
            if (facts.height, facts.width) != tuple(image_size):
                example = _resize(example, image_size)
            for name, array in example.items():
                if name != "key":
                    shape = (*image_size, *array.shape[2:])
                    example[name] = tf.ensure_shape(array, shape)
        example["image"] = normalize_image(example["image"])
        return example

    stream = tf.data.TFRecordDataset(paths).skip(start)
    stream = stream.map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
    stream = stream.batch(batch_size)
    return stream.prefetch(tf.data.AUTOTUNE).with_options(_options())


def _shuffled(paths, seed: int, epoch, buffer: int) -> tf.data.Dataset:
    """Encoded records of one epoch, in the order of (seed, epoch)."""
    # Shuffling mixes in the seed of the graph that it is traced in, which would be what
    # the program around us gave to `tf.random.set_seed`. This sets it for our graph.
    tf.compat.v1.set_random_seed(_GRAPH_SEED)
    # Seeds for the two shuffles; below zero no crop draws from the same number.
    seeds = tf.random.stateless_uniform(
        [2], [seed, -1 - epoch], minval=1, maxval=tf.int64.max, dtype=tf.int64
    )
    files = tf.data.Dataset.from_tensor_slices(paths).shuffle(
        len(paths), seed=seeds[0], reshuffle_each_iteration=False
    )
    records = files.interleave(
        tf.data.TFRecordDataset,
        cycle_length=min(SHARDS_AT_ONCE, len(paths)),
        block_length=_RECORDS_AT_ONCE,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    return records.shuffle(buffer, seed=seeds[1], reshuffle_each_iteration=False)


def _resize(example: dict, size: tuple[int, int]) -> dict:
    """Resizes all maps with Pillow."""

    def of(function, array):
        return tf.numpy_function(
            lambda a: np.ascontiguousarray(function(a, size)), [array], array.dtype
        )

    resized = dict(example, image=of(resize_image, example["image"]))
    for name in ("label", "instance"):
        if name in example:
            resized[name] = of(resize_ids, example[name])
    for name, array in example.items():
        if name != "key":
            resized[name].set_shape((*size, *array.shape[2:]))
    return resized


def _split_facts(description: Description, folder, split: str):
    description.shard_paths(folder, split)  # raises for an unknown split
    return description.splits[split]


def _steps(description, folder, batch_size: int, split: str) -> int:
    count = _split_facts(description, folder, split).count
    if count < batch_size:
        raise InputError(
            f"{folder}: split {split!r} has {count} images, batch size {batch_size} "
            "needs at least that many; take a smaller batch size"
        )
    return count // batch_size


def _check_crop(description, folder, split: str, size: tuple[int, int]) -> None:
    smallest = _split_facts(description, folder, split).smallest
    if smallest[0] < size[0] or smallest[1] < size[1]:
        raise InputError(
            f"{folder}: split {split!r} has records of {smallest[0]}x{smallest[1]} "
            f"pixels, image size {size[0]}x{size[1]} is larger; take a smaller image "
            "size, or prepare the records with a larger --load-size"
        )


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.deterministic = True
    # Replicas on one machine split every batch; machines have streams of their own.
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    return options
