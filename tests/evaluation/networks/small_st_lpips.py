"""ST-LPIPS with few channels, and a file of random weights for it."""

import dataclasses
from pathlib import Path

import numpy as np

from ccfpse_tf.evaluation.networks import st_lpips
from ccfpse_tf.files.digests import sha256_of_files
from tests.files import legacy


def narrow(monkeypatch) -> None:
    """Gives both networks 16 times fewer channels."""

    def narrower(step):
        if isinstance(step, st_lpips.Convolution):
            return dataclasses.replace(step, channels=step.channels // 16)
        return step

    for trunk, levels in st_lpips.TRUNKS.items():
        levels = tuple(tuple(map(narrower, steps)) for steps in levels)
        monkeypatch.setitem(st_lpips.TRUNKS, trunk, levels)


def state(trunk: str) -> dict[str, np.ndarray]:
    """Random weights; filters and scaling as they are in the true files."""
    rng = np.random.default_rng(0)
    found = {}
    for name, shape in st_lpips.shapes(trunk).items():
        if name.endswith("filt"):
            row = np.float32([1, 2, 1]) / 4
            value = np.broadcast_to(np.outer(row, row), shape)
        elif name == "scaling_layer.shift":
            value = np.reshape([-0.03, -0.088, -0.188], shape)
        elif name == "scaling_layer.scale":
            value = np.reshape([0.458, 0.448, 0.45], shape)
        elif name.startswith("lin"):
            value = rng.random(shape)
        else:
            value = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]) or 1)
        found[name] = np.asarray(value, np.float32)
    return found


def write(path: Path, monkeypatch, trunk: str = "alex", content=None) -> None:
    """Writes a file and makes it the one that the network expects."""
    legacy.write(path, state(trunk) if content is None else content)
    file = dataclasses.replace(
        st_lpips.FILES[trunk], sha256=sha256_of_files(path), module="no_such_package"
    )
    monkeypatch.setitem(st_lpips.FILES, trunk, file)
