"""One real request for every signature of an export."""

import base64
import io

import numpy as np
from PIL import Image

from ccfpse_tf.export.endpoints import FORMAT
from ccfpse_tf.generation.pictures import colorize


def sample_requests(
    label: np.ndarray,
    instance: np.ndarray | None,
    example: dict[str, str],
    palette,
    z_dim: int,
) -> dict[str, list[dict[str, np.ndarray]]]:
    """Returns ``{signature: [inputs by name, ...]}``, batches of one.

    Args:
        label: class indices ``(height, width)``.
        instance: ids of that shape, or None in models without.
        example: the same layout from :func:`encoded_example`.
        palette: a colour for every class; the painted layout serves as style photo.
        z_dim: length of the style code; 0 leaves out what needs one.
    """
    photo = colorize(label, palette)
    arrays = {"label": label[None].astype(np.int32)}
    maps = {"label_bytes": _bytes(base64.b64decode(example["label_bytes"]))}
    seed = {"seed": np.zeros(1, np.int64)}
    made = {"describe": [{"format": np.full(1, FORMAT, np.int64)}]}
    serve = [dict(maps)]
    if instance is not None:
        arrays["instance"] = instance[None].astype(np.int32)
        maps["instance_bytes"] = _bytes(base64.b64decode(example["instance_bytes"]))
        # With the map, and with the empty string, which takes another way.
        serve = [maps, serve[0] | {"instance_bytes": _bytes(b"")}]
    made["serving_default"] = [inputs | seed for inputs in serve]
    if not z_dim:
        return made | {"synthesize": [arrays]}
    z = {"z": np.zeros((1, z_dim), np.float32)}
    return made | {
        "synthesize": [arrays | z],
        "synthesize_bytes": [maps | z],
        "stylize_bytes": [maps | {"style_bytes": _bytes(_png(photo))}],
        "stylize": [arrays | {"style_image": photo[None]}],
        "encode": [{"image": photo[None]}],
    }


def as_json(inputs: dict[str, np.ndarray]) -> dict[str, list]:
    """The inputs as REST's column format holds them: ``{"inputs": ...}``."""
    return {
        "inputs": {
            name: [{"b64": base64.b64encode(x).decode()} for x in value]
            if value.dtype == object
            else value.tolist()
            for name, value in inputs.items()
        }
    }


def _bytes(value):
    return np.array([value], object)


def _png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()
