"""Files of folders as they are: hidden ones, other spellings, links, odd entries."""

import os
import unicodedata

import pytest

from ccfpse_tf.data.file_template import Template
from ccfpse_tf.data.find_files import Partners, find_in, images_in
from ccfpse_tf.errors import DataErrors, InputError

COMPOSED = "Straße_Köln_é"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def keys(place, **options):
    return [file.key for file in find_in(place, "--images", **options).files]


@pytest.mark.parametrize(
    "rest, path, key",
    [
        ("{key}.*", "a/b.c.PNG", "a/b.c"),
        ("{key}.*", "a.xml", None),
        ("{key}_L.png", "x_L.png", "x"),
        ("{key}_L.png", "x_L.PNG", "x"),
        ("{key}_L.png", "x_l.png", None),
        ("{key}.jpg.png", "a.jpg.png", "a"),
        ("p{key}", "p1", "1"),
        ("p{key}.png", "p.png", None),
        ("{key}/images/{key}.png", "a/images/a.png", "a"),
        ("{key}/images/{key}.*", "a/b/images/a/b.Tif", "a/b"),
        ("{key}/images/{key}.png", "a/images/b.png", None),
        ("{key}//x/./{key}.png", "a/x/a.png", "a"),
        ("x[1]/{key}+.png", "x[1]/a+.png", "a"),
        (f"{COMPOSED}_{{key}}.png", f"{DECOMPOSED}_é.png", "é"),
    ],
)
def test_templates(rest, path, key):
    template = Template(f"nowhere/{rest}")
    assert template.key_of(path if "[" not in rest else path[5:]) == key


@pytest.mark.parametrize(
    "place, named",
    [
        ("d/*/{key}", r"'\*' means nothing here"),
        ("d/{key}_*.png", r"'\*' means nothing here"),
        ("d/{key}/{name}.png", "'{name}' means nothing here"),
        ("d/{Key}.png", "'{Key}' means nothing here"),
        ("d/{key", "'{key' means nothing here"),
        ("d/*.png", r"'\*' means nothing here"),
    ],
)
def test_templates_that_cannot_be_understood(place, named):
    with pytest.raises(InputError, match=named) as error:
        find_in(place, "--labels")
    assert str(error.value).startswith(f"--labels {place}: ")
    assert "DIR/{key}_L.png" in str(error.value)


def test_folders_may_be_called_anything(tmp_path, monkeypatch):
    touch(tmp_path, "{a}*/x.png", "home/y.png")
    assert keys(tmp_path / "{a}*") == keys(f"{tmp_path}/{{a}}*/{{key}}.png") == ["x"]
    monkeypatch.setenv("HOME", str(tmp_path))
    assert keys("~/home/{key}.png") == ["y"]


def test_what_systems_leave_in_folders_does_not_count(tmp_path):
    touch(tmp_path, "a.png", "B/c.JPG", "._a.png", ".DS_Store", "Thumbs.db")
    touch(tmp_path, "desktop.ini", ".ipynb_checkpoints/a-checkpoint.png")
    touch(tmp_path, "__MACOSX/a.png", "@eaDir/a.jpg/SYNO_XL.jpg", "notes.txt")
    found = find_in(tmp_path, "--images")
    assert [file.key for file in found.files] == ["a", "B/c"]
    assert found.problems == found.notes == []


def test_images_that_are_left_out_are_named(tmp_path):
    touch(tmp_path, "a.png", "b.heic", "c.GIF", "d.jpg", "e.tga", "f.png/g.png")
    found = find_in(tmp_path, "--labels", (".png",))
    assert [file.key for file in found.files] == ["a", "f.png/g"]
    folder, others = found.notes
    assert folder == f"{tmp_path}/f.png: is a folder, in spite of its name"
    assert others.startswith(f"{tmp_path}: left out b.heic, c.GIF, d.jpg and 1 more; ")
    # A template means what it says.
    assert find_in(f"{tmp_path}/{{key}}.png", "--labels").notes == [folder]


def test_one_name_in_two_spellings_is_one_key(tmp_path):
    touch(tmp_path, f"{DECOMPOSED}.png")
    assert list(find_in(tmp_path, "--images").by_key()) == [COMPOSED]
    touch(tmp_path, f"{COMPOSED}.png")
    found = find_in(tmp_path, "--images")
    assert len(found.by_key()) == 1
    (problem,) = found.problems
    assert "but for the Unicode form of its letters; rename one of them" in problem


