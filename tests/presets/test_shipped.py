"""Finding presets by name and by folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.presets import shipped
from ccfpse_tf.presets.preset_facts import MOST_BYTES
from ccfpse_tf.presets.preset_files import write_preset
from ccfpse_tf.presets.shipped import find_preset, is_preset, shipped_presets
from tests.presets.made import invented


@pytest.fixture
def two(tmp_path, monkeypatch):
    """A package that ships two presets."""
    for name in ("b", "a"):
        preset = invented(name=name, title=name.upper())
        write_preset(tmp_path / "package" / name, preset)
    (tmp_path / "package" / "no_preset").mkdir()
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "package")


def test_what_ships_is_whole_and_small():
    for name, title in shipped_presets().items():
        folder = shipped.FOLDER / name
        assert find_preset(name).name == name and title == find_preset(name).title
        assert sum(path.stat().st_size for path in folder.iterdir()) <= MOST_BYTES


def test_by_name_and_by_folder(two, tmp_path):
    assert shipped_presets() == {"a": "A", "b": "B"}
    assert find_preset("b").title == "B"
    write_preset(tmp_path / "mine", invented())
    assert find_preset(tmp_path / "mine").name == "tiny"
    assert find_preset(str(tmp_path / "mine")).name == "tiny"


def test_paths_are_of_folders(two, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"Path.'b'.: there is no such folder"):
        find_preset(Path("b"))
    assert not is_preset(Path("b")) and is_preset("b")
    write_preset(tmp_path / "b", invented(title="mine"))
    assert find_preset(Path("./b")).title == find_preset("./b").title == "mine"
    assert find_preset("b").title == "B" and is_preset(Path("b"))


def test_unknown_names_are_told_the_known_ones(two, monkeypatch, tmp_path):
    with pytest.raises(InputError, match="'c': .*ships a, b: give one .*or the folder"):
        find_preset("c")
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(InputError, match="ships no presets: give the folder that"):
        find_preset("c")


def test_a_damaged_title(two):
    (shipped.FOLDER / "a" / "metadata.json").write_text("{}")
    with pytest.raises(InputError, match="'title'"):
        shipped_presets()


def test_reading_needs_no_tensorflow(repository, tmp_path):
    write_preset(tmp_path / "mine", invented())
    code = (
        "import sys; from ccfpse_tf.presets.shipped import find_preset\n"
        "print(find_preset(sys.argv[1]).name, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "mine"],
        env=os.environ | {"PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["tiny", "False"]
