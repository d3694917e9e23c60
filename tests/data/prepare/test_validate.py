"""Every problem of a data set is found and named with its place."""

import json

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.data.prepare.label_table import LabelTable, pack_color
from ccfpse_tf.data.prepare.parallel import WorkerPool
from ccfpse_tf.data.prepare.sources import FileItem, FolderSource
from ccfpse_tf.data.prepare.validate import (
    SplitSummary,
    check_item,
    check_source,
    consecutive_ids,
    histogram,
    infer_ids,
)
from ccfpse_tf.errors import InputError
from tests.data.toy import coordinates, make_folder, save

IDS = LabelTable({0: 0, 1: 1, 255: 2})
RED, BLUE = (255, 0, 0), (0, 0, 255)


def item(tmp_path, label, image=None, instance=None):
    image = coordinates(*label.shape[:2]) if image is None else image
    paths = {"image": save(tmp_path / "image.png", image)}
    paths["label"] = save(tmp_path / "label.png", label)
    if instance is not None:
        paths["instance"] = save(tmp_path / "instance.png", instance)
    return FileItem("key", **{name: str(path) for name, path in paths.items()})


def zeros(*shape, dtype=np.uint8):
    return np.zeros(shape, dtype)


def test_good_example(tmp_path):
    label = np.array([[0, 255], [0, 0]], np.uint8)
    report = check_item(item(tmp_path, label), IDS)
    assert report.problems == () and report.size == (2, 2)
    assert report.counts == {0: 3, 255: 1}


def test_unknown_ids_with_place_and_way_out(tmp_path):
    label = zeros(4, 5)
    label[1, 2:4], label[3, 0] = 7, 9
    problems = check_item(item(tmp_path, label), IDS).problems
    assert len(problems) == 2
    place = f"{tmp_path}/label.png: id 7 at row 1, column 2; allowed 0..1, 255; "
    assert problems[0] == place + "see --label-map"
    assert "id 9 at row 3, column 0" in problems[1]


def test_many_unknown_ids_are_counted(tmp_path):
    label = np.arange(100, 120, dtype=np.uint8).reshape(4, 5)
    problems = check_item(item(tmp_path, label), IDS).problems
    assert len(problems) == 6 and "15 more unknown values (100.0%" in problems[-1]


def test_unequal_sizes(tmp_path):
    example = item(tmp_path, zeros(4, 5), zeros(5, 4, 3), zeros(4, 4))
    first, second = check_item(example, IDS).problems
    assert first.startswith(f"{tmp_path}/label.png: is 4 rows x 5 columns, its image")
    assert second.startswith(f"{tmp_path}/instance.png: is 4 rows x 4 columns")


def test_turned_photos_are_explained(tmp_path):
    example = item(tmp_path, zeros(4, 5))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(zeros(5, 4, 3)).save(example.image, exif=exif)
    (problem,) = check_item(example, IDS).problems
    assert "EXIF" in problem


def test_instance_ids_beyond_16_bits(tmp_path):
    instance = zeros(3, 3, dtype=np.int32)
    instance[2, 1] = 70000
    example = item(tmp_path, zeros(3, 3), instance=zeros(3, 3))
    path = tmp_path / "instance.tif"  # PNG cannot hold them
    Image.fromarray(instance).save(path)
    example = FileItem("k", example.image, example.label, str(path))
    (problem,) = check_item(example, IDS).problems
    assert "instance id 70000 at row 2, column 1; allowed 0..65535" in problem


