"""Tries a model out before it is served."""

import base64
import json

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.serving.api_error import ApiError, from_tensorflow
from ccfpse_tf.serving.served_model import ServedModel

DESCRIBE_FORMAT = 1
_SECONDS = 300.0


def try_out(model: ServedModel, where: str) -> None:
    """Generates a model's first example, if it describes one.

    The first call of a graph is the slow one, and a version that cannot generate its
    own example is broken even if it loads.

    Args:
        model: freed if it fails.
        where: it comes from, for messages.

    Raises:
        InputError: it fails.
    """
    try:
        description = describe(model)
        for example in (description or {}).get("examples", [])[:1]:
            _draw(model, example)
    except Exception as error:
        known = isinstance(error, ApiError | ValueError | KeyError | TypeError)
        if not known and from_tensorflow(error) is None:
            raise
        model.retire()
        raise InputError(f"{where}: fails on its own example ({error})") from error


def describe(model: ServedModel) -> dict | None:
    """Returns a model's description of itself; None without such a signature."""
    if "describe" not in model.signatures:
        return None
    asked = {"format": np.array([DESCRIBE_FORMAT], np.int64)}
    found = model.run("describe", asked, _SECONDS)
    return json.loads(found["description_bytes"][0])


def draw_in_style(model: ServedModel) -> None:
    """Generates a model's first example in its first style, if it describes both."""
    description = describe(model) or {}
    for example in description.get("examples", [])[:1]:
        for style in description.get("styles", [])[:1]:
            _draw(model, example, "synthesize_bytes", style["z"])


def _draw(model, example, signature="serving_default", z=()):
    values = {"seed": np.zeros(1, np.int64), "z": np.array([z], np.float32)}
    for name in ("label_bytes", "instance_bytes"):
        values[name] = np.array([base64.b64decode(example.get(name) or "")], object)
    wanted = model.signatures[signature].inputs
    model.run(signature, {name: values[name] for name in wanted}, _SECONDS)
