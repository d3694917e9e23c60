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


def test_files_as_people_save_them(tmp_path):
    as_written = read_palette(write(tmp_path, TEXT))
    path = tmp_path / "other.txt"
    for text in (
        "\ufeff" + TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.replace(" ", "\t"),
        TEXT.replace("128 128 128", "#808080").replace("129 0 0", "#810000"),
        TEXT.replace("     sky", " sky # seen from below"),
        "   \n" + TEXT + "# the end",
    ):
        path.write_bytes(text.encode())
        assert read_palette(path) == as_written


def test_colours_of_json_in_hexadecimal(tmp_path):
    classes = [{"id": 0, "color": "#80FFa0", "name": "sky"}]
    for mark in ("", "\ufeff"):
        palette = read_palette(write(tmp_path, mark + json.dumps({"classes": classes})))
        assert palette.colors == ((128, 255, 160),)


def test_names_that_begin_with_numbers(tmp_path):
    palette = read_palette(write(tmp_path, "0 3d model\n"))
    assert palette.class_names == ("3d model",)
    with pytest.raises(InputError, match="JSON takes every name"):
        read_palette(write(tmp_path, "0 4 wheels\n"))
    classes = [{"id": 0, "name": "4 wheels"}]
    palette = read_palette(write(tmp_path, json.dumps({"classes": classes})))
    assert palette.class_names == ("4 wheels",)


@pytest.mark.parametrize(
    "text, message",
    [
        ("0 #80808 sky\n", "line 1 is .*: '#80808' looks like a part of a colour"),
        ("0 #808080\n", "it has no name"),
        ("0 0x808080 sky\n", "'0x808080' looks like"),
        ("0 128,128,128 sky\n", "'128,128,128' looks like"),
        ("0 128 128 sky\n", "'128' looks like"),
        ("0 128 128 128 255 sky\n", "'255' looks like"),
        ("0 128.0 0.0 0.0 sky\n", "'128.0' looks like"),
        ("0 rgb(1, 2, 3) sky\n", "looks like"),
        ("0 1 2 3 sky\n\u0663 1 2 4 sea\n", "line 2 is .*'\u0663' is not an id"),
        ("\u00b2 1 2 3 sky\n", "line 1 is .*'\u00b2' is not an id"),
        ("0 1\u00b2 2 3 sky\n", "line 1 is .*'1\u00b2' looks like"),
        ("0 \u0661\u0662\u0668 0 0 sky\n", "line 1 is .* looks like"),
        ("99999999999 sky\n", "'99999999999' is not an id, 0..2147483647"),
        ("9" * 5000 + " sky\n", "is not an id"),
        ("0,1,2,3,sky\n", "'0,1,2,3,sky' is not an id"),
        ('{"classes": [{"id": 0.0, "name": "sky"}]}', "class 0 is"),
        ('{"classes": [{"id": true, "name": "sky"}]}', "class 0 is"),
        ('{"classes": [{"id": [0], "name": "sky"}]}', "class 0 is"),
        ('{"classes": [{"name": "sky"}]}', "class 0 is"),
        ('{"classes": [{"id": 0, "name": " "}]}', "class 0 is"),
        ('{"classes": [{"id": 0, "name": 1}]}', "class 0 is"),
        ('{"classes": [{"id": 0, "name": "a", "color": [1, 2, 3.0]}]}', "class 0 is"),
        ('{"classes": [{"id": 0, "name": "a", "color": "red"}]}', "class 0 is"),
        ('{"classes": null}', "classes is None; expected"),
        ('[{"id": 0, "name": "sky"}]', "is not an object with 'classes'; expected"),
        ('{"classes": [], "classes": []}', "'classes' is there twice"),
        ('{"classes": ' + "[" * 100_000, "nested too deeply"),
    ],
)
def test_more_that_is_wrong_is_named(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=message) as error:
        read_palette(path)
    assert str(path) in str(error.value) and len(str(error.value)) < 600


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
    (tmp_path / "palette.txt").write_bytes("0 sky".encode("utf-16"))
    with pytest.raises(InputError, match="it is UTF-16 text; save it as UTF-8"):
        read_palette(tmp_path / "palette.txt")
    with pytest.raises(InputError, match="cannot be read as a palette file"):
        read_palette(tmp_path / "none.txt")
