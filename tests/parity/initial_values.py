"""Initial values against statistics of one draw by the official code."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ccfpse_tf.convert.state import official_state
from tests.parity import fixture as build
from tests.parity.checks import Check

# The networks that the statistics were taken from.
COCO_STUFF = {
    "dataset_mode": "coco",
    "semantic_nc": 184,
    "crop_size": 256,
    "aspect_ratio": 1.0,
    "ngf": 64,
    "ndf": 64,
    "z_dim": 256,
    "use_vae": True,
}


def statistics(path: Path) -> Iterator[Check]:
    """Mean, standard deviation and range of every tensor, within sampling error."""
    makers = {"G": build.generator, "D": build.discriminator, "E": build.encoder}
    for net, expected in json.loads(path.read_text())["stats"].items():
        state = official_state(makers[net](COCO_STUFF))
        for name, theirs in expected.items():
            if name in state:
                yield from _tensor(f"{net}/{name}", state[name], theirs)


def _tensor(name, ours, theirs):
    if list(ours.shape) != theirs["shape"]:
        yield Check(f"{name} {ours.shape} is not {theirs['shape']}", np.inf, 0.0)
        return
    std = theirs["std"]
    if ours.ndim == 1 and name.endswith(".weight"):
        # Exactly 1 in the official training, which synchronises its batch norm.
        yield Check(f"{name} is 1", float(np.abs(ours - 1).max()), 0.0)
        return
    if std == 0:
        error = float(np.abs(ours - theirs["mean"]).max())
        yield Check(f"{name} is constant", error, 0.0)
        return
    # Both are samples: five standard errors, each of our draw and of theirs.
    error = 5 * np.sqrt(2 / ours.size)
    yield Check(f"{name} mean", abs(ours.mean() - theirs["mean"]) / std, error)
    yield Check(f"{name} std", abs(ours.std() / std - 1), error)
    if name.endswith("weight_orig"):  # uniform: the bound tells it from a normal
        bound = 1 / np.sqrt(np.prod(ours.shape[1:]))
        excess = max(0.0, float(np.abs(ours).max()) / bound - 1)
        yield Check(f"{name} range", excess, 1e-6)
