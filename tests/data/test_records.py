"""Records decode to what was encoded, and TFDS can open them."""

import json

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.data.description import description_from_json
from ccfpse_tf.data.prepare.prepare import main
from ccfpse_tf.data.records import (
    decode_record,
    encode_record,
    label_dtype,
    read_description,
    serialize_record,
)
from ccfpse_tf.errors import InputError
from tests.data.toy import coordinates, folder_argv, make_folder


def round_trip(image, label, instance, channels):
    record = encode_record("a/b", image, label, instance, channels)
    decoded = decode_record(serialize_record(record), channels, instance is not None)
    return {name: value.numpy() for name, value in decoded.items()}


@pytest.mark.parametrize("channels", [183, 256, 257, 65536])
def test_round_trip_is_lossless(channels):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (5, 7, 3), np.uint8)
    label = rng.integers(0, channels, (5, 7))
    label[0, :2] = 0, channels - 1
    instance = rng.integers(0, 65536, (5, 7))
    instance[0, :2] = 65535, 33001
    decoded = round_trip(image, label, instance, channels)
    assert decoded["key"] == b"a/b"
    np.testing.assert_array_equal(decoded["image"], image)
    np.testing.assert_array_equal(decoded["label"], label)
    np.testing.assert_array_equal(decoded["instance"], instance)
    assert decoded["label"].dtype == decoded["instance"].dtype == np.int32


def test_without_instances_there_is_no_such_feature():
    label = np.zeros((2, 2), int)
    decoded = round_trip(coordinates(2, 2), label, None, 4)
    assert set(decoded) == {"key", "image", "label"}


def test_original_jpeg_decodes_to_the_pixels_of_pillow(tmp_path):
    rng = np.random.default_rng(1)
    smooth = np.kron(rng.integers(0, 256, (6, 8, 3)), np.ones((8, 8, 1)))
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth.astype(np.uint8)).save(path, quality=80)
    label = np.zeros((48, 64), int)
    decoded = round_trip(path.read_bytes(), label, None, 4)
    np.testing.assert_array_equal(decoded["image"], np.asarray(Image.open(path)))


@pytest.mark.parametrize("wrong", [-1, 65536])
def test_instance_ids_beyond_16_bits_raise(wrong):
    instance = np.full((2, 2), wrong, np.int32)
    with pytest.raises(InputError, match=f"k: instance ids {wrong}..{wrong}; allowed"):
        encode_record("k", coordinates(2, 2), instance * 0, instance, 4)


def test_too_many_classes_raise():
    assert label_dtype(256) is np.uint8 and label_dtype(257) is np.uint16
    with pytest.raises(InputError, match="65537 label classes"):
        label_dtype(65537)


def test_same_input_gives_the_same_bytes():
    image, label = coordinates(4, 4), np.eye(4, dtype=int)
    records = [encode_record("k", image, label, label, 4) for _ in range(2)]
    assert serialize_record(records[0]) == serialize_record(records[1])


@pytest.fixture
def records(tmp_path):
    out = tmp_path / "toy"
    source = make_folder(tmp_path / "in", instances=True)
    main("folder", folder_argv(source, out, "--size", "32x40", "--shards", 2))
    return out


def test_tfds_opens_the_folder(records):
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(str(records))
    assert builder.info.splits["train"].num_examples == 6
    assert builder.info.splits["train"].shard_lengths == [3, 3]
    examples = list(tfds.as_numpy(builder.as_dataset("train", shuffle_files=False)))
    assert [example["key"] for example in examples] == [
        f"p{number:03d}".encode() for number in range(6)
    ]
    first = examples[0]
    assert first["image"]["encoded"].shape == (36, 45, 3)
    assert (first["image"]["height"], first["image"]["width"]) == (36, 45)
    assert first["label"]["encoded"].dtype == np.uint8
    assert first["instance"]["encoded"].dtype == np.uint16
    assert first["instance"]["encoded"].max() == 300 * 39 + 47


