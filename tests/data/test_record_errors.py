"""Damaged records are named by shard and key, and the advice of the message works."""

import shutil

import pytest
import tensorflow as tf

from ccfpse_tf.data.pipeline import evaluation_dataset
from ccfpse_tf.data.prepare.prepare import main
from ccfpse_tf.data.record_errors import (
    clear_record_errors,
    damaged_shards,
    undecodable_record,
)
from ccfpse_tf.errors import InputError
from tests.data.toy import folder_argv, make_folder

CLASSES = ("--num-classes", "4")


@pytest.fixture(scope="module")
def argv(tmp_path_factory):
    """The command line that has written five records in two shards."""
    root = tmp_path_factory.mktemp("record_errors")
    source = make_folder(root / "in", 5)
    argv = folder_argv(source, root / "out", "--shards", 2, "--keep-size")
    main("folder", [*argv, *CLASSES])
    return argv


@pytest.fixture
def records(argv, tmp_path):
    """A copy to damage."""
    place = argv.index("--out") + 1
    return shutil.copytree(argv[place], tmp_path / "out")


def damage_the_photo(records, key):
    """Breaks a stored photo inside a whole record, as an early version stored them."""
    shard = sorted(records.glob("*train.tfrecord-*"))[1]
    examples = [
        tf.train.Example.FromString(serialized.numpy())
        for serialized in tf.data.TFRecordDataset(str(shard))
    ]
    with tf.io.TFRecordWriter(str(shard)) as writer:
        for example in examples:
            feature = example.features.feature
            if feature["key"].bytes_list.value[0] == key:
                photo = bytearray(feature["image/encoded"].bytes_list.value[0])
                photo[-14] ^= 1
                feature["image/encoded"].bytes_list.value[0] = bytes(photo)
            writer.write(example.SerializeToString(deterministic=True))
    return shard


def read_all(records):
    with clear_record_errors(records):
        return len(list(evaluation_dataset(records, (40, 48), 2, split="train")))


def test_a_photo_that_cannot_be_decoded_is_named_and_mended(argv, records):
    assert undecodable_record(records) is None and read_all(records) == 3
    shard = damage_the_photo(records, b"p003")
    words = rf"{shard.name}: the record 'p003' cannot be decoded \(Invalid PNG data"
    with pytest.raises(InputError, match=f"{words}.*delete the file {shard.name} and"):
        read_all(records)
    shard.unlink()
    place = argv.index("--out") + 1
    main("folder", [*argv[:place], str(records), *argv[place + 1 :], *CLASSES])
    assert read_all(records) == 3


@pytest.mark.parametrize("content", [b"\xff\xfe not an example", b"\x80\x81"])
def test_a_record_of_something_else_is_named_by_its_number(records, content):
    shard = sorted(records.glob("*train.tfrecord-*"))[1]
    length = shard.stat().st_size - 16  # less its length and checksums
    with tf.io.TFRecordWriter(str(shard)) as writer:
        writer.write(content.ljust(length, b"\xff"))
    with pytest.raises(InputError, match=f"{shard.name}: the record 0 cannot be"):
        read_all(records)


def test_a_missing_shard_is_named(records):
    stream = evaluation_dataset(records, (40, 48), 2, split="train")
    shard = sorted(records.glob("*train.tfrecord-*"))[1]
    shard.unlink()
    with pytest.raises(InputError, match=f"{shard.name}: is missing; run"):
        with clear_record_errors(records):
            list(stream)


def test_errors_of_other_origin_pass(records):
    with pytest.raises(tf.errors.InvalidArgumentError, match="mine"):
        with clear_record_errors(records):
            raise tf.errors.InvalidArgumentError(None, None, "mine")


def test_a_flipped_bit_is_found_in_its_shard(records):
    assert damaged_shards(records) == []
    shard = sorted(records.glob("*train.tfrecord-*"))[1]
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 4
    shard.write_bytes(content)
    assert damaged_shards(records) == [shard.name]
