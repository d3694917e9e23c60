"""Encodes the examples of a plan, writes them and describes the records."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import ccfpse_tf
from ccfpse_tf.data import description
from ccfpse_tf.data.image_integrity import decodes_in_tensorflow
from ccfpse_tf.data.prepare.label_table import LabelTable
from ccfpse_tf.data.prepare.parallel import WorkerPool
from ccfpse_tf.data.prepare.plan import Plan
from ccfpse_tf.data.prepare.records_folder import OutputFolder
from ccfpse_tf.data.prepare.sources import Item
from ccfpse_tf.data.prepare.summary import SplitSummary
from ccfpse_tf.data.records import (
    Description,
    Record,
    Split,
    encode_record,
    tfds_features,
)
from ccfpse_tf.data.transforms import resize_ids, resize_image
from ccfpse_tf.runtime.progress_bar import track

IMAGES_PER_SHARD = 512  # about 80 MB at 286x286: little is redone after a stop


def encode_item(item: Item, plan_part: tuple[LabelTable, int, bool], size) -> Record:
    """Loads, maps, resizes and encodes one example; runs in a worker process.

    Args:
        plan_part: label table, number of label channels, whether with instances.
        size: (height, width) of the record; None keeps the example's own.
    """
    table, channels, instances = plan_part
    sample = item.load()
    image, instance = sample.image, sample.instance if instances else None
    label = table.indices(sample.label)
    if size is None:
        if sample.original is not None and decodes_in_tensorflow(sample.original):
            image = sample.original
    else:
        image = resize_image(image, size)
        label = resize_ids(label, size)
        instance = None if instance is None else resize_ids(instance, size)
    return encode_record(sample.key, image, label, instance, channels)


def write_split(
    plan: Plan,
    split: str,
    summary: SplitSummary,
    output: OutputFolder,
    workers: WorkerPool,
) -> Split:
    """Writes the shards of a split that are not finished yet; returns its facts."""
    source, size = plan.sources[split], plan.record_size(split)
    count = len(source)
    shards = min(plan.shards or -(-count // IMAGES_PER_SHARD), count)
    names = [description.shard_name(plan.name, split, i, shards) for i in range(shards)]
    bounds = [index * count // shards for index in range(shards + 1)]
    lengths = [stop - start for start, stop in itertools.pairwise(bounds)]
    open_ = [index for index in range(shards) if not output.is_finished(names[index])]
    if len(open_) < shards:
        print(f"{split}: {shards - len(open_)} of {shards} shards are finished already")

    items = (item for i in open_ for item in source.items(bounds[i], bounds[i + 1]))
    part = (plan.table, plan.label_channels, plan.instances)
    encode = functools.partial(encode_item, plan_part=part, size=size)
    total = sum(lengths[index] for index in open_)
    records = track(workers.map(encode, items), total, f"writing {split}")
    for index in open_:
        output.write_shard(names[index], itertools.islice(records, lengths[index]))
    _finish(records)
    smallest = size or summary.smallest
    return Split(
        count=count,
        shards=shards,
        height=size and size[0],
        width=size and size[1],
        smallest=smallest,
        shard_lengths=tuple(lengths),
        shard_bytes=tuple(map(output.size_of, names)),
    )


def _finish(records: Iterator[Record]) -> None:
    """Lets the progress display show its last state; all records are written by now."""
    for record in records:
        raise AssertionError(f"{record.key} belongs to no shard")


def describe(plan: Plan, splits: Mapping[str, Split], prepared) -> Description:
    """Returns the content of `dataset.json`."""
    colors = plan.table.colors.items()
    return Description(
        name=plan.name,
        num_classes=plan.num_classes,
        dont_care_index=plan.dont_care_index,
        instances=plan.instances,
        label_mapping=plan.label_mapping,
        class_names=plan.class_names,
        palette=plan.palette,
        label_ids=dict(plan.table.ids),
        label_colors=tuple(
            (c >> 16, c >> 8 & 255, c & 255, index) for c, index in colors
        ),
        splits=splits,
        tool=f"ccfpse_tf {ccfpse_tf.__version__}",
        prepared=prepared,
        label_format=plan.reading,
    )


def write_tfds_metadata(folder: Path, result: Description) -> None:
    """Writes `features.json` and `dataset_info.json` to the finished shards' folder.

    TensorFlow Datasets opens the folder by them: `tfds.builder_from_directory`.
    """
    import tensorflow_datasets as tfds

    splits = [
        tfds.core.SplitInfo(
            name=name,
            shard_lengths=list(split.shard_lengths),
            num_bytes=sum(split.shard_bytes),
            filename_template=tfds.core.ShardedFileTemplate(
                folder,
                dataset_name=result.name,
                split=name,
                filetype_suffix="tfrecord",
            ),
        )
        for name, split in result.splits.items()
    ]
    tfds.folder_dataset.write_metadata(
        data_dir=folder,
        features=tfds_features(result.label_channels, result.instances),
        split_infos=splits,
        version="1.0.0",
        description=f"Label maps and images, prepared by {result.tool}.",
        check_data=False,
    )
