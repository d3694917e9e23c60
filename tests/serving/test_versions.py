"""Versions that are added, damaged and removed while requests are answered."""

import asyncio
import shutil

import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.serving.versions import Versions
from tests.serving.palette_model import save
from tests.serving.rows import row


@pytest.fixture
def folder(models, tmp_path):
    """A model of one version of its own."""
    shutil.copytree(models / "3", tmp_path / "paint" / "1")
    return tmp_path / "paint"


def states(versions):
    entries = versions.status()["model_version_status"]
    return {int(entry["version"]): entry["state"] for entry in entries}


def test_newer_versions_take_over_and_older_ones_come_back(folder, models):
    versions = Versions(folder)
    with versions.lease() as old:
        shutil.copytree(models / "3", folder / "2")
        versions.refresh()
        assert states(versions) == {2: "AVAILABLE", 1: "END"}
        assert not old.closed  # somebody still uses it
        with versions.lease() as new:
            assert new.version == 2
    assert old.closed
    shutil.rmtree(folder / "2")
    versions.refresh()
    assert versions.loaded() == [1]
    shutil.rmtree(folder / "1")
    versions.refresh()
    assert versions.loaded() == [1]  # better than nothing
    versions.close()


def test_a_broken_version_is_reported_and_the_old_one_serves(folder, models, caplog):
    versions = Versions(folder)
    (folder / "2").mkdir()
    (folder / "2" / "saved_model.pb").write_bytes(b"\xff")
    versions.refresh()
    versions.refresh()
    assert versions.loaded() == [1]
    newest = versions.status(2)["model_version_status"][0]
    assert newest["state"] == "END" and "damaged" in newest["status"]["error_message"]
    assert newest["status"]["error_code"] != "OK"
    assert len(caplog.records) == 1  # once, not at every look
    shutil.copytree(models / "3", folder / "2", dirs_exist_ok=True)
    versions.refresh()
    assert versions.loaded() == [2]
    versions.close()


def test_a_version_that_cannot_draw_its_example_is_broken(folder, monkeypatch):
    from tests.serving import palette_model

    monkeypatch.setattr(palette_model, "CLASSES", 1)  # its example has classes 0 and 1
    save(folder / "2")
    versions = Versions(folder)
    assert versions.loaded() == [1]
    message = versions.status(2)["model_version_status"][0]["status"]["error_message"]
    assert "fails on its own example" in message
    versions.close()


def test_labels_keep_their_version(folder, models):
    shutil.copytree(models / "3", folder / "2")
    versions = Versions(folder, {"stable": 1})
    assert versions.loaded() == [1, 2]
    with versions.lease(label="stable") as stable:
        assert stable.version == 1
    versions.close()
    with pytest.raises(InputError, match="has no version 7 that loads; loaded: 2"):
        Versions(folder, {"stable": 7})


def test_reload_under_load_loses_no_request(folder, models, serve):
    async def scenario(client):
        codes, seen = [], set()

        async def keep_asking():
            while 2 not in seen:
                body = {"instances": [row()]}
                answer = await client.post("/v1/models/paint:predict", json=body)
                codes.append(answer.status_code)

        async def watch():
            status = await client.get("/v1/models/paint/versions/2")
            while status.status_code == 404 or "AVAILABLE" not in status.text:
                await asyncio.sleep(0.02)
                status = await client.get("/v1/models/paint/versions/2")
            seen.add(2)

        asking = [asyncio.create_task(keep_asking()) for _ in range(4)]
        await asyncio.sleep(0.1)
        shutil.copytree(models / "3", folder / ".2")
        (folder / ".2").rename(folder / "2")
        await asyncio.wait_for(watch(), 30)
        await asyncio.gather(*asking)
        return codes, await client.get("/v1/models/paint")

    codes, status = serve(scenario, Versions(folder), poll=0.05)
    assert set(codes) == {200} and len(codes) > 4
    entries = status.json()["model_version_status"]
    assert [entry["state"] for entry in entries] == ["AVAILABLE", "END"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("nothing", "no such folder; export"), ("paint/1", "one version of a model: name"),
     ("empty", "expected DIR/1/saved_model.pb"), ("broken", "no saved_model.pb in")],
)  # fmt: skip
def test_folders_without_a_model(name, message, folder):
    (folder.parent / "empty").mkdir()
    (folder.parent / "broken" / "1").mkdir(parents=True)
    with pytest.raises(InputError, match=message):
        Versions(folder.parent / name)
