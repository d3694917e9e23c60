"""Files and folders are whole or absent, and earlier ones are not lost."""

import json
import os

import pytest

from ccfpse_tf.files.atomic import new_file, new_folder, write_json


class Killed(BaseException):
    """Stands for anything that ends a block, Ctrl-C included."""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_gets_its_name_at_the_end(tmp_path):
    path = tmp_path / "a.txt"
    with new_file(path) as aside:
        aside.write_text("new")
        assert names(tmp_path) == [".a.txt.partial"]
    assert names(tmp_path) == ["a.txt"]
    assert path.read_text() == "new"


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(Killed), new_file(path) as aside:
        aside.write_text("ha")
        raise Killed
    assert names(tmp_path) == ["a.txt"]
    assert path.read_text() == "old"


def test_a_leftover_file_is_replaced(tmp_path):
    (tmp_path / ".a.json.partial").write_text("left by a killed process, and longer")
    write_json(tmp_path / "a.json", {"x": 1})
    assert names(tmp_path) == ["a.json"]
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": 1}


def test_what_is_no_json_touches_nothing(tmp_path):
    write_json(tmp_path / "a.json", {"x": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"x": object()})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": 1}
    assert names(tmp_path) == ["a.json"]


def fill(folder, text, inner="inner"):
    (folder / inner).mkdir()
    (folder / inner / "x").write_text(text)


@pytest.mark.parametrize("replace", [True, False])
def test_a_folder_gets_its_name_at_the_end(tmp_path, replace):
    path = tmp_path / "parent" / "out"
    with new_folder(path, replace) as aside:
        fill(aside, "new")
        assert not path.exists()
    assert names(path.parent) == ["out"]
    assert (path / "inner" / "x").read_text() == "new"


@pytest.mark.parametrize("replace", [True, False])
def test_an_exception_leaves_the_old_folder_and_nothing_else(tmp_path, replace):
    path = tmp_path / "out"
    path.mkdir()
    fill(path, "old")
    with pytest.raises(Killed), new_folder(path, replace) as aside:
        fill(aside, "ha")
        raise Killed
    assert names(tmp_path) == ["out"]
    assert (path / "inner" / "x").read_text() == "old"


@pytest.mark.parametrize("replace", [True, False])
def test_a_leftover_folder_is_emptied(tmp_path, replace):
    left = tmp_path / ".out.partial"
    left.mkdir()
    fill(left, "left by a killed process", inner="other")
    with new_folder(tmp_path / "out", replace) as aside:
        fill(aside, "new")
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["inner"]


def test_a_folder_is_replaced_where_asked(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    fill(path, "old", inner="other")
    with new_folder(path, replace=True) as aside:
        fill(aside, "new")
    assert names(tmp_path) == ["out"]
    assert names(path) == ["inner"]


def test_a_full_folder_is_not_replaced_unasked(tmp_path):
    path = tmp_path / "out"
    with pytest.raises(OSError, match="not empty"), new_folder(path) as aside:
        fill(aside, "new")
        path.mkdir()  # by another process, meanwhile
        fill(path, "old")
    assert names(tmp_path) == ["out"]
    assert (path / "inner" / "x").read_text() == "old"


def test_the_old_folder_returns_if_the_new_one_cannot_get_its_name(
    tmp_path, monkeypatch
):
    path = tmp_path / "out"
    path.mkdir()
    fill(path, "old")
    rename = os.rename

    def refuse(source, target):
        if source == tmp_path / ".out.partial":
            raise OSError("the disk is gone")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(OSError, match="gone"), new_folder(path, replace=True) as aside:
        fill(aside, "new")
    assert names(tmp_path) == ["out"]
    assert (path / "inner" / "x").read_text() == "old"


def test_the_old_folder_returns_after_a_process_was_killed_between_renames(tmp_path):
    previous = tmp_path / ".out.previous"
    previous.mkdir()
    fill(previous, "old")
    path = tmp_path / "out"
    with pytest.raises(Killed), new_folder(path, replace=True):
        raise Killed
    assert names(tmp_path) == ["out"]
    assert (path / "inner" / "x").read_text() == "old"


def test_an_older_previous_folder_goes(tmp_path):
    for name in (".out.previous", "out"):
        (tmp_path / name).mkdir()
        fill(tmp_path / name, name)
    with new_folder(tmp_path / "out", replace=True) as aside:
        fill(aside, "new")
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out" / "inner" / "x").read_text() == "new"
