"""Requests to the palette model, by TensorFlow Serving's REST API."""

import numpy as np

from tests.serving.palette_model import CLASSES, b64, png

URL = "/v1/models/palette"
LABEL = np.arange(24).reshape(4, 6).astype(np.uint8) % CLASSES


def row(label=LABEL, seed=0):
    return {"label_bytes": b64(png(label)), "instance_bytes": "", "seed": seed}