def test_description_reads_back(records):
    description = read_description(records)
    assert (description.name, description.num_classes) == ("toy", 4)
    assert description.label_channels == 4 and description.semantic_channels == 5
    split = description.splits["train"]
    assert (split.count, split.shards, split.height, split.width) == (6, 2, 36, 45)
    assert split.smallest == (36, 45) and split.shard_lengths == (3, 3)
    assert description.label_ids == {0: 0, 1: 1, 2: 2, 3: 3}
    assert [p.name for p in description.shard_paths(records, "train")] == [
        "toy-train.tfrecord-00000-of-00002",
        "toy-train.tfrecord-00001-of-00002",
    ]


def edit(records, **changes):
    path = records / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_no_records_there(tmp_path):
    with pytest.raises(InputError, match=r"does not hold dataset\.json"):
        read_description(tmp_path)
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        read_description(tmp_path)
    (tmp_path / "dataset.json").write_text("[]")
    with pytest.raises(InputError, match="is not a description of records"):
        read_description(tmp_path)


def test_newer_format(records):
    edit(records, format=99)
    with pytest.raises(InputError, match="format 99, this version reads up to 1"):
        read_description(records)


def test_damaged_description(records):
    edit(records, splits={"train": {"count": 1}})
    with pytest.raises(InputError, match="is damaged"):
        read_description(records)


def test_unknown_split(records):
    with pytest.raises(InputError, match="no split 'test'; it has 'train'"):
        read_description(records).shard_paths(records, "test")


def test_missing_and_truncated_shards_are_all_listed(records):
    first, second = read_description(records).shard_paths(records, "train")
    first.unlink()
    second.write_bytes(second.read_bytes()[:-10])
    with pytest.raises(InputError) as error:
        read_description(records)
    assert f"{first}: is missing" in str(error.value)
    assert f"{second}: has " in str(error.value)


def test_dont_care_has_its_place_among_names_and_colours(tmp_path):
    source = make_folder(tmp_path / "in")
    argv = folder_argv(source, tmp_path / "o", "--num-classes", 3)
    main("folder", [*argv, "--dont-care-id", "0", "--size", "32"])
    description = read_description(tmp_path / "o")
    assert description.dont_care_index == 3 and description.num_classes == 3
    assert description.label_ids == {0: 3, 1: 0, 2: 1, 3: 2}
    assert description.index_names == ("class 1", "class 2", "class 3", "don't care")
    assert description.index_palette[3] == (0, 0, 0)
    assert len(description.index_palette) == description.label_channels == 4


@pytest.mark.parametrize(
    ("ids", "added"),
    [
        ({0: 0, 1: 1}, {255: 2}),  # a palette file with colours, and "-" for don't care
        ({0: 0, 255: 1}, {256: 2}),
        ({0: 0, 1: 1, -1: 2}, {255: 2}),  # which no file can hold
        ({0: 0, 1: 1, 9: 2}, {}),
        # Classes of files of 32 bits.
        ({-1: 0, 0: 1, 9: 2}, {256: 0}),
        ({70000: 0, 70001: 1, 9: 2}, {0: 0, 1: 1}),
        ({65535: 0, 65536: 1, 2**31 - 1: 2}, {1: 1, 255: 2}),
    ],
)
def test_label_maps_can_hold_every_class(ids, added):
    fields = {
        "name": "toy",
        "num_classes": 2,
        "dont_care_index": 2,
        "instances": False,
        "label_mapping": "identity",
        "class_names": ["a", "b"],
        "palette": [[1, 1, 1], [2, 2, 2]],
        "label_ids": {str(id_): index for id_, index in ids.items()},
        "label_colors": [[1, 1, 1, 0], [2, 2, 2, 1], [0, 0, 0, 2]],
        "splits": {},
        "tool": "test",
        "format": 1,
    }
    assert description_from_json(fields, "toy").label_ids == ids | added
