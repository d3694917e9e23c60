"""A session that stands in for ONNX Runtime's, which need not be installed."""

import json
from types import SimpleNamespace

import numpy as np

from ccfpse_tf.presets.preset_files import ENCODER_GRAPH, GRAPH
from tests.presets.made import LAYOUT, invented

DESCRIPTION = {"format": 1, "image_size": list(LAYOUT.shape), "z_dim": 4}
GRAPHS = {GRAPH: b"a generator", ENCODER_GRAPH: b"an encoder"}


def preset(**changes):
    """A preset with graphs, of which :func:`open_graph` knows what they do."""
    return invented(**{"graphs": GRAPHS, "source": "presets/tiny"} | changes)


class Session:
    """Draws labels, instances and the code's first two values, as numbers of levels."""

    def __init__(self, description):
        self.description = description

    def get_modelmeta(self):
        text = json.dumps(self.description)
        return SimpleNamespace(custom_metadata_map={"description": text})

    def run(self, names, inputs):
        if names == ["mean"]:
            return [inputs["image"].mean((1, 2, 3))[:, None] * np.ones((1, 4))]
        label = inputs["label"]
        levels = [label, inputs.get("instance", label)]
        z = inputs["z"][:, :1] if "z" in inputs else np.zeros((len(label), 1))
        levels.append(np.broadcast_to(z[..., None], label.shape))
        return [np.stack(levels, -1).astype(np.uint8)]


def open_graph(preset, name, part):
    """See :func:`ccfpse_tf.export.onnx_session.open_graph`."""
    assert preset.graphs[name] and part in ("generator", "encoder")
    return Session(DESCRIPTION | {"z_dim": 4 if preset.styles else 0})
