"""``POST /label``: photos become label maps, within the server's limits."""

import asyncio
import base64
import threading
import time

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.commands import main
from ccfpse_tf.errors import InputError
from tests.evaluation.tiny import make_segmenter
from tests.serving.palette_model import png
from tests.serving.rows import URL, row

PHOTO = png(np.zeros((20, 30, 3), np.uint8))


def size(photo):
    """Stands in for a network: tells the length of the file."""
    return f"map of {len(photo)}".encode()


def test_a_photo_is_labelled(serve, tmp_path):
    jpeg = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8)).save(jpeg)

    async def scenario(client):
        asked = [client.post("/label", content=x) for x in (PHOTO, jpeg.read_bytes())]
        answers = await asyncio.gather(*asked)
        config = await client.get("/config.json")
        return answers, config, await client.get("/monitoring/prometheus/metrics")

    answers, config, metrics = serve(scenario, label=size)
    for answer, length in zip(answers, (len(PHOTO), jpeg.stat().st_size), strict=True):
        assert answer.status_code == 200
        code = answer.json()["label_bytes"]["b64"]
        assert base64.b64decode(code) == f"map of {length}".encode()
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert config.json() == {"model": "palette", "label_photos": True}
    assert 'ccfpse_requests_total{api="label",code="200"} 2.0' in metrics.text


def test_a_server_without_a_network_has_no_such_path(serve):
    async def scenario(client):
        return await client.post("/label", content=PHOTO)

    assert serve(scenario).status_code == 405  # of the page's files


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"nothing", 400, "begins with b'nothing', is not a photo: send"),
        (b"GIF89a" + bytes(50), 400, "bytes of a PNG or JPEG file"),
        (PHOTO[:20], 400, "is not a photo"),
        (png(np.zeros((40, 30, 3), np.uint8)), 400, "1200 pixels, this server takes 9"),
        (bytes(3000), 413, "longer than the 2000 bytes"),
    ],
)
def test_what_is_refused_before_it_is_decoded(serve, content, code, message):
    async def scenario(client):
        return await client.post("/label", content=content)

    label = pytest.fail
    answer = serve(scenario, label=label, pixels=900, body_bytes=2000)
    assert answer.status_code == code and message in answer.json()["error"]


def test_what_the_network_refuses_and_faults(serve):
    def refuse(photo):
        raise InputError("the photo: 401x100 is too slim")

    def fail(photo):
        raise RuntimeError("secret")

    async def scenario(client):
        return await client.post("/label", content=PHOTO), await client.get("/label")

    answer, read = serve(scenario, label=refuse)
    assert answer.status_code == 400
    assert answer.json() == {"error": "the photo: 401x100 is too slim"}
    assert read.status_code == 404 and "GET /label" in read.json()["error"]
    answer, _ = serve(scenario, label=fail)
    assert answer.status_code == 500 and "secret" not in answer.text


def test_one_photo_at_a_time_and_no_more_at_once_than_allowed(serve):
    now, most = 0, 0
    lock = threading.Lock()

    def slow(photo):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        with lock:
            now -= 1
        return b""

    async def scenario(client):
        asked = [client.post("/label", content=PHOTO) for _ in range(5)]
        return await asyncio.gather(*asked)

    codes = [x.status_code for x in serve(scenario, label=slow, requests=3)]
    assert sorted(codes) == [200, 200, 200, 503, 503] and most == 1


def test_a_slow_network_is_told_and_predictions_go_on(serve):
    async def scenario(client):
        body = {"instances": [row()]}
        late = asyncio.create_task(client.post("/label", content=PHOTO))
        good = await client.post(f"{URL}:predict", json=body)
        return await late, good

    late, good = serve(scenario, label=lambda photo: time.sleep(0.5), timeout=0.3)
    assert (late.status_code, good.status_code) == (504, 200)
    assert late.json() == {"error": "not answered within 0.3 seconds"}


def test_another_page_may_not_ask(serve):
    async def scenario(client):
        headers = {"Origin": "http://evil.example"}
        return await client.post("/label", content=PHOTO, headers=headers)

    assert serve(scenario, label=pytest.fail).status_code == 403


def test_a_network_for_other_classes_ends_the_start(models, tmp_path):
    path = make_segmenter(tmp_path)
    facts = tmp_path / "segmenter.json"
    facts.write_text(facts.read_text().replace("class 2", "zebra"))
    command = ["serve", str(models), "--port", "0", "--evaluator"]
    with pytest.raises(InputError, match="knows zebra, not among .* model palette"):
        main.run([*command, str(path)])
    with pytest.raises(InputError, match="evaluator none.keras: no such file"):
        main.run([*command, "none.keras"])
    message = "needs the model's classes: --upstream http://.*/palette: cannot be reach"
    with pytest.raises(InputError, match=message):
        main.run([*command, str(path), "--upstream", "http://127.0.0.1:1"])
