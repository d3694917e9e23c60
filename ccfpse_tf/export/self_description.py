"""The description that an exported model gives of itself."""

import base64
import io
import json
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
from PIL import Image

from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.data.description import Description
from ccfpse_tf.export.endpoints import FORMAT
from ccfpse_tf.export.id_table import IdTable
from ccfpse_tf.export.sizes import Sizes
from ccfpse_tf.runs.run_folder import PACKAGES

MOST_STYLES = 12  # what the painting page shows in one strip


def describe(
    data: Description,
    ids: IdTable,
    sizes: Sizes,
    *,
    image_size: tuple[int, int],
    z_dim: int,
    step: int,
    precision: str,
    examples: list[dict[str, str]],
    styles: Sequence[dict] = (),
    uses_instances: bool = True,
) -> dict:
    """Returns the content of the ``describe`` signature's JSON.

    Args:
        data: the description of the records.
        ids: their file ids.
        sizes: of the images that can be generated.
        image_size: ``(height, width)`` of the training.
        z_dim: length of the style code, 0 without.
        step: the number of steps that the model was trained for.
        precision: of the export.
        examples: from :func:`encoded_example`.
        styles: from :func:`encoded_style`, for ``synthesize_bytes``; the key is left
            out where there are none. `export` writes none.
        uses_instances: False for a model that takes instance maps as its data have
            them, and draws the same whatever is in them.

    Raises:
        ValueError: more styles than ``MOST_STYLES``, or one that is not of the model.
    """
    if len(styles) > MOST_STYLES:
        raise ValueError(f"{len(styles)} styles; at most {MOST_STYLES} are shown")
    for style in styles:
        if len(style["z"]) != z_dim:
            raise ValueError(
                f"style {style['name']!r} has {len(style['z'])} values, the model's "
                f"code {z_dim}"
            )
    known = DATASETS.get(data.name)
    classes = [
        {
            "index": index,
            "file_id": ids.file_id(index),
            "name": name,
            "color": "#{:02x}{:02x}{:02x}".format(*color),
        }
        for index, (name, color) in enumerate(
            zip(data.index_names, data.index_palette, strict=True)
        )
    ]
    return {
        "format": FORMAT,
        "name": data.name,
        "title": known.title if known else data.name,
        "step": step,
        "image_size": list(sizes.fixed or image_size),
        "any_size": sizes.fixed is None,
        "size_multiple": sizes.multiple,
        "instances": data.instances,
        "uses_instances": data.instances and uses_instances,
        "z_dim": z_dim,
        "seed": "style" if z_dim else "ignored: this model has no style code",
        "classes": classes,
        "dont_care_index": data.dont_care_index,
        "precision": precision,
        "versions": {name: version(name) for name in PACKAGES},
        "examples": examples,
        **({"styles": list(styles)} if styles else {}),
    }


def to_json(description: dict) -> str:
    """The description as text, ASCII only."""
    return json.dumps(description, separators=(",", ":"))


def encoded_example(
    label: np.ndarray, instance: np.ndarray | None, ids: IdTable
) -> dict[str, str]:
    """One layout as PNGs in base64: ``label_bytes`` and ``instance_bytes``.

    Args:
        label: class indices ``(height, width)``.
        instance: ids of that shape, or None: then ``instance_bytes`` is empty.
        ids: the file ids that are written.
    """
    found = np.unique(label).tolist()
    table = np.zeros(max(found) + 1, np.int64)
    for index in found:
        value = ids.file_id(index)
        if value is None:
            raise ValueError(f"class index {index} has no file id")
        table[index] = value
    instance_bytes = ""
    if instance is not None:
        # Any ids of 16 bits will do, as only the places where they change matter.
        _, small = np.unique(instance, return_inverse=True)
        instance_bytes = _png(small.reshape(instance.shape))
    return {"label_bytes": _png(table[label]), "instance_bytes": instance_bytes}


def encoded_style(name: str, z: np.ndarray, image: np.ndarray) -> dict:
    """A style to choose from: ``{"name": ..., "z": [...], "image": PNG in base64}``.

    Args:
        name: shown, and what `ccfpse generate --style-name` takes.
        z: the style code ``(z_dim,)``, finite.
        image: a small picture in that style, uint8 ``(height, width, 3)``.
    """
    # The shortest decimals that give these floats again, not their doubles'.
    code = [float(str(value)) for value in np.asarray(z, np.float32)]
    if not np.isfinite(code).all():
        raise ValueError(f"style {name!r}: its code is not finite")
    return {"name": name, "z": code, "image": _png(image)}


def _png(values):
    file = io.BytesIO()
    kind = np.uint8 if values.max() < 256 else np.uint16
    Image.fromarray(values.astype(kind)).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()
