"""TensorFlow Serving's REST API, by its documentation."""

import base64
import json

import numpy as np

from ccfpse_tf.serving.versions import Versions
from tests.serving.palette_model import expected, picture
from tests.serving.rows import LABEL, URL, row


def test_status_metadata_and_paths(serve, models):
    async def scenario(client):
        return [
            await client.get(path)
            for path in (
                URL,
                f"{URL}/versions/3",
                f"{URL}/metadata",
                f"{URL}/labels/stable/metadata",
                "/v1/models/%70alette",
            )
        ]

    versions = Versions(models, {"stable": 3})
    status, one, metadata, labelled, percent = serve(scenario, versions)
    wanted = {"version": "3", "state": "AVAILABLE"}
    wanted["status"] = {"error_code": "OK", "error_message": ""}
    for answer in (status, one, percent):
        assert answer.json() == {"model_version_status": [wanted]}
    assert metadata.json() == labelled.json()
    content = metadata.json()
    assert content["model_spec"]["version"] == "3"
    synthesize = content["metadata"]["signature_def"]["signature_def"]["synthesize"]
    assert synthesize["method_name"] == "tensorflow/serving/predict"
    z = synthesize["inputs"]["z"]
    assert z["dtype"] == "DT_FLOAT"
    assert [dim["size"] for dim in z["tensor_shape"]["dim"]] == ["-1", "2"]
    assert synthesize["outputs"]["image"]["dtype"] == "DT_UINT8"


def test_row_format(serve):
    async def scenario(client):
        body = {"instances": [row(), row(seed=5)]}
        return await client.post(f"{URL}/versions/3:predict", json=body)

    answer = serve(scenario)
    assert answer.status_code == 200 and set(answer.json()) == {"predictions"}
    first, second = answer.json()["predictions"]  # one output: no name
    assert set(first) == {"b64"}
    np.testing.assert_array_equal(picture(first), expected(LABEL))
    np.testing.assert_array_equal(picture(second), expected(LABEL, 5))


def test_column_format_with_arrays(serve):
    maps = np.stack([LABEL, LABEL[::-1]]).tolist()

    async def scenario(client):
        inputs = {"label": maps, "instance": maps, "z": [[1.5, 0], [3, -1e-3]]}
        body = {"signature_name": "synthesize", "inputs": inputs}
        return await client.post(f"{URL}:predict", json=body)

    images = np.array(serve(scenario).json()["outputs"])
    np.testing.assert_array_equal(images[0], expected(LABEL, 1))
    np.testing.assert_array_equal(images[1], expected(LABEL[::-1], 3))


def test_several_outputs_keep_their_names_in_both_formats(serve):
    images = [[[[1, 2, 3], [2, 2, 3]]]]

    async def scenario(client):
        bodies = ({"instances": images}, {"inputs": images})
        return [
            (
                await client.post(
                    f"{URL}:predict", json={"signature_name": "encode", **b}
                )
            )
            for b in bodies
        ]

    by_row, by_column = (answer.json() for answer in serve(scenario))
    assert by_row == {"predictions": [{"log_variance": [-1.5, -2.0], "mean": [1.5, 2]}]}
    assert by_column == {
        "outputs": {"log_variance": [[-1.5, -2.0]], "mean": [[1.5, 2]]}
    }


def test_describe(serve):
    async def scenario(client):
        body = {"signature_name": "describe", "instances": [1]}
        return await client.post(f"{URL}:predict", json=body)

    answer = serve(scenario).json()["predictions"][0]
    assert json.loads(base64.b64decode(answer["b64"]))["z_dim"] == 2
