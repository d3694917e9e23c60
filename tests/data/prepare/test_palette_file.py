"""Palette files in both notations, and their errors."""

import json

import pytest

from ccfpse_tf.data.prepare.palette_file import read_palette
from ccfpse_tf.errors import InputError

TEXT = """\
# id  red green blue  name
3     128 0 0         big building
0     128 128 128     sky

-     0 0 0           not labelled
3     129 0 0         big building
"""


def write(tmp_path, text):
    path = tmp_path / "palette.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_text(tmp_path):
    palette = read_palette(write(tmp_path, TEXT))
    assert palette.class_names == ("sky", "big building")
    assert palette.colors == ((128, 128, 128), (128, 0, 0))
    assert palette.ids == {0: 0, 3: 1}
    assert palette.dont_care
    assert palette.color_indices == {
        (128, 0, 0): 1,
        (129, 0, 0): 1,
        (128, 128, 128): 0,
        (0, 0, 0): 2,
    }


def test_json_means_the_same(tmp_path):
    classes = [
        {"id": 3, "color": [128, 0, 0], "name": "big building"},
        {"id": 0, "color": [128, 128, 128], "name": "sky"},
        {"id": None, "color": [0, 0, 0], "name": "not labelled"},
        {"id": 3, "color": [129, 0, 0], "name": "big building"},
    ]
    as_text = read_palette(write(tmp_path, TEXT))
    assert read_palette(write(tmp_path, json.dumps({"classes": classes}))) == as_text


def test_names_without_colours(tmp_path):
    palette = read_palette(write(tmp_path, "1 wall\n2 window 2\n"))
    assert palette.class_names == ("wall", "window 2")
    assert palette.color_indices == {} and len(set(palette.colors)) == 2
    assert not palette.dont_care


@pytest.mark.parametrize(
    "text, message",
    [
        ("sky 1 2 3\n", "line 1 is 'sky 1 2 3'"),
        ("0\n", "line 1 is '0'"),
        ("0 1 2 256 sky\n", r"colour \(1, 2, 256\); allowed 0..255"),
        ("0 1 2 3 sky\n0 1 2 4 sea\n", "id 0 is both 'sky' and 'sea'"),
        ("0 1 2 3 sky\n1 1 2 3 sea\n", r"\(1, 2, 3\) belongs to ids 0 and 1"),
        ("0 1 2 3 sky\n1 sea\n", "'sea' has no colour, others have"),
        ("# nothing\n", "does not name a class"),
        ("- 0 0 0 rest\n", "does not name a class"),
        ('{"classes": [{"id": "0", "name": "sky"}]}', "class 0 is"),
        ('{"classes": [{"id": 0, "name": "sky", "color": [1, 2]}]}', "class 0 is"),
        ('{"labels": []}', "expected"),
        ('{"classes"', "expected"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=message) as error:
        read_palette(path)
    assert str(path) in str(error.value)


def test_all_wrong_lines_are_listed(tmp_path):
    with pytest.raises(InputError) as error:
        read_palette(write(tmp_path, "sky\n0 1 2 300 sea\n1 1 1 1 tree\n"))
    assert "line 1" in str(error.value) and "line 2" in str(error.value)


def test_unreadable(tmp_path):
    with pytest.raises(InputError, match="cannot be read as a palette file"):
        read_palette(tmp_path / "none.txt")
