"""Pairing by name and reading of every kind of file."""

import numpy as np
import pytest

from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.data.prepare.sources import FolderSource, ScenesSource
from tests.data.toy import coordinates, make_folder, save


def open_folder(root, **options):
    return FolderSource(f"{root}/image/{{key}}.*", f"{root}/label/{{key}}.*", **options)


def write_layout(root, dataset, split, key):
    layout = dataset.layout
    ids = np.array([[0, 1], [2, 3]])
    for template, array in [
        (layout.images, coordinates(2, 2)),
        (layout.labels, ids.astype(np.uint8)),
        (layout.instances, ids.astype(np.uint16)),
    ]:
        if template:
            word = layout.splits[split]
            save(root / template.replace("{split}", word).replace("{key}", key), array)


@pytest.mark.parametrize("name", ["coco_stuff", "cityscapes", "ade20k"])
@pytest.mark.parametrize("split", ["train", "val"])
def test_official_layouts(tmp_path, name, split):
    dataset = DATASETS[name]
    key = "city/city_000001" if name == "cityscapes" else "000001"
    write_layout(tmp_path, dataset, split, key)
    source = FolderSource.from_layout(tmp_path, dataset.layout, split)
    assert source.problems == [] and source.keys == (key,)
    sample = source.load(0)
    assert sample.image.shape == (2, 2, 3)
    np.testing.assert_array_equal(sample.label, [[0, 1], [2, 3]])
    assert (sample.instance is not None) == dataset.instances
    assert len(source.files(0)) == 2 + dataset.instances


def test_other_files_of_the_layout_are_left_alone(tmp_path):
    dataset = DATASETS["cityscapes"]
    write_layout(tmp_path, dataset, "train", "a/a_1")
    (tmp_path / "gtFine/train/a/a_1_gtFine_polygons.json").write_text("{}")
    save(tmp_path / "gtFine/train/a/a_1_gtFine_color.png", coordinates(2, 2))
    source = FolderSource.from_layout(tmp_path, dataset.layout, "train")
    assert source.problems == [] and len(source) == 1


def test_order_is_that_of_the_names(tmp_path):
    make_folder(tmp_path, 5)
    source = open_folder(tmp_path)
    assert source.keys == tuple(f"p{i:03d}" for i in range(5))
    assert source.load(3).image[0, 0, 2] == 3
    assert [item.key for item in source.items(1, 3)] == ["p001", "p002"]


def test_missing_partners_are_all_listed(tmp_path):
    make_folder(tmp_path, 4, instances=True)
    (tmp_path / "label/p001.png").unlink()
    (tmp_path / "instance/p002.png").unlink()
    (tmp_path / "image/p003.png").unlink()
    templates = [f"{tmp_path}/{part}/{{key}}.*" for part in ("image", "label")]
    source = FolderSource(*templates, f"{tmp_path}/instance/{{key}}.*")
    problems = "\n".join(source.problems)
    assert len(source.problems) == 3 and source.keys == ("p000",)
    assert f"p001.png: has no label; expected {tmp_path}/label/p001.*" in problems
    assert f"p002.png: has no instance map; expected {tmp_path}/inst" in problems
    assert f"label/p003.png: has no image; expected {tmp_path}/image" in problems


def test_hidden_and_foreign_files_do_not_count(tmp_path):
    make_folder(tmp_path, 1)
    (tmp_path / "image/._p000.png").write_bytes(b"x")
    (tmp_path / "image/Thumbs.db").write_bytes(b"x")
    (tmp_path / "label/.DS_Store").write_bytes(b"x")
    source = open_folder(tmp_path)
    assert source.problems == [] and len(source) == 1


def test_two_images_of_one_name(tmp_path):
    make_folder(tmp_path, 1)
    save(tmp_path / "image/p000.bmp", coordinates(4, 4))
    (problem,) = open_folder(tmp_path).problems
    assert "p000.png: same name as" in problem and "p000.bmp" in problem


def test_missing_and_empty_folders(tmp_path):
    (problem, _) = open_folder(tmp_path).problems
    assert f"{tmp_path}/image: no such folder" in problem
    (tmp_path / "image").mkdir()
    (tmp_path / "label").mkdir()
    (problem,) = open_folder(tmp_path).problems
    assert "no images there" in problem


def test_templates_match_endings_and_folders(tmp_path):
    save(tmp_path / "image/a/x.png", coordinates(2, 2))
    save(tmp_path / "label/a/x_L.png", np.zeros((2, 2), np.uint8))
    source = FolderSource(
        f"{tmp_path}/image/{{key}}.*", f"{tmp_path}/label/{{key}}_L.*"
    )
    assert source.problems == [] and source.keys == ("a/x",)


def test_identity_changes_with_a_file(tmp_path):
    make_folder(tmp_path, 2)
    before = open_folder(tmp_path).identity()
    assert open_folder(tmp_path).identity() == before
    save(tmp_path / "label/p001.png", np.zeros((9, 9), np.uint8))
    assert open_folder(tmp_path).identity() != before


def test_scenes_are_numbered_across_splits():
    train = ScenesSource(2, seed=5, first=0, size=(32, 48))
    val = ScenesSource(1, seed=5, first=2, size=(32, 48))
    assert train.keys + val.keys == ("scene_000000", "scene_000001", "scene_000002")
    sample = val.load(0)
    assert sample.image.shape == (32, 48, 3)
    assert sample.label.shape == sample.instance.shape == (32, 48)
    assert len(val.files(0)) == 3
    assert train.identity() != val.identity()


def test_windows_side_by_side(tmp_path):
    make_folder(tmp_path, 2, (20, 34), instances=True)
    template = f"{tmp_path}/instance/{{key}}.*"
    whole = FolderSource(
        f"{tmp_path}/image/{{key}}.*", f"{tmp_path}/label/{{key}}.*", template
    )
    source = whole.in_windows((8, 10))
    # Two rows and three columns fit; what is left over is divided on both sides.
    places = [(top, left) for top in (2, 10) for left in (2, 12, 22)]
    keys = [f"p{i:03d}_y{top}_x{left}" for i in range(2) for top, left in places]
    assert source.keys == tuple(keys) and source.problems == []
    full = whole.load(1)
    for number, (top, left) in enumerate(places):
        window = source.load(6 + number)
        cut = np.s_[top : top + 8, left : left + 10]
        for name in ("image", "label", "instance"):
            np.testing.assert_array_equal(
                getattr(window, name), getattr(full, name)[cut]
            )
        assert window.original is None and window.key == keys[6 + number]
        assert source.files(6 + number) == whole.files(1)
    read = source.read_by("colors")
    assert read.keys == source.keys and next(read.items(0, 1)).item.reading == "colors"


def test_photos_that_cannot_be_cut(tmp_path):
    make_folder(tmp_path, 2, (20, 34))
    (tmp_path / "image" / "p001.png").write_bytes(b"no image")
    source = open_folder(tmp_path).in_windows((8, 40))
    assert len(source) == 0 and len(source.problems) == 2
    assert (
        "20x34 pixels (height x width), less than --val-windows 8x40"
        in (source.problems[0])
    )
    assert "p001.png" in source.problems[1]
