"""The printed table and the picture of an evaluation."""

import numpy as np
import pytest

from ccfpse_tf.evaluation.report import (
    draw_iou,
    notes,
    paper_line,
    published,
    shown,
    table,
)


def test_published_numbers_are_fractions_in_the_order_of_the_table():
    assert published("cityscapes")["CC-FPSE"] == {
        "mean_iou": pytest.approx(0.655),
        "pixel_accuracy": pytest.approx(0.823),
        "fid": 54.3,
    }
    assert published("mine") == {}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("mean_iou", 0.4161, "41.6"),
        ("fid", 19.24, "19.2"),
        ("kid", 0.01234, "0.0123"),
        ("frechet_distance[x]", 3.14159, "3.1"),
        ("kid_lite0", 0.01234, "0.0123"),
        ("fd_lite0", 46.71, "46.7"),
        ("lpips_st", 0.2006, "0.2006"),
        ("diversity", 0.129, "0.1290"),
        ("mean_iou", None, "-"),
        ("mean_iou", float("nan"), "-"),
    ],
)
def test_values_are_shown_as_in_papers(name, value, text):
    assert shown(name, value) == text


def test_the_table_has_a_column_for_whatever_any_row_has():
    lines = table({"ours": {"mean_iou": 0.5, "z": 1.0}, "theirs": {"fid": 2}})
    assert lines.splitlines() == [
        "        mIoU  FID       z",
        "ours    50.0    -  1.0000",
        "theirs     -  2.0       -",
    ]


def test_the_line_for_a_paper_says_how():
    protocol = {
        "images": 500,
        "split": "val",
        "image_size": [256, 512],
        "style": "random",
        "segmenter": {"evaluator": "drn", "label_size": [8, 9], "miou": "present"},
        "distance": {
            "network": "Inception",
            "resize": "tf1",
            "reference": "real, val",
            "reference_images": 500,
        },
    }
    line = paper_line({"mean_iou": 0.655, "fid": 54.3}, protocol, "Cityscapes")
    assert line == (
        "mIoU 65.5, FID 54.3 (500 val images of Cityscapes; 256x512; style: random; "
        "drn, labels by nearest neighbour at 8x9, mIoU over the classes that occur in "
        "labels or predictions; Inception features, resized as tf1, against 500 real, "
        "val images)"
    )


def test_a_frechet_distance_of_few_images_comes_with_a_note():
    distance = {"network": "x", "dimensions": 1280, "reference_images": 2000}
    for images, count in ((100, 1), (1279, 1), (1280, 0), (5000, 0)):
        found = notes({"images": images, "distance": distance})
        assert len(found) == count
    [note] = notes({"images": 100, "distance": distance})
    assert "100 images in 1280 dimensions has a floor" in note
    del distance["dimensions"]
    assert notes({"images": 100, "distance": distance}) == []
    assert notes({"images": 100}) == []


def test_the_kernel_distance_comes_first():
    row = {"fd_lite0": 46.7, "kid_lite0": -0.0004}
    assert table({"ours": row}).split()[:6] == "KID of Lite0 FD of Lite0".split()


def test_the_line_starts_with_any_metric():
    protocol = {"images": 1, "split": "val", "image_size": [8, 8], "style": "none"}
    assert paper_line({"z": 1.0}, protocol, "x").startswith("z 1.0000 (1 val images")


def test_bars_are_as_long_as_the_values():
    iou = np.array([0.5, np.nan, 1.0, np.nan])
    other = np.array([0.25, 0.75, np.nan, np.nan])
    series = {"generated": iou, "real": other}
    pixels = draw_iou(["a", "b", "c", "nowhere"], series)
    assert (pixels[-3:] == 255).all()  # nothing is cut off, nothing added
    blue = (pixels == (0x2F, 0x6D, 0xB3)).all(-1)
    grey = (pixels == (0x9A, 0xA5, 0xB1)).all(-1)
    lengths = [sorted(set(part[40:].sum(1).tolist()) - {0}) for part in (blue, grey)]
    assert lengths == [[211, 421], [106, 316]]
