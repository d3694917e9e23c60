"""A graph that stands in for ONNX Runtime's, which need not be installed."""

import json

import numpy as np

from ccfpse_tf.presets.preset_files import ENCODER_GRAPH, GRAPH
from tests.presets.made import LAYOUT, invented

DESCRIPTION = {"format": 1, "image_size": list(LAYOUT.shape), "z_dim": 4}
GRAPHS = {GRAPH: b"a generator", ENCODER_GRAPH: b"an encoder"}


def preset(**changes):
    """A preset with graphs, of which :func:`open_graph` knows what they do."""
    return invented(**{"graphs": GRAPHS, "source": "presets/tiny"} | changes)


class Graph:
    """Draws labels, instances and the code's first two values, as numbers of levels."""

    def __init__(self, description):
        self.description = json.dumps(description)
        self.stopped = 0

    def stop(self):
        self.stopped += 1

    def run(self, output, inputs):
        if output == "mean":
            return inputs["image"].mean((1, 2, 3))[:, None] * np.ones((1, 4))
        label = inputs["label"]
        levels = [label, inputs.get("instance", label)]
        z = inputs["z"][:, :1] if "z" in inputs else np.zeros((len(label), 1))
        levels.append(np.broadcast_to(z[..., None], label.shape))
        return np.stack(levels, -1).astype(np.uint8)


def open_graph(preset, name, part):
    """See :func:`ccfpse_tf.export.onnx_session.open_graph`."""
    assert preset.graphs[name] and part in ("generator", "encoder")
    return Graph(DESCRIPTION | {"z_dim": 4 if preset.styles else 0})
