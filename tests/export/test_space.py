"""The folder of a hosted demo."""

import ast

import pytest

from ccfpse_tf import __version__
from ccfpse_tf.errors import InputError
from ccfpse_tf.export import space
from ccfpse_tf.presets.preset_files import read_preset, write_preset
from tests.presets.made import invented


@pytest.fixture
def written(tmp_path):
    """A preset and its demo."""
    preset, folder = invented(title="Streets: drawn"), tmp_path / "tiny"
    files = list(write_preset(folder, preset))
    (folder / "notes.txt").write_text("of the user")
    out = space.space_of(folder)
    names = space.write_space(out, folder, preset, files, "apache-2.0")
    return out, names


def test_it_holds_everything_that_it_needs(written):
    out, names = written
    assert out.name == "tiny-space"
    assert names == ["README.md", "app.py", "requirements.txt"]
    assert {path.name for path in out.iterdir()} == {*names, "preset"}
    assert read_preset(out / "preset").title == "Streets: drawn"
    assert not (out / "preset" / "notes.txt").exists()
    requirements = (out / "requirements.txt").read_text()
    assert requirements == f"ccfpse-tf=={__version__}\n"


def test_what_a_host_reads(written):
    out, _ = written
    text = (out / "README.md").read_text()
    for line in (
        'title: "Streets: drawn"',
        "sdk: gradio",
        f'sdk_version: "{space.GRADIO}"',
        'app_file: "app.py"',
        'license: "apache-2.0"',
    ):
        assert line in text.splitlines()


def test_the_app_is_short_and_whole(written):
    out, _ = written
    source = (out / "app.py").read_text()
    ast.parse(source)
    code = [line for line in source.splitlines() if line.strip()]
    assert len(code) <= 50


def test_a_demo_that_is_there_is_not_touched(written, tmp_path):
    with pytest.raises(InputError, match="tiny-space: exists already"):
        space.space_of(tmp_path / "tiny")


def test_without_layouts_there_is_nothing_to_start_from(tmp_path):
    preset = invented(layouts=())
    files = list(write_preset(tmp_path / "tiny", preset))
    out = tmp_path / "tiny-space"
    with pytest.raises(InputError, match="has no example layouts"):
        space.write_space(out, tmp_path / "tiny", preset, files, None)
    assert not out.exists()
