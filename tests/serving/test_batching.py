"""Requests that share a batch get the same answers as alone."""

import asyncio
import threading

import numpy as np
import pytest

from ccfpse_tf.serving.model_version import ModelVersion
from tests.serving.palette_model import CLASSES, b64, expected, picture, png
from tests.serving.rows import LABEL, URL, row


@pytest.fixture
def calls(monkeypatch):
    """Rows of every call of the model, in order."""
    found, run = [], ModelVersion.run

    def counted(self, signature, inputs, timeout):
        if signature != "describe":
            found.append(len(next(iter(inputs.values()))))
        return run(self, signature, inputs, timeout)

    monkeypatch.setattr(ModelVersion, "run", counted)
    return found


def ask(*bodies):
    async def scenario(client):
        asked = [client.post(f"{URL}:predict", json=body) for body in bodies]
        return await asyncio.gather(*asked)

    return scenario


def test_together_and_alone_are_equal(serve, calls):
    maps = np.random.default_rng(0).integers(0, CLASSES, (12, 5, 7)).astype(np.uint8)
    bodies = [{"instances": [row(one, seed)]} for seed, one in enumerate(maps)]
    together = serve(ask(*bodies), batch_delay=0.5)
    del calls[0]  # the version's trial
    assert sum(calls) == 12 and len(calls) <= 4 and max(calls) <= 8
    calls.clear()
    alone = serve(ask(*bodies), batch_rows=1)
    assert set(calls) == {1} and len(calls) == 13
    for seed, (one, other) in enumerate(zip(together, alone, strict=True)):
        assert one.content == other.content
        image = picture(one.json()["predictions"][0])
        np.testing.assert_array_equal(image, expected(maps[seed], seed))


def test_one_wrong_request_fails_alone(serve, calls):
    wrong = {"instances": [row(np.full_like(LABEL, CLASSES), 1)]}
    cut = {"instances": [row() | {"label_bytes": b64(png(LABEL)[:-20])}]}
    good = [{"instances": [row(seed=seed)]} for seed in range(3)]
    answers = serve(ask(good[0], wrong, good[1], cut, good[2]), batch_delay=0.5)
    assert [answer.status_code for answer in answers] == [200, 400, 200, 400, 200]
    assert calls == [1, 5, 1, 1, 1, 1, 1]  # the trial, all, one by one
    for seed, answer in enumerate(answers[::2]):
        image = picture(answer.json()["predictions"][0])
        np.testing.assert_array_equal(image, expected(LABEL, seed))


def test_what_does_not_fit_together_runs_apart(serve, calls):
    small, large = {"instances": [row(LABEL)]}, {"instances": [row(LABEL.T)]}
    encode = {"signature_name": "encode", "inputs": [[[[1, 2, 3]]]]}
    answers = serve(ask(small, large, encode, small, large), batch_delay=0.5)
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(calls[1:]) == [1, 2, 2]


def test_a_client_that_has_gone_is_not_drawn_for(serve, calls, monkeypatch):
    counted, begun, go_on = ModelVersion.run, threading.Event(), threading.Event()

    def held(self, signature, inputs, timeout):
        found = counted(self, signature, inputs, timeout)
        if calls == [1, 1]:  # the trial and the first request
            begun.set()
            assert go_on.wait(60)
        return found

    async def scenario(client):
        body = {"instances": [row()]}
        first = asyncio.create_task(client.post(f"{URL}:predict", json=body))
        await asyncio.to_thread(begun.wait, 60)
        task = asyncio.create_task(client.post(f"{URL}:predict", json=body))
        while not client.backend._batcher._waiting:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert client.backend._batcher._waiting == []
        go_on.set()
        return await first

    monkeypatch.setattr(ModelVersion, "run", held)
    assert serve(scenario, batch_delay=0.6).status_code == 200
    assert calls == [1, 1]  # the trial and the first request


def test_one_alone_does_not_wait_for_others(serve, calls):
    async def scenario(client):
        async def late():
            yield b"{"
            await asyncio.sleep(0.01)
            yield b"}"

        start = asyncio.get_running_loop().time()
        body = {"instances": [row()]}
        alone = await client.post(f"{URL}:predict", json=body)
        seconds = asyncio.get_running_loop().time() - start
        wrong = asyncio.create_task(client.post(f"{URL}:predict", content=late()))
        beside = await client.post(f"{URL}:predict", json=body)
        return alone, beside, await wrong, seconds

    *answers, seconds = serve(scenario, batch_delay=60)
    assert [answer.status_code for answer in answers] == [200, 200, 400]
    assert seconds < 60  # nor did the second when the third had failed
