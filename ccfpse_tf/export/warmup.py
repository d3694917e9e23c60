"""Warm-up requests, which TensorFlow Serving replays before a version gets traffic."""

from pathlib import Path

import numpy as np
import tensorflow as tf

FILE_NAME = "tf_serving_warmup_requests"
MISSING = (
    "no warm-up requests were written, so a server's first answers are slow: "
    "pip install --no-deps tensorflow-serving-api and export again"
)


def write_warmup(
    path: Path, name: str, requests: dict[str, list[dict[str, np.ndarray]]]
) -> bool:
    """Writes ``PredictionLog`` records, one for each request.

    Args:
        path: of the file, named ``FILE_NAME``, in ``assets.extra``.
        name: of the served model.
        requests: from :func:`ccfpse_tf.export.requests.sample_requests`.

    Returns:
        Whether they were: they need the package ``tensorflow-serving-api``.
    """
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError:
        return False
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, several in requests.items():
            for inputs in several:
                request = predict_pb2.PredictRequest()
                request.model_spec.name = name
                request.model_spec.signature_name = signature
                for key, value in inputs.items():
                    request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
                log = prediction_log_pb2.PredictionLog()
                log.predict_log.request.CopyFrom(request)
                writer.write(log.SerializeToString())
    return True
