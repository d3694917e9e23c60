"""Resizing, cropping and normalising, against the official pipeline and by hand."""

import json

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.data.label_mapping import file_ids
from ccfpse_tf.data.transforms import (
    crop_and_flip,
    describe_ids,
    map_labels,
    normalize_image,
    photograph_to_uint8,
    resize_ids,
    resize_image,
    to_uint8,
)
from ccfpse_tf.errors import InputError

OFFICIAL = {  # prefix of a case -> data set and its mapping there
    "coco": ("coco_stuff", "identity"),
    "cityscapes": ("cityscapes", "identity"),
    "ade20k": ("ade20k", "raw"),
}


def official_cases(shared_dir):
    public = shared_dir / "fixtures" / "public"
    manifest = json.loads((public / "manifest.json").read_text())
    entry = manifest.get("files", manifest)["dataset.npz"]
    configs = {k: v for k, v in entry["config"].items() if isinstance(v, dict)}
    return np.load(public / "dataset.npz"), configs


def load_size(config):
    if config["preprocess_mode"] == "fixed":
        width = config["crop_size"]
        return round(width / config["aspect_ratio"]), width
    return config["load_size"], config["load_size"]


def test_equals_the_official_pipeline_exactly(shared_dir):
    arrays, configs = official_cases(shared_dir)
    assert len(configs) >= 7
    for case, config in configs.items():
        source = case.split("/")[0]
        name, mapping = OFFICIAL[source]
        dataset = DATASETS[name]
        size = load_size(config)
        ids = file_ids(mapping, dataset.num_classes, dataset.dont_care)
        label = map_labels(arrays[f"{source}/src_label"], ids)
        example = {
            "image": resize_image(arrays[f"{source}/src_image"], size),
            "label": resize_ids(label, size),
        }
        if f"{case}/instance" in arrays:
            instance = arrays[f"{source}/src_instance"]
            example["instance"] = resize_ids(instance, size)
        left, top = config["crop_pos_xy"] or (0, 0)
        crop = arrays[f"{case}/label"].shape[1:]
        cut = crop_and_flip(example, top, left, config["flip"], crop)
        image = np.moveaxis(normalize_image(cut["image"]).numpy(), -1, 0)
        np.testing.assert_array_equal(image, arrays[f"{case}/image"], case)
        np.testing.assert_array_equal(cut["label"], arrays[f"{case}/label"][0], case)
        if "instance" in example:
            expected = arrays[f"{case}/instance"][0]
            np.testing.assert_array_equal(cut["instance"], expected, case)


def test_nearest_takes_the_pixel_under_the_centre():
    ids = np.arange(8, dtype=np.int32)[None].repeat(2, 0)
    # floor((target + 0.5) * 8 / 3) = 1, 4, 6
    np.testing.assert_array_equal(resize_ids(ids, (1, 3)), [[1, 4, 6]])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64])
def test_large_ids_survive_resizing(dtype):
    top = min(np.iinfo(dtype).max, 2**31 - 1)
    ids = np.array([[0, top], [1, top - 1]], dtype)
    resized = resize_ids(ids, (4, 4))
    assert resized.dtype == dtype
    np.testing.assert_array_equal(resized, ids.repeat(2, 0).repeat(2, 1))


def test_resizing_to_the_same_size_changes_nothing():
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    np.testing.assert_array_equal(resize_image(image, (5, 7)), image)


def test_normalize_gives_float32_steps_of_the_official_formula():
    import tensorflow as tf

    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    x = pixels.astype(np.float32)
    expected = (x / np.float32(255) - np.float32(0.5)) / np.float32(0.5)
    np.testing.assert_array_equal(normalize_image(pixels), expected)
    in_graph = tf.function(normalize_image)(tf.constant(pixels))
    assert in_graph.dtype == tf.float32
    np.testing.assert_array_equal(in_graph, expected)


LEVELS = np.arange(256, dtype=np.uint8).reshape(16, 16)


@pytest.mark.parametrize("make", [np.asarray, tf.constant])
def test_every_grey_level_of_a_photograph_comes_back(make):
    normalized = normalize_image(make(LEVELS))
    assert normalized.dtype == np.float32
    found = photograph_to_uint8(normalized)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, LEVELS)


def test_every_grey_level_of_a_generated_image_is_truncated_as_officially():
    normalized = normalize_image(LEVELS)
    # In float32 and in this order of operations, as the official tensor2im.
    exact = (normalized + np.float32(1)) / np.float32(2) * np.float32(255)
    found = to_uint8(tf.constant(normalized)).numpy()
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, exact.astype(np.uint8))
    assert np.unique(LEVELS - found).tolist() == [0, 1]
    assert (found != LEVELS).sum() == 63


def test_crop_and_flip_move_all_maps_alike():
    rows, columns = np.mgrid[:6, :8]
    maps = {"image": np.stack([rows, columns], -1), "label": 10 * rows + columns}
    cut = crop_and_flip(maps, 1, 2, True, (3, 4))
    expected = (10 * rows + columns)[1:4, 2:6][:, ::-1]
    np.testing.assert_array_equal(cut["label"], expected)
    image = cut["image"].numpy()
    np.testing.assert_array_equal(10 * image[..., 0] + image[..., 1], expected)


def test_a_window_beyond_the_edge_is_filled_with_zeros():
    label = np.full((3, 4), 7)
    cut = crop_and_flip({"label": label}, 1, 2, False, (3, 3))["label"]
    np.testing.assert_array_equal(cut, [[7, 7, 0], [7, 7, 0], [0, 0, 0]])


def test_map_labels_for_every_kind_of_integer():
    ids = {0: 2, 3: 0, 255: 1}
    for dtype in (np.uint8, np.uint16, np.int32, np.int64):
        mapped = map_labels(np.array([[0, 3], [255, 0]], dtype), ids)
        np.testing.assert_array_equal(mapped, [[2, 0], [1, 2]])


def test_map_labels_names_value_place_and_allowed():
    labels = np.zeros((4, 5), np.int32)
    labels[2, 3] = -1
    message = "label id -1 at row 2, column 3; allowed: 0..2, 255"
    with pytest.raises(InputError, match=message):
        map_labels(labels, {0: 0, 1: 1, 2: 2, 255: 3})


def test_describe_ids_joins_ranges():
    assert describe_ids({5: 0, 1: 0, 2: 0, 3: 0, 255: 0}) == "1..3, 5, 255"
