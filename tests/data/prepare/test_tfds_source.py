"""Reading copies that TensorFlow Datasets has installed, and odd ones."""

import io

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.data.prepare.prepare import main
from ccfpse_tf.data.prepare.tfds_source import TFDSSource
from ccfpse_tf.data.records import read_description
from ccfpse_tf.errors import InputError
from tests.data.prepare.written import contents, records_of
from tests.data.toy import coordinates


def png(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def jpeg(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def install(data_dir, layout, examples):
    """Writes a prepared TFDS data set with the features of the real builder."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    builder = tfds.builder(layout.name, data_dir=data_dir)
    folder = builder.data_path
    folder.mkdir(parents=True)
    infos = []
    for split in layout.splits.values():
        template = tfds.core.ShardedFileTemplate(
            folder,
            dataset_name=builder.name,
            split=split,
            filetype_suffix="tfrecord",
        )
        path = template.sharded_filepath(shard_index=0, num_shards=1)
        with tf.io.TFRecordWriter(str(path)) as writer:
            for example in examples:
                writer.write(builder.info.features.serialize_example(example))
        infos.append(
            tfds.core.SplitInfo(
                name=split,
                shard_lengths=[len(examples)],
                num_bytes=path.stat().length,
                filename_template=template,
            )
        )
    builder.info.set_splits(tfds.core.splits.SplitDict(infos))
    builder.info.write_to_directory(folder)


def as_files(example):
    return {
        name: io.BytesIO(value) if isinstance(value, bytes) else value
        for name, value in example.items()
    }


def labels_of(count, values):
    rows = np.mgrid[:32, :32][0]
    table = np.array(values, np.uint8)
    return [table[(rows + number) % len(values)] for number in range(count)]


@pytest.fixture
def scene_parse(tmp_path):
    layout = DATASETS["ade20k"].tfds
    grey = labels_of(3, [0, 1, 150])
    examples = [
        {
            layout.image: jpeg(coordinates(32, 32, number)),
            layout.label: png(np.repeat(label[..., None], 3, -1)),
        }
        for number, label in enumerate(grey)
    ]
    install(tmp_path / "tfds", layout, examples)
    return tmp_path / "tfds", grey


def argv(data_dir, out, *more):
    return ["--tfds", str(data_dir), "--out", str(out), "--workers", "1", *more]


def test_scene_parsing(scene_parse, tmp_path):
    data_dir, grey = scene_parse
    out = tmp_path / "out"
    main("ade20k", argv(data_dir, out, "--size", "32", "--load-size", "32"))
    description = read_description(out)
    assert description.splits["train"].count == description.splits["val"].count == 3
    for split, word in (("train", "train"), ("val", "test")):
        for number, record in enumerate(records_of(out, split)):
            assert record["key"] == f"{word}_{number:06d}".encode()
            expected = np.where(grey[number] == 0, 150, grey[number].astype(int) - 1)
            np.testing.assert_array_equal(record["label"], expected)


def test_shards_and_workers_change_nothing_but_the_files(scene_parse, tmp_path):
    data_dir, _ = scene_parse
    main("ade20k", argv(data_dir, tmp_path / "a", "--shards", "2"))
    main("ade20k", argv(data_dir, tmp_path / "b", "--shards", "2", "--workers", "2"))
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_cityscapes_copies_have_names_and_no_instances(tmp_path):
    layout = DATASETS["cityscapes"].tfds
    (label,) = labels_of(1, [7, 11, 33])
    example = {
        layout.image: png(coordinates(32, 32)),
        layout.label: png(label),
        layout.key: "aachen_000000_000019",
    }
    install(tmp_path / "tfds", layout, [example])
    out = tmp_path / "out"
    main("cityscapes", argv(tmp_path / "tfds", out, "--keep-size", "--split", "train"))
    (record,) = records_of(out, "train")
    assert record["key"] == b"aachen_000000_000019"
    np.testing.assert_array_equal(record["label"], label)
    np.testing.assert_array_equal(record["image"], coordinates(32, 32))
    assert not read_description(out).instances


def test_instance_annotations_are_refused(tmp_path):
    layout = DATASETS["ade20k"].tfds
    label = coordinates(32, 32)  # red and green differ, as in those files
    example = {
        layout.image: jpeg(coordinates(32, 32)),
        layout.label: png(label),
    }
    install(tmp_path / "tfds", layout, [example])
    with pytest.raises(InputError, match="holds colours, not class ids"):
        main("ade20k", argv(tmp_path / "tfds", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_single_examples_and_places(scene_parse):
    data_dir, grey = scene_parse
    source = TFDSSource(DATASETS["ade20k"].tfds, "val", str(data_dir))
    assert len(source) == 3 and source.files(1) == ("scene_parse150 test[1]",)
    np.testing.assert_array_equal(source.load(1).label[..., 0], grey[1])


def test_data_that_is_not_installed(tmp_path):
    with pytest.raises(InputError, match="has no prepared split 'train' in"):
        main("ade20k", argv(tmp_path, tmp_path / "out"))
