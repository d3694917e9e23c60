"""The record schema, its encoder and its decoder, and nothing else.

One `tf.train.Example` per image:

| feature | value |
|---|---|
| `key` | the name that image and label share, UTF-8 |
| `image/encoded` | PNG, or the original JPEG/PNG where sizes are kept |
| `image/height`, `image/width` | of all maps |
| `label/encoded` | grey PNG of class INDICES; 8 bits up to 256 of them, else 16 |
| `instance/encoded` | grey 16-bit PNG; absent without instances |
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ccfpse_tf.data.description import (
    Description,
    Split,
    read_description,
    shard_name,
    write_description,
)
from ccfpse_tf.data.image_files import encode_png
from ccfpse_tf.errors import InputError

__all__ = [
    "Description",
    "Record",
    "Split",
    "decode_record",
    "encode_record",
    "label_dtype",
    "read_description",
    "serialize_record",
    "shard_name",
    "tfds_features",
    "write_description",
]


@dataclass(frozen=True)
class Record:
    """An encoded example, before it becomes a protocol buffer."""

    key: str
    image: bytes
    label: bytes
    instance: bytes | None
    height: int
    width: int


def label_dtype(label_channels: int) -> type[np.unsignedinteger]:
    """Returns the dtype of label PNGs: uint8 while every index fits.

    Raises:
        InputError: for more than 65,536 classes.
    """
    if label_channels > 65536:
        raise InputError(f"{label_channels} label classes; records hold at most 65536")
    return np.uint8 if label_channels <= 256 else np.uint16


def encode_record(
    key: str,
    image: np.ndarray | bytes,
    label: np.ndarray,
    instance: np.ndarray | None,
    label_channels: int,
) -> Record:
    """Encodes one example.

    Args:
        key: its name.
        image: uint8 `(height, width, 3)`, or the bytes of a JPEG or PNG file.
        label: indices `(height, width)`.
        instance: ids 0..65535 `(height, width)`, or None.
        label_channels: number of label indices; decides the bits of the PNG.

    Raises:
        InputError: if an instance id does not fit into 16 bits.
    """
    if instance is not None and (instance.min() < 0 or instance.max() > 65535):
        raise InputError(
            f"{key}: instance ids {instance.min()}..{instance.max()}; allowed 0..65535"
        )
    return Record(
        key=key,
        image=image if isinstance(image, bytes) else encode_png(image),
        label=encode_png(label.astype(label_dtype(label_channels))),
        instance=None if instance is None else encode_png(instance.astype(np.uint16)),
        height=label.shape[0],
        width=label.shape[1],
    )


def serialize_record(record: Record) -> bytes:
    """Returns the serialised `tf.train.Example`, the same bytes every time."""
    import tensorflow as tf

    def of_bytes(value: bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    def of_int(value: int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    features = {
        "key": of_bytes(record.key.encode()),
        "image/encoded": of_bytes(record.image),
        "image/height": of_int(record.height),
        "image/width": of_int(record.width),
        "label/encoded": of_bytes(record.label),
    }
    if record.instance is not None:
        features["instance/encoded"] = of_bytes(record.instance)
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def decode_record(serialized, label_channels: int, instances: bool) -> dict:
    """Decodes a serialised example inside `tf.data`.

    Returns:
        `key` (string), `image` uint8 `(h, w, 3)`, `label` int32 `(h, w)` and, with
        instances, `instance` int32 `(h, w)`.
    """
    import tensorflow as tf

    names = ["key", "image/encoded", "label/encoded"]
    names += ["instance/encoded"] if instances else []
    parsed = tf.io.parse_single_example(
        serialized, {name: tf.io.FixedLenFeature([], tf.string) for name in names}
    )

    def decode_ids(png, dtype):
        # The bits must be named: TensorFlow would stretch 8 bits to 16.
        ids = tf.io.decode_png(png, channels=1, dtype=tf.as_dtype(dtype))
        return tf.cast(ids[..., 0], tf.int32)

    example = {
        "key": parsed["key"],
        # Reads PNG as well; the accurate method gives Pillow's pixels for JPEG.
        "image": tf.io.decode_jpeg(
            parsed["image/encoded"], channels=3, dct_method="INTEGER_ACCURATE"
        ),
        "label": decode_ids(parsed["label/encoded"], label_dtype(label_channels)),
    }
    if instances:
        example["instance"] = decode_ids(parsed["instance/encoded"], np.uint16)
    return example


def tfds_features(label_channels: int, instances: bool):
    """Returns the schema as a `FeaturesDict` of TensorFlow Datasets."""
    from tensorflow_datasets import features as tfds

    def ids(dtype):
        return {"encoded": tfds.Image(shape=(None, None, 1), dtype=dtype)}

    size = {"height": tfds.Scalar(np.int64), "width": tfds.Scalar(np.int64)}
    image = {"encoded": tfds.Image(shape=(None, None, 3), dtype=np.uint8)} | size
    label = ids(label_dtype(label_channels))
    features = {"image": image, "key": tfds.Text(), "label": label}
    if instances:
        features["instance"] = ids(np.uint16)
    return tfds.FeaturesDict(features)
