"""The training stream: same crop for all maps, resumable, shuffled by epoch."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.data.pipeline import (
    batch_keys,
    evaluation_dataset,
    steps_per_epoch,
    training_dataset,
)
from ccfpse_tf.data.prepare.prepare import main
from ccfpse_tf.data.random_window import RandomWindow
from ccfpse_tf.data.transforms import normalize_image, resize_ids, resize_image
from ccfpse_tf.errors import InputError
from tests.data.toy import coordinates, folder_argv, make_folder, save

SIZE = (32, 40)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Eleven records of 40x48 pixels in three shards, as they are on disk."""
    root = tmp_path_factory.mktemp("pipeline")
    source = make_folder(root / "in", 11, instances=True)
    argv = folder_argv(source, root / "out", "--shards", 3, "--keep-size")
    main("folder", [*argv, "--num-classes", "4"])
    return root / "out"


def batches(records, count, window=SIZE, **options):
    stream = training_dataset(records, window, 4, shuffle_buffer=6, **options)
    return list(stream.take(count).as_numpy_iterator())


def pixels(images):
    """Undoes the normalisation: rows, columns and image numbers."""
    return np.rint((images * 0.5 + 0.5) * 255).astype(int)


def same(left, right):
    return all((left[name] == right[name]).all() for name in left)


def test_shapes_and_types(records):
    stream = training_dataset(records, SIZE, 4)
    assert stream.element_spec == {
        "image": tf.TensorSpec((4, 32, 40, 3), tf.float32),
        "label": tf.TensorSpec((4, 32, 40), tf.int32),
        "instance": tf.TensorSpec((4, 32, 40), tf.int32),
    }
    (batch,) = batches(records, 1)
    assert batch["image"].min() >= -1 and batch["image"].max() <= 1


def test_all_maps_are_cut_and_mirrored_alike(records):
    corners, flips = set(), []
    for batch in batches(records, 12):
        for image, label, instance in zip(
            pixels(batch["image"]), batch["label"], batch["instance"], strict=True
        ):
            rows, columns, numbers = np.moveaxis(image, -1, 0)
            np.testing.assert_array_equal(label, (rows + numbers) % 4)
            np.testing.assert_array_equal(instance, 300 * rows + columns)
            assert (np.diff(rows, axis=0) == 1).all()
            step = np.diff(columns, axis=1)
            assert (step == step[0, 0]).all() and abs(step[0, 0]) == 1
            flips.append(step[0, 0] < 0)
            corners.add((rows.min(), columns.min()))
    assert {row for row, _ in corners} == set(range(9))
    assert {column for _, column in corners} == set(range(9))
    assert 10 < sum(flips) < 38


def test_no_flip(records):
    for batch in batches(records, 4, RandomWindow(SIZE, flip=False)):
        assert (np.diff(pixels(batch["image"])[..., 1], axis=2) == 1).all()


@pytest.mark.parametrize("start", [1, 2, 3, 5])
def test_a_stream_can_be_entered_at_any_step(records, start):
    whole = batches(records, 8, seed=7)
    resumed = batches(records, 8 - start, seed=7, start_step=start)
    assert all(map(same, whole[start:], resumed))