def test_two_endings_of_one_name_may_be_chosen_from(tmp_path):
    folder = touch(tmp_path / "my photos", "a.JPG", "a.png", "b.png")
    found = find_in(folder, "--images")
    found.by_key()
    (problem,) = found.problems
    assert problem.startswith(f"{folder}/a.png: same name as {folder}/a.JPG; choose")
    for ending, count in ((".jpg", 1), (".png", 2)):
        template = f"{folder}/{{key}}{ending}"
        assert f"--images '{template}'" in problem  # quoted for the shell
        assert len(find_in(template, "--images").files) == count


def test_names_that_differ_in_case_alone_are_named(tmp_path):
    touch(tmp_path, "a.png", "a.PNG", "A.png")
    found = find_in(tmp_path, "--images")
    assert sorted(found.by_key()) == ["A", "a"]
    assert "but for upper and lower case; rename one" in found.problems[0]


def test_folders_in_keys_may_not_make_names_equal(tmp_path):
    touch(tmp_path, "a/b.png", "a__b.png")
    with pytest.raises(DataErrors, match="a/b.png: same name as .*a__b.png; rename"):
        images_in(tmp_path, "--images", flat=True)
    assert list(images_in(tmp_path, "--images")) == ["a/b", "a__b"]


def test_links_are_followed_but_never_for_ever(tmp_path):
    touch(tmp_path / "far", "b.png")
    root = touch(tmp_path / "root", "a.png")
    (root / "linked").symlink_to(tmp_path / "far")
    (root / "up").symlink_to(root)
    (root / "self.png").symlink_to(root / "self.png")
    (root / "gone.png").symlink_to(root / "nothing.png")
    found = find_in(root, "--images")
    assert [file.key for file in found.files] == ["a", "linked/b"]
    assert found.notes == [f"{root}/up: leads back to itself; left out"]
    assert found.problems == [
        f"{root}/{name}: is a link to nothing; remove or replace it"
        for name in ("gone.png", "self.png")
    ]


def test_entries_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    assert "a.png: is not a regular file" in find_in(tmp_path, "--images").problems[0]


def test_names_that_are_not_utf_8(tmp_path, capsys):
    os.close(os.open(os.fsencode(tmp_path) + b"/M\xfcller.png", os.O_CREAT))
    (problem,) = find_in(tmp_path, "--images").problems
    assert r"M\udcfcller.png': its name is not UTF-8; rename it" in problem
    touch(tmp_path, "a.jpg")
    images_in(f"{tmp_path}/{{key}}.jpg", "--labels")
    os.rename(
        os.fsencode(tmp_path) + b"/M\xfcller.png",
        os.fsencode(tmp_path) + b"/M\xfcller.gif",
    )
    touch(tmp_path, "b.png")
    images_in(tmp_path, "--labels")
    assert r"left out M\udcfcller.gif, a.jpg; expected" in capsys.readouterr().out


def test_places_that_are_no_folders(tmp_path):
    touch(tmp_path, "set.zip", f"{DECOMPOSED}/a.png")
    for place, problem in [
        ("set.zip", "set.zip: is not a folder; expected files"),
        ("none", "none: no such folder; expected files"),
        (COMPOSED, f"there is {tmp_path}/{DECOMPOSED}, whose name differs in upper"),
    ]:
        (found,) = find_in(tmp_path / place, "--images").problems
        assert problem in found


def test_a_folder_that_may_not_be_listed_is_named(tmp_path, monkeypatch):
    touch(tmp_path, "a.png", "locked/b.png")
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = find_in(tmp_path, "--images")
    assert found.problems == [
        f"{tmp_path}/locked: cannot be listed (Permission denied)"
    ]


def test_no_images_there_and_what_is_there_instead(tmp_path, capsys):
    touch(tmp_path, "a.jpg", "b.tif")
    with pytest.raises(InputError, match=r"--labels .*: no \*\.png in there .*a\.jpg"):
        images_in(tmp_path, "--labels")
    touch(tmp_path, "b/c.png", "b.png")
    assert list(images_in(tmp_path, "--labels")) == ["b/c", "b"]
    assert "note: " in capsys.readouterr().out


def test_partners_are_found_in_any_spelling(tmp_path):
    touch(tmp_path, f"x/{COMPOSED}.PNG")
    partners = Partners(tmp_path)
    assert partners.path_of(f"x/{DECOMPOSED}") == f"{tmp_path}/x/{COMPOSED}.PNG"
    with pytest.raises(InputError, match=f"{tmp_path}/y.png: missing instance map"):
        partners.path_of("y")