def test_unreadable_files_become_problems(tmp_path):
    example = item(tmp_path, zeros(3, 3))
    (tmp_path / "label.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (problem,) = check_item(example, IDS).problems
    assert "label.png: cannot be read as an image" in problem
    (tmp_path / "label.png").unlink()
    (problem,) = check_item(example, IDS).problems
    assert "label.png: No such file" in problem


def colors_table(dont_care=None):
    colors = {pack_color(RED): 0, pack_color(BLUE): 1}
    if dont_care:
        colors[pack_color(dont_care)] = 2
    return LabelTable({0: 0, 1: 1}, colors)


def test_colour_maps(tmp_path):
    label = np.array([[RED, BLUE], [RED, RED]], np.uint8)
    table = colors_table()
    report = check_item(item(tmp_path, label), table)
    assert report.problems == () and report.colored
    np.testing.assert_array_equal(table.indices(label), [[0, 1], [0, 0]])


def test_unknown_colours(tmp_path):
    label = np.array([[RED, BLUE], [(1, 2, 3), RED]], np.uint8)
    (problem,) = check_item(item(tmp_path, label), colors_table()).problems
    assert "colour (1, 2, 3) at row 1, column 0; allowed the palette's" in problem


def test_all_grey_colour_maps_are_counted_as_colours(tmp_path):
    table = colors_table(dont_care=(0, 0, 0))
    report = check_item(item(tmp_path, zeros(2, 2, 3)), table)
    assert report.problems == () and report.counts == {0: 4} and report.colored
    label = np.full((2, 2, 3), 7, np.uint8)
    assert "colour (7, 7, 7)" in check_item(item(tmp_path, label), table).problems[0]


def test_colours_without_a_palette(tmp_path):
    label = np.array([[(0, 0, 0), BLUE]], np.uint8)
    (problem,) = check_item(item(tmp_path, label), IDS).problems
    assert "colour (0, 0, 255) at row 0, column 1" in problem
    assert "--palette" in problem


def test_grey_saved_as_rgb_is_read_as_ids(tmp_path):
    label = np.repeat(np.array([[0, 1], [255, 1]], np.uint8)[..., None], 3, -1)
    assert check_item(item(tmp_path, label), IDS).problems == ()
    np.testing.assert_array_equal(IDS.indices(label), [[0, 1], [2, 1]])


def test_a_source_is_summed_up(tmp_path):
    make_folder(tmp_path, 3, classes=3)
    save(tmp_path / "label/p001.png", np.full((40, 48), 77, np.uint8))
    save(tmp_path / "image/p002.png", coordinates(30, 60))
    save(tmp_path / "label/p002.png", zeros(30, 60))
    (tmp_path / "image/p009.png").write_bytes(b"")
    templates = (f"{tmp_path}/image/{{key}}.*", f"{tmp_path}/label/{{key}}.*")
    source = FolderSource(*templates)
    table = LabelTable({0: 0, 1: 1, 2: 2})
    summary = check_source(source, table, WorkerPool(1), "train")
    assert summary.images == 3 and summary.smallest == (30, 48)
    assert len(summary.problems) == 2  # p009 without label, id 77
    assert summary.occurrences[False, 0] == 2
    assert summary.pixels[False, 0] == 14 * 48 + 30 * 60
    assert SplitSummary.from_json(summary.to_json()).pixels == summary.pixels


def summary_of(*values):
    keys = [(False, value) for value in values]
    return SplitSummary(1, (4, 4), pixels=dict.fromkeys(keys, 8))


def test_classes_are_inferred_from_ids():
    assert infer_ids([summary_of(1, 2, 4)], None) == (
        {0: 0, 1: 1, 2: 2, 3: 3, 4: 4},
        5,
        False,
    )
    ids, count, care = infer_ids([summary_of(0, 1), summary_of(255, 3)], None)
    assert (count, care, ids[255]) == (4, True, 4)
    ids, count, care = infer_ids([summary_of(0, 1, 2)], 2)
    assert (ids, count, care) == ({0: 0, 1: 1, 2: 2}, 2, True)
    ids, count, care = infer_ids([summary_of(0, 1, 2)], 0)
    assert (ids, count, care) == ({0: 2, 1: 0, 2: 1}, 2, True)


def test_what_cannot_be_inferred():
    with pytest.raises(InputError, match="black-and-white masks"):
        infer_ids([summary_of(0, 255)], None)
    with pytest.raises(InputError, match=r"label ids 0\.\.26001"):
        infer_ids([summary_of(0, 26001)], None)
    red = SplitSummary(1, (4, 4), pixels={(True, pack_color(RED)): 9})
    with pytest.raises(InputError, match="1 colours.*255 0 0"):
        infer_ids([red], None)


def test_consecutive_ids():
    assert consecutive_ids(3, None) == {0: 0, 1: 1, 2: 2}
    assert consecutive_ids(3, 255) == {0: 0, 1: 1, 2: 2, 255: 3}
    assert consecutive_ids(3, 1) == {0: 0, 2: 1, 3: 2, 1: 3}


def test_an_image_counts_once_for_classes_that_were_merged(tmp_path):
    table = LabelTable({0: 0, 1: 1, 2: 1, 3: 1})
    summary = SplitSummary()
    for ids in ([0, 1, 2, 3], [0, 1, 0, 2], [0, 0, 0, 3]):
        label = np.array([ids], np.uint8).repeat(4, 0)
        summary.add(check_item(item(tmp_path, label), table))
    summary = SplitSummary.from_json(json.loads(json.dumps(summary.to_json())))
    lines = histogram(summary, table, ("sky", "sea")).splitlines()
    assert lines[1].split() == ["0", "50.00%", "3", "sky"]
    assert lines[2].split() == ["1", "50.00%", "3", "sea"]


def test_colours_of_one_class_count_an_image_once(tmp_path):
    table = LabelTable({0: 0}, {pack_color(RED): 0, pack_color(BLUE): 0})
    summary = SplitSummary()
    summary.add(check_item(item(tmp_path, np.array([[RED, BLUE]], np.uint8)), table))
    assert histogram(summary, table, ("sky",)).splitlines()[1].split()[2] == "1"


def test_summaries_of_earlier_versions_are_read():
    content = {"images": 1, "smallest": [2, 3], "counts": [[True, 7, 6, 1]]}
    summary = SplitSummary.from_json(content)
    assert summary.pixels == {(True, 7): 6} and summary.by_color is True
    content["counts"].append([False, 7, 6, 1])
    assert SplitSummary.from_json(content).by_color is None


def test_histogram():
    summary = SplitSummary(2, (4, 4))
    summary.pixels = {(False, 0): 75, (False, 255): 25}
    summary.occurrences = {(False, 0): 2, (False, 255): 1}
    text = histogram(summary, IDS, ("sky", "sea", "don't care"))
    assert text.splitlines()[1].split() == ["0", "75.00%", "2", "sky"]
    assert text.splitlines()[2].split() == ["2", "25.00%", "1", "don't", "care"]
    assert text.splitlines()[3] == "never: 1 of 3: sea"
