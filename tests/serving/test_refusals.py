"""Wrong requests get TensorFlow Serving's codes and words, and the server goes on."""

import json

import pytest

from tests.serving.conftest import run_app
from tests.serving.load import bomb
from tests.serving.palette_model import b64, png
from tests.serving.rows import LABEL, URL, row

PREDICT = f"{URL}:predict"


def arrays(**changes):
    inputs = {"label": [[[0]]], "instance": [[[0]]], "z": [[0, 0]]} | changes
    return {"signature_name": "synthesize", "inputs": inputs}


def rows(*instances, **more):
    return {"instances": list(instances)} | more


BODIES = {
    "empty": (b"", "JSON Parse error: The document is empty"),
    "cut": (b'{"instances": [', "JSON Parse error"),
    "not utf-8": (b'{"instances": ["\xff"]}', "JSON Parse error"),
    "utf-16": (json.dumps(rows(row())).encode("utf-16"), "JSON Parse error"),
    "deep": (b'{"instances":' + b"[" * 100_000, "JSON Parse error"),
    "deep but whole": (arrays(label=json.loads("[" * 90 + "]" * 90)), "unexpected l"),
    "digits": (b'{"instances": [' + b"1" * 5000 + b"]}", "JSON Parse error"),
    "a list": (b"[1, 2]", "Is not object"),
    "no inputs": ({}, "Missing 'inputs' or 'instances' key"),
    "both": ({"inputs": 1, "instances": 1}, "expecting only one of"),
    "no rows": (rows(), "No values in 'instances' array"),
    "no list": ({"instances": 3}, "Excepting 'instances' to be an list/array"),
    "plain rows": (rows("x"), "instances is a plain list, but expecting list of obj"),
    "plain inputs": ({"inputs": ["x"]}, "inputs is a plain value/list, but expecting"),
    "mixed": (rows(row(), ["x"]), "Expecting object but got list at item 1"),
    "one missing": (rows({"seed": 1}), "keys must be equal to: instance_bytes,label_"),
    "one too many": (rows(row() | {"x": 1}), "keys must be equal to"),
    "column missing": ({"inputs": {"seed": [1]}}, "Missing named input: instance_byte"),
    "signature": (rows(row(), signature_name="x"), '"x" not found in signature def'),
    "signature 3": (rows(row(), signature_name=3), "'signature_name' key must be a s"),
    "base64": (rows(row() | {"label_bytes": {"b64": "*"}}), "Unable to base64 decode"),
    "b64 type": (rows(row() | {"label_bytes": {"b64": 1}}), "not formatted correctly"),
    "text seed": (rows(row(seed="1")), 'JSON Value: "1" Type: String is not of exp'),
    "true seed": (rows(row(seed=True)), "Type: True is not of expected type: int64"),
    "float seed": (rows(row(seed=1.5)), "Type: Number is not of expected type: int64"),
    "huge seed": (rows(row(seed=2**63)), "is not of expected type: int64"),
    "null": (rows(row(seed=None)), "Type: Null is not of expected type: int64"),
    "surrogate": (b'{"inputs":{"label_bytes":["\\ud800"],"instance_bytes":[""],"seed"'
                  b":[1]}}", "surrogate"),
    "ragged": (arrays(label=[[[0, 1], [0]]]), "unexpected size: 1 at level: 2 expec"),
    "shallow": (arrays(label=[[[0], 1]]), "incorrect level"),
    "too deep": (arrays(label=[[[0, [1]]]]), "unexpected level"),
    "rank": (arrays(label=[0]), "'label' has the shape [1], the signature [-1,-1,-1]"),
    "z": (arrays(z=[[0, 0, 0]]), "'z' has the shape [1,3], the signature [-1,2]"),
    "lossy": (arrays(z=[[2**24 + 1, 0]]), "to float without loss of precision"),
    "too large": (arrays(z=[[1e39, 0]]), "to float without loss of precision"),
    "int32": (arrays(label=[[[2**31]]]), "is not of expected type: int32"),
    "uint8": ({"signature_name": "encode", "inputs": [[[[1, 2, 256]]]]}, "type: uint8"),
    "class": (arrays(label=[[[4]]]), "an index is not in 0..3"),
    "rows": (rows(*[row()] * 65), "65 rows; this server takes 1 to 64"),
    "zero rows": (arrays(label=[], instance=[], z=[]), "[0], the signature"),
    "amplified": ({"signature_name": "describe", "inputs": [1] * 9999}, "9999 rows"),
    "truncated": (rows(row() | {"label_bytes": b64(png(LABEL)[:-20])}), ""),
    "no image": (rows(row() | {"label_bytes": "hello"}), "Unknown image file format"),
    "bomb": (rows(row() | {"label_bytes": b64(bomb(30_000, 30_000))}), "900000000 pix"),
    "small bomb": (rows(row() | {"label_bytes": b64(bomb(2000, 2000))}), ""),
    "gif": (rows(row() | {"label_bytes": "GIF89a"}), "an image is a GIF: send PNG"),
}  # fmt: skip


@pytest.fixture(scope="module")
def answers(models, page):
    """Every wrong body's answer; a good request is asked after each of them."""

    async def scenario(client):
        found = {}
        for name, (body, _) in BODIES.items():
            content = body if isinstance(body, bytes) else json.dumps(body)
            answer = await client.post(PREDICT, content=content)
            good = await client.post(PREDICT, json=rows(row()))
            found[name] = answer, good.status_code
        return found

    return run_app(scenario, models, page)


@pytest.mark.parametrize("name", BODIES)
def test_wrong_bodies(name, answers):
    answer, good = answers[name]
    assert answer.status_code == 400, answer.text
    assert list(answer.json()) == ["error"]
    assert BODIES[name][1] in answer.json()["error"]
    assert "[[" not in answer.json()["error"].replace("[[[", "")  # no graph's insides
    assert len(answer.content) < 1000
    assert good == 200


@pytest.mark.parametrize(
    ("method", "path", "code", "message"),
    [
        ("POST", "/v1/models/half:predict", 404,
         "Servable not found for request: Latest(half)"),
        ("POST", f"{URL}/versions/9:predict", 404,
         "Servable not found for request: Specific(palette, 9)"),
        ("POST", f"{URL}/labels/nope:predict", 400,
         "Unrecognized servable version label: nope"),
        ("GET", "/v1/models/half", 404, "Could not find any versions of model half"),
        ("GET", f"{URL}/versions/9", 404, "Could not find version 9 of model palette"),
        ("GET", "/v1/models/half/metadata", 404,
         "Servable not found for request: Latest(half)"),
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", f"{URL}/versions/{10**19}", 400, "Failed to convert version"),
        ("GET", f"{URL}:predict", 400, f"Malformed request: GET {URL}:predict"),
        ("POST", URL, 400, f"Malformed request: POST {URL}"),
        ("DELETE", URL, 400, f"Malformed request: DELETE {URL}"),
        ("POST", f"{URL}:explode", 400, "Malformed request"),
        ("POST", f"{URL}:classify", 400, "predict only"),
        ("GET", "/v1/models/a%2Fb", 404, "versions of model a/b"),
        ("GET", "/v1/../private.txt", 404, "Not Found"),
        ("GET", "/nothing", 404, "Not Found: GET /nothing"),
        ("POST", "/", 405, "Method Not Allowed"),
    ],
)  # fmt: skip
def test_wrong_paths(method, path, code, message, serve):
    async def scenario(client):
        return await client.request(method, path, content=b"{}")

    answer = serve(scenario)
    assert answer.status_code == code, answer.text
    assert message in answer.json()["error"]