@pytest.mark.parametrize("start", [0, 1, 3])
@pytest.mark.parametrize("count", [2, 4])
def test_shards_are_the_rows_of_the_same_batches(start, count, records):
    whole = batches(records, 4, seed=7, start_step=start)
    parts = [
        batches(records, 4, seed=7, start_step=start, shard=(index, count))
        for index in range(count)
    ]
    for expected, *found in zip(whole, *parts, strict=True):
        for name, values in expected.items():
            rows = [part[name] for part in found]
            assert {len(x) for x in rows} == {4 // count}
            np.testing.assert_array_equal(np.concatenate(rows), values)


def test_a_shard_does_not_decode_the_others_rows(records, monkeypatch):
    seen, cut = [], RandomWindow.cut

    def watched(self, example, seed, number):
        note = lambda number: seen.append(number) or number  # noqa: E731
        return cut(self, example, seed, tf.numpy_function(note, [number], tf.int64))

    monkeypatch.setattr(RandomWindow, "cut", watched)
    assert len(batches(records, 5, shard=(1, 2))) == 5
    assert len(seen) >= 10 and {number % 4 for number in seen} == {2, 3}


def test_shards_are_equal(records):
    with pytest.raises(ValueError, match="3 shards cannot share a batch of 4"):
        batches(records, 1, shard=(0, 3))


def test_the_seed_decides_everything(records):
    first, again = batches(records, 3, seed=1), batches(records, 3, seed=1)
    assert all(map(same, first, again))
    assert not same(first[0], batches(records, 1, seed=2)[0])


@pytest.mark.parametrize("seed", [0, 7])
def test_the_seed_of_the_program_changes_nothing(records, seed):
    before = batches(records, 5, seed=3)
    tf.random.set_seed(seed)
    try:
        assert all(map(same, before, batches(records, 5, seed=3)))
    finally:
        tf.random.set_seed(None)


def test_epochs_see_each_image_at_most_once_in_their_own_order(records):
    assert steps_per_epoch(records, 4, "train") == 2
    order = [
        number
        for batch in batches(records, 12)
        for number in pixels(batch["image"])[:, 0, 0, 2]
    ]
    epochs = [tuple(order[start : start + 8]) for start in range(0, 48, 8)]
    assert all(len(set(epoch)) == 8 for epoch in epochs)
    assert len(set(epochs)) == 6
    assert set(order) == set(range(11))


def test_records_without_instances(tmp_path):
    source = make_folder(tmp_path / "in", 2)
    main("folder", folder_argv(source, tmp_path / "out", "--size", "32"))
    stream = training_dataset(tmp_path / "out", (32, 32), 2)
    assert set(stream.element_spec) == {"image", "label"}


def test_too_large_crops_and_batches(records):
    message = "records of 40x48 pixels, image size 64x40 is larger"
    with pytest.raises(InputError, match=message):
        training_dataset(records, (64, 40), 4)
    with pytest.raises(InputError, match="11 images, batch size 12"):
        training_dataset(records, SIZE, 12)
    with pytest.raises(InputError, match="11 images, batch size 12"):
        steps_per_epoch(records, 12)
    with pytest.raises(InputError, match="no split 'val'; it has 'train'"):
        evaluation_dataset(records, SIZE, 2)


def test_evaluation_reads_all_in_order(records):
    stream = evaluation_dataset(records, (40, 48), 4, "train")
    found = list(stream.as_numpy_iterator())
    assert [len(batch["key"]) for batch in found] == [4, 4, 3]
    keys = [key for batch in found for key in batch["key"]]
    assert keys == [b"p%03d" % number for number in range(11)]
    image = normalize_image(coordinates(40, 48, 10))
    np.testing.assert_array_equal(found[2]["image"][2], image)


def test_evaluation_resizes_as_preparing_does(records):
    (batch,) = evaluation_dataset(records, (24, 56), 11, "train")
    assert batch["image"].shape == (11, 24, 56, 3)
    rows, columns = np.mgrid[:40, :48]
    image = normalize_image(resize_image(coordinates(40, 48, 1), (24, 56)))
    np.testing.assert_array_equal(batch["image"][1], image)
    label = resize_ids((rows + 1) % 4, (24, 56))
    np.testing.assert_array_equal(batch["label"][1], label)
    instance = resize_ids(300 * rows + columns, (24, 56))
    np.testing.assert_array_equal(batch["instance"][1], instance)


def test_records_of_different_sizes_make_one_batch(tmp_path):
    source = make_folder(tmp_path / "in", 2)
    save(source / "image/q.png", coordinates(70, 33, 2))
    save(source / "label/q.png", np.zeros((70, 33), np.uint8))
    out = tmp_path / "out"
    main("folder", folder_argv(source, out, "--keep-size", "--num-classes", 4))
    (batch,) = training_dataset(out, (32, 32), 3).take(1)
    assert batch["image"].shape == (3, 32, 32, 3)
    (batch,) = evaluation_dataset(out, (32, 32), 3, "train")
    assert batch["image"].shape == (3, 32, 32, 3)


REPLICAS = """
import sys
import numpy as np
import tensorflow as tf
from ccfpse_tf.data.pipeline import training_dataset

(cpu,) = tf.config.list_physical_devices("CPU")
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
stream = training_dataset(sys.argv[1], (32, 40), 4, start_step=1)
shared = iter(strategy.experimental_distribute_dataset(stream))
for whole in stream.take(4):
    parts = strategy.experimental_local_results(next(shared))
    assert len(parts) == 2
    for name, values in whole.items():
        halves = [part[name].numpy() for part in parts]
        assert halves[0].shape[0] == 2
        np.testing.assert_array_equal(np.concatenate(halves), values)
print("equal")
"""


@pytest.mark.slow
def test_replicas_get_the_halves_of_the_same_batches(records, repository):
    result = subprocess.run(
        [sys.executable, "-c", REPLICAS, str(records)],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.stdout == "equal\n", result.stderr[-2000:]


@pytest.mark.parametrize("step", [0, 1, 5])
def test_the_keys_of_a_batch_name_its_images(step, records):
    stream = evaluation_dataset(records, (40, 48), 1, split="train")
    numbers = {
        int(pixels(one["image"])[0, 0, 0, 2]): one["key"][0].decode()
        for one in stream.as_numpy_iterator()
    }
    (batch,) = batches(records, 1, seed=3, start_step=step)
    shown = [numbers[int(image[0, 0, 2])] for image in pixels(batch["image"])]
    assert batch_keys(records, 4, step, seed=3, shuffle_buffer=6) == shown


def test_an_evaluation_may_leave_out_the_first_records(records):
    def keys(**options):
        stream = evaluation_dataset(records, None, 1, split="train", **options)
        return [example["key"].numpy()[0] for example in stream]

    everything = keys()
    assert len(everything) > 2 and keys(start=2) == everything[2:]
