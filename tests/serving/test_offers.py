"""Several models on one server, each loaded when it is first asked for."""

import asyncio
import shutil
import threading

import pytest

from ccfpse_tf.commands import main
from ccfpse_tf.errors import InputError
from ccfpse_tf.serving import offers as offers_module
from ccfpse_tf.serving.offer import Offer
from ccfpse_tf.serving.offers import Offers
from ccfpse_tf.serving.versions import Versions
from tests.serving.conftest import Limits, Metrics, run_app
from tests.serving.palette_model import expected, picture
from tests.serving.rows import LABEL, URL, row

GOOD = {"instances": [row()]}
TOWN = "/v1/models/town"


class Loads:
    """Offers of models that load when they are let."""

    def __init__(self, models, tmp_path):
        shutil.copytree(models, tmp_path / "town")
        self.folders = {"palette": models, "town": tmp_path / "town"}
        self.begun = []
        self.may_end = threading.Event()
        self.error = None

    def offer(self, name):
        def load(say):
            say(f"reading {name}")
            self.begun.append(name)
            assert self.may_end.wait(60)
            if self.error:
                raise self.error
            return Versions(self.folders[name])

        return Offer(name, load, 3)


@pytest.fixture
def loads(models, tmp_path):
    return Loads(models, tmp_path)


@pytest.fixture
def run(loads, models, page):
    """``run(scenario, *names, **limits)`` on a server of these models."""

    def run_offers(scenario, *names, **limits):
        chosen = [loads.offer(name) for name in names]
        backend = Offers(chosen, Limits(**limits), Metrics())
        facts = {"facts": backend.facts}
        return run_app(scenario, models, page, backend=backend, app=facts, **limits)

    return run_offers


async def begun(loads, count):
    while len(loads.begun) < count:
        await asyncio.sleep(0.005)


def state(answer):
    [entry] = answer.json()["model_version_status"]
    return entry["state"], entry["status"]["error_message"]


def test_the_page_is_there_while_the_model_loads(loads, run):
    async def scenario(client):
        await begun(loads, 1)
        waiting = asyncio.create_task(client.post(f"{URL}:predict", json=GOOD))
        early = [await client.get(path) for path in ("/", "/config.json", URL)]
        loads.may_end.set()
        late = await waiting, await client.get("/config.json"), await client.get(URL)
        return *early, *late

    index, config, status, answer, after, loaded = run(scenario, "palette")
    assert "<title>paint" in index.text
    assert config.json() == {
        "model": "palette",
        "starting": {"palette": "reading palette"},
    }
    assert state(status) == ("LOADING", "")
    assert answer.status_code == 200 and after.json() == {"model": "palette"}
    assert state(loaded) == ("AVAILABLE", "")


def test_each_model_is_loaded_when_it_is_asked_for(loads, run):
    async def scenario(client):
        loads.may_end.set()
        await client.post(f"{URL}:predict", json=GOOD)
        first = await client.get(TOWN), await client.get("/config.json"), [*loads.begun]
        loads.may_end.clear()
        waiting = asyncio.create_task(client.post(f"{TOWN}:predict", json=GOOD))
        await begun(loads, 2)
        other = await client.post(f"{URL}:predict", json=GOOD)  # goes on
        doing = (await client.get("/config.json")).json()["starting"]
        loads.may_end.set()
        missing = await client.post("/v1/models/none:predict", json=GOOD)
        return *first, other, doing, await waiting, missing

    status, config, first, other, doing, answer, missing = run(
        scenario, "palette", "town"
    )
    assert state(status) == ("START", "") and first == ["palette"]
    assert config.json() == {"model": "palette", "models": ["palette", "town"]}
    assert other.status_code == 200 and doing == {"town": "reading town"}
    assert (picture(answer.json()["predictions"][0]) == expected(LABEL)).all()
    assert missing.status_code == 404
    assert "Servable not found for request: Latest(none)" in missing.text


def test_one_that_fails_leaves_the_others_alone(loads, run, monkeypatch, caplog):
    async def scenario(client):
        loads.may_end.set()
        good = await client.post(f"{URL}:predict", json=GOOD)
        loads.error = InputError("town/3: damaged")
        failed = [await client.post(f"{TOWN}:predict", json=GOOD) for _ in range(2)]
        status = await client.get(TOWN)
        tries, loads.error = len(loads.begun), None
        monkeypatch.setattr(offers_module, "_RETRY", -1)
        again = await client.post(f"{TOWN}:predict", json=GOOD)
        return good, *failed, status, tries, again

    good, failed, second, status, tries, again = run(scenario, "palette", "town")
    assert good.status_code == again.status_code == 200
    assert failed.status_code == second.status_code == 404 and tries == 2
    assert failed.json() == {"error": "model town is not served: town/3: damaged"}
    assert state(status) == ("END", "town/3: damaged")
    assert "town is not served" in caplog.text


def test_the_only_model_that_fails_ends_the_server(models, tmp_path):
    shutil.copytree(models, tmp_path / "town")
    (tmp_path / "town" / "3" / "saved_model.pb").write_bytes(b"\xff")
    with pytest.raises(InputError, match="saved_model.pb: damaged; export it again"):
        main.run(["serve", str(tmp_path / "town"), "--port", "0"])


def test_requests_wait_no_longer_than_they_may(loads, run):
    async def scenario(client):
        answer = await client.post(f"{URL}:predict", json=GOOD)
        loads.may_end.set()
        return answer

    answer = run(scenario, "palette", timeout=0.2)
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "1"
    assert "palette is still being loaded (reading palette): try" in answer.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["{models}", "{models}"], "palette: two models named palette; leave one out$"),
        (["{models}", "{models}/3"], "is one version of a model: name"),
        (["{models}", "nothing"], "nothing: no such folder; export a model first"),
        (["{models}", "x", "--label", "a=1"], "--label is for one model: name one"),
        (["{models}", "x", "--evaluator", "a"], "--evaluator is for one model"),
    ],
)
def test_models_that_cannot_be_offered(options, message, models):
    options = [option.format(models=models) for option in options]
    with pytest.raises(InputError, match=message):
        main.run(["serve", *options, "--port", "0"])
