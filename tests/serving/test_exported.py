"""A model as `export` writes it, behind the REST API."""

import asyncio
import base64
import json

import numpy as np
import pytest

from tests.export.exported import description, label_png, layouts, pixels, png
from tests.serving.conftest import run_app
from tests.serving.palette_model import b64

CALL = "/v1/models/tiny:predict"


def rows(count):
    made = []
    for seed, (label, instance) in enumerate(layouts(count)):
        files = {"label_bytes": b64(label_png(label))}
        files["instance_bytes"] = b64(png(instance.astype(np.uint8)))
        made.append(files | {"seed": seed})
    return made


def image(answer, number=0):
    return pixels(base64.b64decode(answer.json()["predictions"][number]["b64"]))


@pytest.mark.slow
def test_everything_that_the_page_asks_for(tiny_export, page):
    async def scenario(client):
        async def ask(signature, *instances):
            body = {"signature_name": signature, "instances": instances}
            return await client.post(CALL, json=body)

        one, two = rows(2)
        photo = one | {"style_bytes": b64(png(np.full((64, 96, 3), 77, np.uint8)))}
        del photo["seed"]
        together = await asyncio.gather(
            ask("serving_default", one), ask("serving_default", two)
        )
        return {
            "describe": await ask("describe", 1),
            "both": await ask("serving_default", one, two),
            "together": together,
            "alone": await ask("serving_default", two),
            "no instances": await ask("serving_default", one | {"instance_bytes": ""}),
            "photo": await ask("stylize_bytes", photo),
            "wrong id": await ask("serving_default", one | {"label_bytes": b64(
                png(np.full((64, 96), 9, np.uint8)))}),
            "again": await ask("serving_default", one),
        }  # fmt: skip

    models = tiny_export.folder.parent
    found = run_app(scenario, models, page, batch_delay=0.2)
    wrong = found.pop("wrong id")
    together = found.pop("together")
    for name, answer in found.items():
        assert answer.status_code == 200, (name, answer.text)
    facts = json.loads(
        base64.b64decode(found["describe"].json()["predictions"][0]["b64"])
    )
    assert facts["name"] == description().name and facts["instances"]
    assert image(found["again"]).shape == (*facts["image_size"], 3)
    assert np.abs(image(found["both"]) - image(together[0])).max() <= 1
    assert np.abs(image(found["both"], 1) - image(together[1])).max() <= 1
    assert np.abs(image(found["both"], 1) - image(found["alone"])).max() <= 1
    assert image(found["both"]).std() > 1  # it is not an empty picture
    assert image(found["photo"]).shape == image(found["again"]).shape
    assert wrong.status_code == 400
    assert "9" in wrong.json()["error"], wrong.json()
