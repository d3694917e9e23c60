"""Tests of the drawn street scenes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.data.scenes import draw_scene
from ccfpse_tf.data.scenes.canvas import Class

SIZE = (64, 64)


@pytest.fixture(scope="module")
def scenes() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The first scenes of one collection."""
    return [draw_scene(0, index, SIZE) for index in range(64)]


def _same(first: tuple, second: tuple) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("size", [(64, 64), (72, 72), (128, 128), (64, 128), (96, 33)])
def test_shapes_and_types(size: tuple[int, int]) -> None:
    image, label, instance = draw_scene(3, 5, size)
    assert image.shape == (*size, 3) and image.dtype == np.uint8
    assert label.shape == size and label.dtype == np.uint8
    assert instance.shape == size and instance.dtype == np.uint16


def test_same_arguments_give_the_same_scene() -> None:
    assert _same(draw_scene(1, 2, SIZE), draw_scene(1, 2, SIZE))


def test_drawing_order_does_not_matter(scenes: list) -> None:
    assert _same(draw_scene(0, 7, SIZE), scenes[7])


def test_another_process_gives_the_same_scene(repository: Path) -> None:
    code = (
        "import zlib; from ccfpse_tf.data.scenes import draw_scene\n"
        "print([zlib.crc32(part.tobytes()) for part in draw_scene(4, 9, (64, 64))])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=repository,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_seed_and_index_both_change_the_scene() -> None:
    base = draw_scene(1, 2, SIZE)
    for other in (draw_scene(1, 3, SIZE), draw_scene(2, 2, SIZE)):
        assert not np.array_equal(base[0], other[0])
        assert not np.array_equal(base[1], other[1])
    # Swapped arguments must not collide.
    assert not np.array_equal(draw_scene(2, 1, SIZE)[0], base[0])


def test_labels_are_those_of_the_table(scenes: list) -> None:
    facts = DATASETS["scenes"]
    names = [name.replace(" ", "_").upper() for name in facts.class_names]
    assert names == [label.name for label in Class if label != 255]
    allowed = {*range(facts.num_classes), 255}
    found = set(np.unique(np.stack([label for _, label, _ in scenes])).tolist())
    assert found == allowed


def test_every_class_appears_in_a_fair_share_of_scenes(scenes: list) -> None:
    seen = np.zeros(256)
    for _, label, _ in scenes:
        seen += np.bincount(label.ravel(), minlength=256) >= 8
    share = seen / len(scenes)
    for label in Class:
        least = 0.1 if label == Class.EGO else 0.5
        assert share[label] >= least, f"{label.name}: {share[label]:.2f} of the scenes"
    assert share[Class.EGO] < 0.5


def test_instances_number_objects_and_nothing_else(scenes: list) -> None:
    # A window belongs to its building and shares its number.
    things = [Class.BUILDING, Class.WINDOW, Class.TREE, Class.CAR, Class.PERSON]
    things += [Class.SIGN, Class.POLE]
    for _, label, instance in scenes:
        assert np.array_equal(instance > 0, np.isin(label, things))
        for number in np.unique(instance[instance > 0]):
            labels = set(np.unique(label[instance == number]).tolist())
            assert labels <= {Class.BUILDING, Class.WINDOW} or len(labels) == 1


def test_several_instances_of_a_class_are_told_apart(scenes: list) -> None:
    for kind in (Class.CAR, Class.PERSON, Class.TREE, Class.SIGN, Class.BUILDING):
        counts = [len(np.unique(inst[lab == kind])) for _, lab, inst in scenes]
        assert max(counts) >= 2, kind.name


def _spread(image: np.ndarray, instance: np.ndarray, label: np.ndarray) -> float:
    """Mean squared distance of the pixels' colours from their region's mean."""
    regions = instance.astype(np.int64) * 256 + label
    _, region = np.unique(regions, return_inverse=True)
    region = region.ravel()
    pixels = image.reshape(-1, 3).astype(np.float64)
    count = np.bincount(region)
    sums = [np.bincount(region, channel) for channel in pixels.T]
    mean = np.stack(sums, axis=1) / count[:, None]
    return float(np.square(pixels - mean[region]).mean())


def test_label_and_instance_are_aligned_with_the_image(scenes: list) -> None:
    shifts = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    aligned, shifted = 0.0, np.zeros(len(shifts))
    inner = (slice(1, -1), slice(1, -1))
    for image, label, instance in scenes:
        aligned += _spread(image[inner], instance[inner], label[inner])
        for number, shift in enumerate(shifts):
            moved = np.roll(label, shift, (0, 1)), np.roll(instance, shift, (0, 1))
            shifted[number] += _spread(image[inner], moved[1][inner], moved[0][inner])
    assert (shifted > 1.05 * aligned).all(), (aligned, shifted)


def test_other_sizes_show_the_same_scene() -> None:
    same = []
    for index in range(12):
        _, small, _ = draw_scene(0, index, (64, 64))
        _, large, _ = draw_scene(0, index, (192, 192))
        same.append((large[1::3, 1::3] == small).mean())
    # Windows smaller than a pixel are left out, so not every pixel agrees.
    assert np.mean(same) > 0.93 and min(same) > 0.85, same


def test_scenes_differ_in_light(scenes: list) -> None:
    # Blue skies and orange ones: what a style code has to tell.
    warmth = [
        image[label == Class.SKY].mean(axis=0) @ np.array([1.0, 0.0, -1.0])
        for image, label, _ in scenes
    ]
    assert min(warmth) < -50 and max(warmth) > 50


def test_roads_narrow_towards_the_horizon(scenes: list) -> None:
    ground = [Class.ROAD, Class.LANE_MARKING, Class.CAR]
    for _, label, _ in scenes:
        widths = np.isin(label, ground).sum(axis=1)
        assert widths[46:50].mean() > widths[:30].mean() + 10


@pytest.mark.parametrize("arguments", [(-1, 0, SIZE), (0, -1, SIZE), (0, 0, (8, 64))])
def test_impossible_arguments_are_refused(arguments: tuple) -> None:
    with pytest.raises(ValueError, match=">= 0|at least 16"):
        draw_scene(*arguments)


def test_a_small_scene_takes_milliseconds() -> None:
    draw_scene(0, 0, SIZE)
    start = time.process_time()
    for index in range(20):
        draw_scene(0, index, SIZE)
    # About 12 ms where this was written; the margin is for slower machines.
    assert (time.process_time() - start) / 20 < 0.06
