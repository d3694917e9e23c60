"""The description of records for catalogues, and what it must not change."""

import json
import logging

import pytest

from ccfpse_tf.data.description import read_description
from ccfpse_tf.data.prepare.prepare import main
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.digests import sha256_of_files
from tests.data.prepare.written import contents
from tests.data.toy import folder_argv, make_folder


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("source"), 5, instances=True)


@pytest.fixture
def argv(source, tmp_path):
    more = ["--size", "32", "--shards", 2, "--name", "toy", "--val-fraction", "0.4"]
    return folder_argv(source, tmp_path / "records", *more)


def croissant_of(folder):
    return json.loads((folder / "croissant.json").read_text())


# Of rdflib, within mlcroissant.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_is_valid_and_can_be_read(argv, tmp_path, caplog):
    croissant = pytest.importorskip(
        "mlcroissant", reason="needs pip install 'ccfpse-tf[croissant]'"
    )
    main("folder", [*argv, "--licence", "CC-BY-4.0"])
    with caplog.at_level(logging.WARNING):
        found = croissant.Dataset(tmp_path / "records" / "croissant.json")
    issues = found.metadata.ctx.issues
    # Nobody said how to cite the data, nor when they were published.
    assert not issues.errors and len(issues.warnings) == 2, issues.report()
    assert "not standard" not in caplog.text
    assert (found.metadata.name, found.metadata.license) == ("toy", ["CC-BY-4.0"])
    classes = list(found.records("classes"))
    assert [row["classes/index"] for row in classes] == [0, 1, 2, 3]
    assert sum(row["splits/images"] for row in found.records("splits")) == 5
    assert len(list(found.records("shards"))) == 4


def test_files_with_sizes_and_checksums(argv, tmp_path, capsys):
    main("folder", argv)
    folder = tmp_path / "records"
    found = croissant_of(folder)
    shards = sorted(path.name for path in folder.glob("*.tfrecord*"))
    assert sorted(file["@id"] for file in found["distribution"]) == shards
    for file in found["distribution"]:
        path = folder / file["contentUrl"]
        assert file["sha256"] == sha256_of_files(path)
        assert file["contentSize"] == f"{path.stat().st_size} B"
    assert "license" not in found
    assert "croissant.json names no licence: give --licence" in capsys.readouterr().out
    assert "a map of instances: " in found["description"]


def test_a_licence_that_is_stated_later(argv, tmp_path, capsys):
    main("folder", argv)
    folder = tmp_path / "records"
    before = contents(folder)
    main("folder", argv)
    assert contents(folder) == before
    capsys.readouterr()
    for _ in range(2):
        main("folder", [*argv, "--license", "CC0-1.0"])
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("croissant.json names the licence CC0-1.0 now")
    assert second.endswith("complete already, nothing to do")
    after = contents(folder)
    assert croissant_of(folder)["license"] == "CC0-1.0"
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"croissant.json"} and after.keys() == before.keys()
    main("folder", argv)  # an option that is not given takes nothing back
    assert contents(folder) == after


def test_a_licence_stays_where_a_shard_is_made_again(argv, tmp_path, capsys):
    main("folder", [*argv, "--licence", "MIT"])
    folder = tmp_path / "records"
    before = contents(folder)
    next(folder.glob("*.tfrecord*")).unlink()
    capsys.readouterr()
    main("folder", argv)
    assert contents(folder) == before
    assert "names no licence" not in capsys.readouterr().out


def test_records_of_earlier_versions_have_none(argv, tmp_path, capsys):
    main("folder", argv)
    folder = tmp_path / "records"
    written = (folder / "croissant.json").read_bytes()
    (folder / "croissant.json").unlink()
    assert read_description(folder).name == "toy"
    capsys.readouterr()
    main("folder", argv)
    assert capsys.readouterr().out.endswith("complete already, nothing to do\n")
    assert not (folder / "croissant.json").exists()
    main("folder", [*argv, "--licence", "MIT"])
    without = croissant_of(folder)
    assert without.pop("license") == "MIT" and without == json.loads(written)


def test_a_damaged_one_is_named(argv, tmp_path):
    main("folder", argv)
    path = tmp_path / "records" / "croissant.json"
    path.write_text("{")
    with pytest.raises(InputError, match="croissant.json: is damaged .*delete it"):
        main("folder", [*argv, "--licence", "MIT"])
    assert path.read_text() == "{"
    path.unlink()
    main("folder", [*argv, "--licence", "MIT"])
    assert croissant_of(tmp_path / "records")["license"] == "MIT"


@pytest.mark.parametrize("text", ["", "  ", "a\nb"])
def test_licences_that_are_none(text, argv, capsys):
    with pytest.raises(SystemExit):
        main("folder", [*argv, "--licence", text])
    assert "expected a name or an address" in capsys.readouterr().err
