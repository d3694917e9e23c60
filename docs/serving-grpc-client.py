"""Draws a label map with a served model, over gRPC.

    pip install tensorflow grpcio && pip install --no-deps tensorflow-serving-api
    python serving-grpc-client.py localhost:8500 ccfpse label.png image.png 7

The last argument is the seed of the style.
"""

import sys
from pathlib import Path

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc


def draw(server: str, model: str, label: bytes, seed: int = 0) -> bytes:
    """Returns the image of a label map, both PNG."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    inputs = {"label_bytes": tf.constant([label]), "seed": tf.constant([seed], "int64")}
    # Empty: no map of instances. Leave this out for models that have none.
    inputs["instance_bytes"] = tf.constant([b""])
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    with grpc.insecure_channel(server) as channel:
        service = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        answer = service.Predict(request, timeout=60)
    return answer.outputs["image_bytes"].string_val[0]


if __name__ == "__main__":
    server, model, label, image, seed = sys.argv[1:]
    picture = draw(server, model, Path(label).read_bytes(), int(seed))
    Path(image).write_bytes(picture)
