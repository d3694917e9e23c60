"""Turns and scales of the windows that a training sees; places and flips with the
pipeline."""

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.config import Config, override
from ccfpse_tf.data.random_window import RandomWindow
from ccfpse_tf.errors import InputError

SIZE = (8, 8)


def example(height, width):
    """Rows, columns and their sum; ids that name the pixel."""
    rows, columns = np.indices((height, width), np.uint8)
    image = np.stack([2 * rows, 2 * columns, rows + columns], -1)
    label = (rows.astype(np.int32) * 100) + columns
    return {"image": tf.constant(image), "label": tf.constant(label)}


def windows(window, whole, count=60):
    cut = tf.function(lambda number: window.cut(whole, 3, number))
    found = [cut(tf.constant(number, tf.int64)) for number in range(count)]
    return [(np.asarray(x["image"], int), np.asarray(x["label"])) for x in found]


def test_all_maps_are_turned_alike_by_every_quarter():
    seen = set()
    for image, label in windows(RandomWindow(SIZE, False, True), example(12, 16)):
        assert image.shape == (8, 8, 3) and label.shape == (8, 8)
        np.testing.assert_array_equal(image[..., 0] // 2, label // 100)
        np.testing.assert_array_equal(image[..., 1] // 2, label % 100)
        seen.add((label[0, 1] - label[0, 0], label[1, 0] - label[0, 0]))
    assert seen == {(1, 100), (-100, 1), (-1, -100), (100, -1)}


def test_some_windows_are_halved():
    steps = []
    for image, label in windows(RandomWindow(SIZE, False, False, 0.5), example(20, 18)):
        step = label[0, 1] - label[0, 0]
        assert label[1, 0] - label[0, 0] == 100 * step
        # The mean of 2x2 pixels lies half a pixel further than the id's.
        assert set(np.ravel(image[..., 0] - label // 100 * 2)) == {step - 1}
        steps.append(step)
    assert set(steps) == {1, 2} and 15 < steps.count(2) < 45


def test_images_without_room_are_not_halved():
    found = windows(RandomWindow(SIZE, False, False, 1.0), example(15, 30), 10)
    assert {label[0, 1] - label[0, 0] for _, label in found} == {1}


def test_the_draws_of_older_versions_stay():
    plain, more = RandomWindow(SIZE), RandomWindow(SIZE, half_scale=1e-9)
    pairs = [windows(window, example(12, 16), 20) for window in (plain, more)]
    for (_, one), (_, other) in zip(*pairs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_only_square_windows_can_be_turned():
    with pytest.raises(InputError, match="quarter_turns needs a square.*64x96"):
        override(
            Config(name="test"), ["data.quarter_turns=true", "data.image_size=64x96"]
        )
