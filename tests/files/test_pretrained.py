"""Weights of others: by path, from a package, from Keras's cache, downloaded."""

import dataclasses

import keras
import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.digests import sha256
from ccfpse_tf.files.pretrained import PretrainedFile

CONTENT = b"weights"
IN_PACKAGE = PretrainedFile(
    title="Net",
    name="net.bin",
    sha256=sha256(CONTENT),
    licence="BSD",
    package="some-net==0.1.0",
    module="some_net",
    folder="models",
)
BY_ADDRESS = dataclasses.replace(
    IN_PACKAGE, url="https://example.org/net.bin", package=None, module=None
)


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    def refused(*args, **options):
        raise OSError("no network")

    monkeypatch.setattr(keras.utils, "get_file", refused)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The folder of an installed package that would fail if it were imported."""
    folder = tmp_path / "site" / "some_net"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('imported')")
    (folder / "models" / "net.bin").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(folder.parent)
    return folder


def test_a_path_may_be_the_file_or_its_folder(tmp_path):
    path = tmp_path / "renamed.bin"
    path.write_bytes(CONTENT)
    assert IN_PACKAGE.find(path) == path
    path.rename(tmp_path / "net.bin")
    assert IN_PACKAGE.find(tmp_path) == tmp_path / "net.bin"


def test_an_installed_package_is_found_and_not_imported(package):
    assert IN_PACKAGE.is_here()
    assert IN_PACKAGE.find() == package / "models" / "net.bin"


def test_a_package_of_another_version_is_named(package):
    (package / "models" / "net.bin").rename(package / "models" / "net2.bin")
    assert not IN_PACKAGE.is_here()
    with pytest.raises(InputError, match=r"has no models/net.bin: pip install some-"):
        IN_PACKAGE.find()


def test_another_digest_is_refused(tmp_path, package):
    for path in (package / "models" / "net.bin", tmp_path / "other.bin"):
        path.write_bytes(b"other")
        with pytest.raises(InputError, match=f"other.*not {sha256(CONTENT)}") as error:
            IN_PACKAGE.find(path)
        assert str(path) in str(error.value)
        assert sha256(b"other") in str(error.value)
    with pytest.raises(InputError, match="pip install some-net==0.1.0"):
        IN_PACKAGE.find()


def test_every_way_is_named_where_it_is_missing(tmp_path):
    assert not IN_PACKAGE.is_here() and not BY_ADDRESS.is_here()
    with pytest.raises(InputError, match="pip install some-net==0.1.0, or give the"):
        IN_PACKAGE.find()
    with pytest.raises(InputError, match=r"no network.*fetch https://example.org/net"):
        BY_ADDRESS.find()
    with pytest.raises(InputError, match=r"missing: no such file.*pip install"):
        IN_PACKAGE.find(tmp_path / "missing")


def test_a_download_is_checked_by_keras_and_kept(monkeypatch, tmp_path):
    asked = {}

    def download(name, url, cache_subdir, **options):
        asked.update(options, url=url)
        path = tmp_path / "keras" / cache_subdir / name
        path.parent.mkdir(parents=True)
        path.write_bytes(CONTENT)
        return str(path)

    monkeypatch.setattr(keras.utils, "get_file", download)
    assert BY_ADDRESS.find().read_bytes() == CONTENT
    assert asked == {
        "url": BY_ADDRESS.url,
        "file_hash": BY_ADDRESS.sha256,
        "hash_algorithm": "sha256",
    }
    assert BY_ADDRESS.is_here()
