"""The functions that a server offers of a preset."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from ccfpse_tf.export.assembly import assemble
from ccfpse_tf.export.endpoints import Endpoints
from ccfpse_tf.export.self_description import encoded_style
from ccfpse_tf.generation.preset_model import PresetModel


def preset_endpoints(preset: str | Path) -> Endpoints:
    """Builds a preset's model, with its example layouts and its styles.

    Args:
        preset: the name of one that the package ships, or a folder.

    Raises:
        InputError: an unknown name, a damaged preset, one of another version.
    """
    trained = PresetModel(preset)
    found = trained.preset
    endpoints, _ = assemble(
        trained.model,
        found.data,
        layouts=trained.layouts(),
        styles=[
            encoded_style(
                f"style {number}",
                style.code,
                np.asarray(Image.open(io.BytesIO(style.picture)).convert("RGB")),
            )
            for number, style in enumerate(found.styles, 1)
        ],
        step=found.step,
    )
    return endpoints
