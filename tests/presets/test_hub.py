"""Presets on a hub: a stand-in for it, and the real library's cache without network."""

import fnmatch
import re
import shutil
import sys
import types
from pathlib import Path

import pytest

from ccfpse_tf.commands import offered_models
from ccfpse_tf.errors import InputError
from ccfpse_tf.presets import hub
from ccfpse_tf.presets.preset_files import write_preset
from ccfpse_tf.presets.shipped import find_preset, is_preset
from tests.presets.made import invented

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAME = "hf://somebody/streets"


@pytest.fixture
def folder(tmp_path):
    write_preset(tmp_path / "tiny", invented())
    return tmp_path / "tiny"


class Hub(types.ModuleType):
    """A stand-in for huggingface_hub, whose repository is a folder."""

    def __init__(self, repository, cache):
        super().__init__("huggingface_hub")
        self.repository, self.cache, self.asked = repository, cache, []
        self.errors = types.SimpleNamespace(EntryNotFoundError=KeyError)
        self.uploads = []
        self.refused = None
        self.held = []  # names of files that the repository has before an upload

    def snapshot_download(
        self, name, revision, allow_patterns, library_name, dry_run=False
    ):
        if name != "somebody/streets":
            raise LookupError(f"404: {name}\nand more lines")
        found = [p for p in self.repository.iterdir() if p.name in allow_patterns]
        if dry_run:
            sizes = [path.stat().st_size for path in found]
            return [types.SimpleNamespace(file_size=size) for size in sizes]
        self.asked.append((revision, sorted(path.name for path in found)))
        repository = self.cache / "models--somebody--streets"
        out, blobs = repository / "snapshots" / COMMIT, repository / "blobs"
        for made in (out, blobs):
            made.mkdir(parents=True, exist_ok=True)
        for path in found:  # a blob that is there already is only linked again
            if not (blobs / path.name).exists():
                shutil.copy(path, blobs / path.name)
            if not (out / path.name).exists():
                (out / path.name).symlink_to(blobs / path.name)
        return str(out)

    def HfApi(self, library_name):
        return self

    def create_repo(self, name, repo_type, exist_ok):
        if self.refused:
            raise self.refused
        self.uploads.append((name, repo_type, exist_ok))

    def list_repo_files(self, name, repo_type):
        return self.held

    def hf_hub_download(self, name, file, repo_type):
        return str(self.repository / file)

    def upload_folder(self, **options):
        self.uploads.append(options)
        return f"https://hub.test/{options['repo_id']}/commit/1"


@pytest.fixture
def stand_in(folder, tmp_path, monkeypatch):
    made = Hub(folder, tmp_path / "cache")
    monkeypatch.setitem(sys.modules, "huggingface_hub", made)
    return made


def test_only_the_files_of_the_preset_are_fetched(stand_in, folder):
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "evil.py").write_text("raise SystemExit")
    found = find_preset(NAME)
    assert found.name == "tiny" and found.source == NAME
    assert found.weights.keys() == invented().weights.keys()
    (first, facts), (second, files) = stand_in.asked
    assert (first, facts) == (None, ["config.json", "metadata.json"])
    assert second == COMMIT  # of the same revision, even if the branch has moved
    assert not {"pytorch_model.bin", "evil.py"} & set(files)


def test_a_revision(stand_in):
    assert find_preset(f"{NAME}@v1.0").name == "tiny"
    assert stand_in.asked[0][0] == "v1.0"


@pytest.mark.parametrize(
    "name", ["hf://", "hf://one", "hf://a/b/c", "hf://../x", "hf://a/b@", "hf://a b/c"]
)
def test_other_addresses(name, stand_in):
    with pytest.raises(InputError, match="the form is hf://OWNER/NAME, or .*@REVISION"):
        find_preset(name)
    assert not stand_in.asked


def test_a_preset_that_is_not_there(stand_in):
    with pytest.raises(InputError) as caught:
        find_preset("hf://somebody/else")
    words = "hf://somebody/else: could not be downloaded, and no copy of it is in the"
    assert words in str(caught.value) and "LookupError: 404" in str(caught.value)
    assert "and more lines" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("weights.npz", "weights.npz: is damaged: its SHA-256"),
        ("metadata.json", "metadata.json: cannot be read"),
    ],
)
def test_damaged_downloads_name_the_folder_to_delete(file, words, stand_in, folder):
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(b"cut")
    with pytest.raises(InputError) as caught:
        find_preset(NAME)
    assert str(caught.value).startswith(f"{NAME}: ") and words in str(caught.value)
    (folder / file).write_bytes(content)
    with pytest.raises(InputError):  # it is in the cache
        find_preset(NAME)
    shutil.rmtree(re.search("delete the folder (.*), and the", str(caught.value))[1])
    assert find_preset(NAME).name == "tiny"


