"""The files next to an export, read as TensorFlow Serving and its clients do.

They are read by the server's own protos, and by servers of ours in this process.
"""

import base64
import contextlib
import json
import re
import runpy
import subprocess
import sys
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from ccfpse_tf.export.serving_configs import MARK, write_beside
from ccfpse_tf.export.warmup import FILE_NAME, MISSING, write_warmup
from tests.export.exported import label_png, layouts, pixels
from tests.small_model import SIZE

NAME = "tiny"


def _predict(served, request):
    """Answers a request as PredictionService.Predict does."""
    inputs = {
        key: tf.constant(tf.make_ndarray(value))
        for key, value in request.inputs.items()
    }
    return served[request.model_spec.signature_name or "serving_default"](**inputs)


def test_every_warmup_request_is_answered(tiny_export, tiny_served):
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    path = tiny_export.folder / "assets.extra" / FILE_NAME
    seen = []
    for record in tf.data.TFRecordDataset(str(path)):
        request = logs.PredictionLog.FromString(record.numpy()).predict_log.request
        assert request.model_spec.name == NAME
        seen.append(request.model_spec.signature_name)
        answer = _predict(tiny_served, request)
        assert all(len(value) == 1 for value in answer.values())
    assert set(seen) == set(tiny_served) and len(tiny_served) == 7


def test_without_the_protos_there_is_no_warmup(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    assert not write_warmup(tmp_path / FILE_NAME, NAME, {"describe": [{}]})
    assert not list(tmp_path.iterdir()) and "tensorflow-serving-api" in MISSING


def test_configs_are_what_the_server_reads(tiny_export):
    protos = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    models = tiny_export.folder.parent.parent
    config = protos.ModelServerConfig()
    text_format.Parse((models / "models.config").read_text(), config)
    [model] = config.model_config_list.config
    assert (model.name, model.base_path) == (NAME, f"/models/{NAME}")
    compose = (models / "docker-compose.yml").read_text()
    named = re.findall("/models/([a-z]+[.]config)", compose)
    assert named == ["models.config", "monitoring.config"]
    assert all((models / file).is_file() for file in (*named, "batching.config"))


def test_files_of_others_are_left_alone(tmp_path):
    (tmp_path / "docker-compose.yml").write_text("services: {mine: {}}\n")
    (tmp_path / "models.config").write_text(MARK + "old")
    for name in ("one/3", "two/text"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "saved_model.pb").touch()
    said = []
    write_beside(tmp_path, said.append)
    assert (tmp_path / "docker-compose.yml").read_text() == "services: {mine: {}}\n"
    assert len(said) == 1 and "docker-compose.yml is not ours" in said[0]
    config = (tmp_path / "models.config").read_text()
    assert '"one"' in config and '"two"' not in config and "old" not in config


@contextlib.contextmanager
def _grpc_server(served):
    """A PredictionService on this machine's loopback; yields its address."""
    grpc = pytest.importorskip("grpc")
    protos = pytest.importorskip("tensorflow_serving.apis.predict_pb2")
    services = pytest.importorskip(
        "tensorflow_serving.apis.prediction_service_pb2_grpc"
    )

    class Service(services.PredictionServiceServicer):
        def Predict(self, request, context):  # noqa: N802, the service's name
            try:
                answer = _predict(served, request)
            except tf.errors.InvalidArgumentError as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)
            response = protos.PredictResponse(model_spec=request.model_spec)
            for key, value in answer.items():
                response.outputs[key].CopyFrom(tf.make_tensor_proto(value.numpy()))
            return response

    server = grpc.server(futures.ThreadPoolExecutor(1))
    services.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def _drawn(served, label, seed):
    answer = served["serving_default"](
        label_bytes=tf.constant([label]),
        instance_bytes=tf.constant([b""]),
        seed=tf.constant([seed], tf.int64),
    )
    return answer["image_bytes"].numpy()[0]


def test_the_grpc_client_of_the_docs(tiny_served, repository):
    label = label_png(layouts(1)[0][0])
    with _grpc_server(tiny_served) as address:
        client = runpy.run_path(str(repository / "docs" / "serving-grpc-client.py"))
        assert client["draw"](address, NAME, label, 3) == _drawn(tiny_served, label, 3)
        with pytest.raises(client["grpc"].RpcError) as error:
            client["draw"](address, NAME, b"no image")
    assert error.value.code() is client["grpc"].StatusCode.INVALID_ARGUMENT
    assert "label_bytes[0] is not a PNG" in error.value.details()


@contextlib.contextmanager
def _rest_server(served):
    """The part of TensorFlow Serving's REST API that the README uses."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802, the library's name
            assert self.path == f"/v1/models/{NAME}"
            self._answer({"model_version_status": [{"state": "AVAILABLE"}]})

        def do_POST(self):  # noqa: N802
            assert self.path == f"/v1/models/{NAME}:predict"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            specs = served["serving_default"].structured_input_signature[1]
            inputs = {
                key: tf.constant(
                    [
                        base64.b64decode(x["b64"]) if "b64" in str(x) else x
                        for x in rows
                    ],
                    specs[key].dtype,
                )
                for key, rows in json.loads(body)["inputs"].items()
            }
            images = served["serving_default"](**inputs)["image_bytes"].numpy()
            encoded = [{"b64": base64.b64encode(x).decode()} for x in images]
            self._answer({"outputs": encoded})

        def _answer(self, content):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("language", "program"), [("sh", "sh"), ("python", None)])
def test_the_lines_of_the_readme(language, program, tiny_export, tiny_served, tmp_path):
    text = (tiny_export.folder / "README.md").read_text()
    [lines] = re.findall(f"```{language}\n(.*?)```", text, re.DOTALL)
    (tmp_path / "assets.extra").symlink_to(tiny_export.folder / "assets.extra")
    with _rest_server(tiny_served) as url:
        subprocess.run(
            [program or sys.executable, "-ec" if program else "-c", lines],
            cwd=tmp_path,
            env={"SERVER": url, "PATH": "/usr/bin:/bin"},
            check=True,
        )
    if program:
        answer = json.loads((tmp_path / "answer.json").read_text())
        image = base64.b64decode(answer["outputs"][0]["b64"])
    else:
        image = (tmp_path / "image.png").read_bytes()
    assert pixels(image).shape == (*SIZE, 3)
    assert np.ptp(pixels(image)) > 0
