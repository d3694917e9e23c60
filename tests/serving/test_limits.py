"""Bounds on requests: their size, number, time and origin."""

import asyncio
import gzip
import threading

import numpy as np
import pytest

from tests.serving.palette_model import b64, png
from tests.serving.rows import LABEL, URL, row

PREDICT = f"{URL}:predict"
GOOD = {"instances": [row()]}


class Slow:
    """Answers after a while; counts the calls that run at once."""

    name = "palette"

    def __init__(self, seconds):
        self.seconds, self.now, self.most = seconds, 0, 0

    async def answer(self, request, path):
        from starlette.responses import JSONResponse

        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self.seconds)
        self.now -= 1
        return JSONResponse({})

    def running(self):
        import contextlib

        return contextlib.AsyncExitStack()


@pytest.mark.parametrize("streamed", [False, True])
def test_long_bodies_are_refused_before_they_are_kept(serve, streamed):
    sent = 0

    async def chunks():
        nonlocal sent
        for _ in range(1000):
            sent += 10_000
            yield b" " * 10_000

    async def scenario(client):
        body = chunks() if streamed else b" " * 1_000_000
        refused = await client.post(PREDICT, content=body)
        return refused, await client.post(PREDICT, json=GOOD)

    refused, good = serve(scenario, body_bytes=20_000)
    assert (refused.status_code, good.status_code) == (413, 200)
    assert "longer than the 20000 bytes" in refused.json()["error"]
    assert good.content  # the client need not be cut off to be refused


def test_compressed_bodies_are_refused(serve):
    async def scenario(client):
        headers = {"Content-Encoding": "gzip"}
        return await client.post(PREDICT, content=gzip.compress(b"{}"), headers=headers)

    assert serve(scenario).status_code == 415


def test_no_more_at_once_than_allowed(serve):
    async def scenario(client):
        asked = [client.post(PREDICT, json=GOOD) for _ in range(5)]
        return await asyncio.gather(*asked)

    slow = Slow(0.2)
    answers = serve(scenario, backend=slow, requests=2)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503, 503, 503]
    assert slow.most == 2
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.headers["Retry-After"] == "1"
    assert refused.json() == {"error": "2 requests are being worked on: try later"}


def test_nothing_new_while_the_server_ends(serve):
    async def scenario(client):
        running = asyncio.create_task(client.post(PREDICT, json=GOOD))
        await asyncio.sleep(0.1)
        client.app.limiter.closing = True
        refused = await client.post(PREDICT, json=GOOD)
        return refused, await running

    refused, finished = serve(scenario, backend=Slow(0.3))
    assert (refused.status_code, finished.status_code) == (503, 200)
    assert "shutting down" in refused.json()["error"]


def test_a_slow_model_is_given_up(serve, monkeypatch):
    from ccfpse_tf.serving.model_version import ModelVersion

    run, given_up = ModelVersion.run, threading.Event()

    def slow(self, signature, inputs, timeout):
        if inputs.get("seed", [0])[0] == 77:
            assert given_up.wait(60)
        return run(self, signature, inputs, timeout)

    async def scenario(client):
        slow_body = {"instances": [row(seed=77)]}
        late = await client.post(PREDICT, json=slow_body)
        given_up.set()
        return late, await client.post(PREDICT, json=GOOD)

    monkeypatch.setattr(ModelVersion, "run", slow)
    late, good = serve(scenario, timeout=0.4)
    assert (late.status_code, good.status_code) == (504, 200)
    assert late.json() == {"error": "not answered within 0.4 seconds"}


def test_a_slow_sender_is_given_up(serve):
    async def chunks():
        yield b"{"
        await asyncio.sleep(5)

    async def scenario(client):
        return await client.post(PREDICT, content=chunks())

    answer = serve(scenario, timeout=0.2)
    assert answer.status_code == 408
    assert answer.json() == {"error": "not received within 0.2 seconds"}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 200),
        ({"Host": "localhost:8501"}, 200),
        ({"Host": "[::1]:8501"}, 200),
        ({"Host": "rebound.example"}, 403),
        ({"Host": "rebound.example:80"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[x"}, 403),
    ],
)
def test_other_pages_in_the_browser_may_not_ask(headers, code, serve):
    async def scenario(client):
        return await client.get(URL, headers=headers)

    answer = serve(scenario, hosts=("localhost", "127.0.0.1", "[::1]"))
    assert answer.status_code == code
    if code != 200:
        assert (
            "rebound" in answer.text
            or "Host ''" in answer.text
            or "Origin" in (answer.text)
        )


def test_a_fault_of_ours_is_500_and_says_nothing(serve, caplog):
    class Broken(Slow):
        async def answer(self, request, path):
            raise RuntimeError("secret")

    async def scenario(client):
        return await client.post(PREDICT, json=GOOD), await client.get("/config.json")

    broken, fine = serve(scenario, backend=Broken(0))
    assert (broken.status_code, fine.status_code) == (500, 200)
    assert broken.json() == {"error": "internal error; see the server's log"}


def test_a_large_photo_within_the_limits_passes(serve):
    photo = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    instance = row(np.zeros_like(LABEL)) | {"style_bytes": b64(png(photo))}
    del instance["seed"]

    async def scenario(client):
        body = {"signature_name": "stylize_bytes", "instances": [instance]}
        return await client.post(PREDICT, json=body)

    assert serve(scenario).status_code == 200
    refused = serve(scenario, pixels=100_000)
    assert refused.status_code == 400
    assert "120024 pixels, this server takes 100000" in refused.json()["error"]
