"""The data set table agrees with the published facts and with itself."""

import pytest

from ccfpse_tf.convert.published_models import PUBLISHED_MODELS, PublishedModel
from ccfpse_tf.data.datasets import DATASETS, distinct_colors
from ccfpse_tf.data.label_mapping import dont_care_index, file_ids


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda d: d.name)
def test_names_and_colours_are_complete(dataset):
    assert len(dataset.class_names) == dataset.num_classes
    assert len(set(dataset.class_names)) == dataset.num_classes
    assert len(dataset.palette) == dataset.num_classes
    assert all(0 <= channel <= 255 for color in dataset.palette for channel in color)


@pytest.mark.parametrize(
    "name, label_channels, semantic_channels",
    [("coco_stuff", 183, 184), ("cityscapes", 35, 36), ("ade20k", 151, 151)],
)
def test_channel_counts_are_the_official_ones(name, label_channels, semantic_channels):
    assert DATASETS[name].label_channels == label_channels
    assert DATASETS[name].semantic_channels == semantic_channels


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda d: d.name)
def test_sizes_fit_the_depth(dataset):
    depth = PUBLISHED_MODELS.get(dataset.name, PublishedModel()).depth
    for size, load in zip(dataset.image_size, dataset.load_size, strict=True):
        assert size % 2**depth == 0
        assert load >= size


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda d: d.name)
def test_every_mapping_fills_the_label_channels(dataset):
    for mapping in dataset.label_mappings:
        ids = file_ids(mapping, dataset.num_classes, dataset.dont_care)
        assert set(ids.values()) == set(range(dataset.label_channels))


def test_known_ids():
    coco = file_ids("identity", 182, True)
    assert coco[255] == 182 and coco[181] == 181 and 182 not in coco
    cityscapes = file_ids("identity", 35, False)
    assert 34 in cityscapes and 35 not in cityscapes and 255 not in cityscapes
    shift, raw = file_ids("shift", 150, True), file_ids("raw", 150, True)
    assert (shift[0], shift[1], shift[150]) == (150, 0, 149)
    assert (raw[0], raw[1], raw[150]) == (0, 1, 150)
    assert 255 not in shift and 255 not in raw


def test_dont_care_index():
    assert dont_care_index("identity", 35, False) is None
    assert dont_care_index("identity", 182, True) == 182
    assert dont_care_index("shift", 150, True) == 150
    assert dont_care_index("raw", 150, True) == 0


def test_unknown_mapping_names_the_choices():
    with pytest.raises(ValueError, match="'identity', 'shift' or 'raw'"):
        file_ids("shifted", 150, True)


def test_names_at_known_places():
    coco, city = DATASETS["coco_stuff"], DATASETS["cityscapes"]
    assert coco.class_names[91] == "banner" and coco.class_names[168] == "tree"
    assert city.class_names[7] == "road" and city.palette[7] == (128, 64, 128)
    assert DATASETS["ade20k"].class_names[149] == "flag"


def test_distinct_colors_do_not_repeat():
    assert len(set(distinct_colors(200))) == 200