def test_repositories_that_are_no_presets(stand_in, folder):
    (folder / "metadata.json").write_text('{"keras_hub_version": "0.30"}')
    with pytest.raises(InputError, match="is a preset of another library"):
        find_preset(NAME)
    shutil.rmtree(stand_in.cache)
    (folder / "metadata.json").write_text('{"format": 2, "files": {"../x": "0"}}')
    with pytest.raises(InputError, match="metadata.json is damaged .*'../x'"):
        find_preset(NAME)
    (folder / "metadata.json").unlink()
    shutil.rmtree(stand_in.cache)
    with pytest.raises(InputError, match="is not a preset, as it holds no metadata"):
        find_preset(NAME)


def test_large_files_are_not_downloaded(stand_in, folder):
    with open(folder / "weights.npz", "wb") as file:
        file.truncate(9_000_000)
    with pytest.raises(InputError, match="9.. MB; a preset has at most 8 MB, so not"):
        find_preset(NAME)
    assert len(stand_in.asked) == 1


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    words = (
        r"hf://somebody/streets needs huggingface_hub: pip install 'ccfpse-tf\[hub\]'"
    )
    with pytest.raises(InputError, match=words):
        find_preset(NAME)
    with pytest.raises(InputError, match=words):
        hub.upload(Path("x"), NAME, [])


def test_upload(stand_in, folder):
    files = ["metadata.json", "weights.npz"]
    where = hub.upload(folder, NAME, files)
    assert where == "https://hub.test/somebody/streets/commit/1"
    made, options = stand_in.uploads
    assert made == ("somebody/streets", "model", True)
    assert options["folder_path"] == folder and options["allow_patterns"] == files
    assert options["delete_patterns"] == []


OTHERS = ["unet.onnx", "assets/screenshot.png", "data/train.npz", "layout_1.png.txt"]


@pytest.mark.parametrize("facts", ["metadata.json", "preset.json"])
def test_an_upload_deletes_the_files_of_an_earlier_preset_alone(
    facts, stand_in, folder
):
    names = [path.name for path in folder.iterdir()]
    (folder / "metadata.json").rename(folder / facts)
    former = {facts if name == "metadata.json" else name for name in names}
    stand_in.held = [".gitattributes", "LICENSE", *former, *OTHERS]
    hub.upload(folder, NAME, ["metadata.json"])
    patterns = stand_in.uploads[-1]["delete_patterns"]
    deleted = {
        name
        for name in stand_in.held
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }
    assert deleted == former


@pytest.mark.parametrize("text", [None, "{", "[]", '{"keras_hub_version": "0.30"}'])
def test_repositories_of_other_things_are_refused(text, stand_in, folder):
    stand_in.held = [".gitattributes", "README.md", "LICENSE"]
    hub.upload(folder, NAME, ["metadata.json"])
    stand_in.held += OTHERS
    if text is not None:
        stand_in.held.append("metadata.json")
        (folder / "metadata.json").write_text(text)
    stand_in.uploads.clear()
    with pytest.raises(InputError) as caught:
        hub.upload(folder, NAME, ["metadata.json"])
    for words in (NAME, "unet.onnx", "nothing was uploaded", f"{folder} is whole"):
        assert words in str(caught.value)
    assert not any("folder_path" in call for call in stand_in.uploads)


def test_uploads_that_are_refused(stand_in, folder):
    with pytest.raises(InputError, match="the form is hf://OWNER/NAME$"):
        hub.upload(folder, f"{NAME}@v1", [])
    stand_in.refused = PermissionError("401: who are you?")
    with pytest.raises(InputError) as caught:
        hub.upload(folder, NAME, [])
    for words in ("PermissionError: 401", f"{folder} is whole", "`hf auth login`"):
        assert words in str(caught.value)


def test_they_are_offered_for_painting(stand_in, monkeypatch):
    assert is_preset(NAME) and not is_preset("somebody/streets")
    [offer] = offered_models.offers_of([NAME], {}, "tensorflow")
    assert offer.name == "tiny"


def real_cache(folder, root):
    """The layout of the real library's cache, as after a download."""
    repository = root / "models--somebody--streets"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for number, path in enumerate(sorted(folder.iterdir())):
        shutil.copy(path, repository / "blobs" / str(number))
        (snapshot / path.name).symlink_to(f"../../blobs/{number}")


def test_the_cache_of_the_real_library_without_a_network(folder, tmp_path, monkeypatch):
    constants = pytest.importorskip(
        "huggingface_hub.constants", reason="needs pip install 'ccfpse-tf[hub]'"
    )
    real_cache(folder, tmp_path / "hub")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert find_preset(NAME).name == "tiny"
    assert find_preset(f"{NAME}@{COMMIT}").name == "tiny"
    with pytest.raises(InputError, match="could not be downloaded, and no copy of it"):
        find_preset("hf://somebody/else")
    with pytest.raises(InputError, match="could not be uploaded .*is whole"):
        hub.upload(folder, NAME, ["metadata.json"])
