"""``ccfpse publish``: the recipes' `preset`, a demo and an upload."""

import sys

import pytest

from ccfpse_tf.commands import main, preset, recipe
from ccfpse_tf.errors import InputError
from ccfpse_tf.presets import hub
from ccfpse_tf.presets.preset_files import write_preset
from tests.presets.made import CONFIG, invented


@pytest.fixture
def written(monkeypatch):
    """Options that presets were asked for with; they are written without a run."""
    seen = []

    def preset_of_run(run, out, options, say=print):
        seen.append((run.name, options))
        made = invented(name=options.name or out.name)
        return made, write_preset(out, made)

    monkeypatch.setattr(preset, "import_tensorflow", lambda: None)
    module = "ccfpse_tf.export.run_preset.preset_of_run"
    monkeypatch.setattr(module, preset_of_run)
    return seen


def publish(*argv):
    return main.run(["publish", *map(str, argv)])


def test_it_writes_what_the_recipes_write(written, tmp_path, capsys):
    options = ["--licence", "mit", "--dataset", "me/data", "--title", "T", "--best"]
    assert publish("runs/a", "--out", tmp_path / "one", *options) == 0
    lines = capsys.readouterr().out.splitlines()
    argv = ["preset", "--run", "runs/a", "--out", str(tmp_path / "two"), *options]
    recipe.main("folder", CONFIG, {}, None, argv)
    assert len(capsys.readouterr().out.splitlines()) == len(lines)
    (_, first), (_, second) = written
    assert first == second and (first.licence, first.dataset) == ("mit", "me/data")
    assert lines[0].endswith(".json") and lines[-1].startswith("preset ")


def test_demo_and_upload(written, tmp_path, monkeypatch, capsys):
    uploads = []

    def upload(folder, name, files):
        uploads.append((folder.name, name, sorted(files)))
        return "https://hub.test/me/a"

    monkeypatch.setattr(hub, "upload", upload)
    monkeypatch.setattr(hub, "require_hub", lambda what: None)
    out = tmp_path / "tiny"
    publish("run", "--out", out, "--space", "--push", "hf://me/a")
    [(folder, name, files)] = uploads
    assert (folder, name) == ("tiny", "hf://me/a")
    assert files == sorted(path.name for path in out.iterdir())
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == "uploaded to hf://me/a: https://hub.test/me/a"
    assert lines[-1].startswith(f"demo {out}-space: README.md, app.py")
    assert (tmp_path / "tiny-space" / "preset" / "weights.npz").is_file()


def test_after_a_failed_upload_the_same_command_tries_again(
    written, tmp_path, monkeypatch
):
    failures = [InputError("offline")]

    def upload(folder, name, files):
        if failures:
            raise failures.pop()

    monkeypatch.setattr(hub, "upload", upload)
    monkeypatch.setattr(hub, "require_hub", lambda what: None)
    command = "run", "--out", tmp_path / "tiny", "--space", "--push", "hf://me/a"
    with pytest.raises(InputError, match="offline"):
        publish(*command)
    assert publish(*command) == 0
    assert (tmp_path / "tiny-space" / "app.py").is_file()


@pytest.mark.parametrize("out", [".", "..", "below/.."])
@pytest.mark.parametrize("more", [[], ["--space"]])
def test_the_working_folder_is_not_replaced(out, more, written, tmp_path, monkeypatch):
    (tmp_path / "here" / "below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(InputError, match=f"--out {out}: .* while you are in it"):
        publish("run", "--out", out, "--name", "tiny", *more)
    assert not written


def test_what_cannot_be_is_refused_before_anything_is_written(
    written, tmp_path, monkeypatch
):
    out = tmp_path / "tiny"
    (tmp_path / "tiny-space").mkdir()
    with pytest.raises(InputError, match="--space .*exists already"):
        publish("run", "--out", out, "--space")
    monkeypatch.setattr(hub, "require_hub", lambda what: None)
    with pytest.raises(InputError, match="the form is hf://OWNER/NAME"):
        publish("run", "--out", out, "--push", "me/a")
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(
        InputError, match=r"--push hf://me/a needs .*'ccfpse-tf\[hub\]'"
    ):
        publish("run", "--out", out, "--push", "hf://me/a")
    assert not out.exists() and not written
