"""A model made of functions on arrays is served like any other."""

import asyncio
import base64
import json
import threading

import numpy as np
import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.serving.api_error import ApiError
from ccfpse_tf.serving.function_model import FunctionModel, function_versions
from tests.serving.palette_model import b64, png
from tests.serving.rows import LABEL

URL = "/v1/models/plain"
ROWS = (object, (-1,))
EXAMPLE = base64.b64encode(png(LABEL)).decode()


def answers(seed, label_bytes):
    if (seed < 0).any():
        raise InputError("seed[0] is below 0")
    return {"image_bytes": label_bytes}


def tells(format):
    text = json.dumps({"examples": [{"label_bytes": EXAMPLE}]}).encode()
    return {"description_bytes": np.array([text] * len(format), object)}


SIGNATURES = {
    "serving_default": (
        answers,
        {"seed": (np.int64, (-1,)), "label_bytes": ROWS},
        {"image_bytes": ROWS},
    ),
    "describe": (tells, {"format": (np.int64, (-1,))}, {"description_bytes": ROWS}),
}


def test_answers_errors_and_metadata(serve):
    rows = [{"label_bytes": b64(png(LABEL)), "seed": seed} for seed in (1, -1)]

    async def scenario(client):
        found = [
            await client.post(f"{URL}:predict", json={"instances": [row]})
            for row in rows
        ]
        return found, (await client.get(f"{URL}/metadata")).json()

    (good, wrong), metadata = serve(scenario, function_versions("plain", SIGNATURES))
    assert good.json()["predictions"] == [b64(png(LABEL))]
    assert wrong.status_code == 400
    assert wrong.json() == {"error": "seed[0] is below 0"}
    shown = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert shown["method_name"] == "tensorflow/serving/predict"
    assert shown["inputs"]["label_bytes"] == {
        "dtype": "DT_STRING",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False},
        "name": "serving_default_label_bytes:0",
    }


def test_one_that_fails_on_its_example_is_not_served():
    def refuses(seed, label_bytes):
        raise InputError("nothing can be drawn")

    broken = SIGNATURES | {
        "serving_default": (refuses, *SIGNATURES["serving_default"][1:])
    }
    with pytest.raises(InputError, match="broken: fails .*nothing can be drawn"):
        function_versions("broken", broken)


def test_what_comes_too_late_is_an_error():
    model = FunctionModel(SIGNATURES)
    asked = {"format": np.ones(1, np.int64)}
    with pytest.raises(ApiError, match="not finished within -1") as error:
        model.run("describe", asked, -1)
    assert error.value.code == 504
    with model.in_use():
        model.retire()
        assert not model.closed and model.run("describe", asked, 60)
    assert model.closed


def test_a_drawing_that_nobody_waits_for_is_stopped(serve):
    begun, stopped = threading.Event(), threading.Event()

    def held(seed, label_bytes):
        if seed[0] != 7:
            return answers(seed, label_bytes)
        begun.set()
        assert stopped.wait(60)
        raise RuntimeError("stopped, as an engine says it")

    signatures = SIGNATURES | {
        "serving_default": (held, *SIGNATURES["serving_default"][1:])
    }
    rows = [{"label_bytes": b64(png(LABEL)), "seed": seed} for seed in (7, 1)]

    async def scenario(client):
        gone, next_one = (
            asyncio.create_task(
                client.post(f"{URL}:predict", json={"instances": [one]})
            )
            for one in rows
        )
        await asyncio.to_thread(begun.wait, 60)
        assert not stopped.is_set()
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        return await next_one

    served = function_versions("plain", signatures, stopped.set)
    assert serve(scenario, served, batch_rows=1).status_code == 200
    assert stopped.is_set()
