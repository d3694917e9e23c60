"""Photos and their maps are paired, and what does not pair gets advice that works."""

import re
import shlex

import pytest

from ccfpse_tf.data.find_files import find_in
from ccfpse_tf.data.prepare.pairing import pair_files


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def pair(**places):
    return pair_files([find_in(place, f"--{kind}") for kind, place in places.items()])


@pytest.mark.parametrize(
    "photo, label",
    [(".jpg", ".png"), ("_sat.jpg", "_mask.png"), (".png", "_L.png"), (".JPG", ".PNG")],
)
def test_photos_and_maps_in_one_folder(tmp_path, photo, label):
    root = touch(
        tmp_path / "b d", *(f"{k}{end}" for k in "ab" for end in (photo, label))
    )
    pairs = pair(images=root, labels=root)
    (problem,) = pairs.problems
    assert (
        pairs.rows == () and "both --images and --labels name all of its 4" in problem
    )
    advice = re.search(r"such as (--images .*)", problem)[1]
    places = dict(zip(("images", "labels"), shlex.split(advice)[1::2], strict=True))
    pairs = pair(**places)
    assert pairs.problems == []
    assert pairs.rows == tuple(
        (key, f"{root}/{key}{photo}", f"{root}/{key}{label}") for key in "ab"
    )


def test_photos_and_two_kinds_of_maps_in_one_folder(tmp_path):
    ends = (".jpg", "_instances.png", "_label.png")
    root = touch(tmp_path / "d", *(f"{key}{end}" for key in "ab" for end in ends))
    (problem,) = pair(images=root, labels=root, instances=root).problems
    advice = shlex.split(problem.split("such as ")[1])
    assert advice[1::2] == [f"{root}/{{key}}{ends[i]}" for i in (0, 2, 1)]
    places = {k[2:]: v for k, v in zip(advice[::2], advice[1::2], strict=True)}
    pairs = pair(**places)
    assert pairs.problems == [] and [row[0] for row in pairs.rows] == ["a", "b"]
    (problem,) = pair(images=root, labels=root).problems
    assert problem.endswith(f"--labels '{root}/{{key}}_label.png'")


def test_photos_of_several_endings_and_maps_in_one_folder(tmp_path):
    root = touch(tmp_path / "d", "a.jpg", "a.png", "b.jpeg", "b.png")
    (problem,) = pair(images=root, labels=root).problems
    assert problem.endswith(f"such as --images {root} --labels '{root}/{{key}}.png'")
    pairs = pair(images=root, labels=f"{root}/{{key}}.png")
    assert pairs.problems == [] and [row[0] for row in pairs.rows] == ["a", "b"]


def test_a_file_belongs_to_the_narrower_template(tmp_path):
    touch(tmp_path, "a.jpg", "a_L.png", "a_I.png", "masks/a.png")
    labels, instances = f"{tmp_path}/{{key}}_L.png", f"{tmp_path}/{{key}}_I.png"
    pairs = pair(images=f"{tmp_path}/{{key}}.*", labels=labels, instances=instances)
    assert len(pairs.problems) == 2 and "masks/a.png: has no label" in pairs.problems[0]
    assert [row[0] for row in pairs.rows] == ["a"]
    assert pairs.notes[0] == (
        f"{tmp_path}: files that fit both --images and --labels are taken for --labels "
        "(1, such as a_L.png)"
    )
    pairs = pair(images=f"{tmp_path}/{{key}}.jpg", labels=tmp_path / "masks")
    assert pairs.problems == [] and pairs.notes == []
    (tmp_path / "a_L.png").unlink()
    (tmp_path / "a_I.png").unlink()
    pairs = pair(images=tmp_path, labels=tmp_path / "masks")
    assert pairs.problems == [] and len(pairs.rows) == 1


def test_templates_that_overlap_are_named(tmp_path):
    touch(tmp_path, "a_x.png", "b_x.png", "b_y.png", "p_x.png")
    pairs = pair(images=f"{tmp_path}/b{{key}}.png", labels=f"{tmp_path}/{{key}}_x.png")
    (problem,) = pairs.problems
    assert "1 files fit both --images and --labels, such as b_x.png; tell" in problem


def test_the_same_picture_by_a_folder_per_key(tmp_path):
    touch(tmp_path, *(f"{k}/{part}/{k}.png" for k in "ab" for part in ("img", "mask")))
    pairs = pair(
        images=f"{tmp_path}/{{key}}/img/{{key}}.png",
        labels=f"{tmp_path}/{{key}}/mask/{{key}}.png",
    )
    assert pairs.problems == [] and [row[0] for row in pairs.rows] == ["a", "b"]


def test_names_composed_and_decomposed_pair_and_keep_the_photos_spelling(tmp_path):
    touch(tmp_path, "img/e\u0301.jpg", "img/f.jpg", "lab/\u00e9.png", "lab/f.png")
    pairs = pair(images=tmp_path / "img", labels=tmp_path / "lab")
    assert pairs.problems == [] and pairs.notes == []
    assert [row[0] for row in pairs.rows] == ["e\u0301", "f"]
    assert pairs.rows[0][2] == f"{tmp_path}/lab/\u00e9.png"


def test_a_missing_folder_is_one_problem(tmp_path):
    touch(tmp_path, "img/a.jpg", "img/b.jpg")
    (problem,) = pair(images=tmp_path / "img", labels=tmp_path / "lab").problems
    assert f"{tmp_path}/lab: no such folder" in problem
