"""The weights that fixtures name instead of holding, from their manifest's rules.

Every tensor is a function of its name: a PCG64 stream seeded by the name's CRC-32, then
scaled by what kind of tensor it is. See ``weight_rules`` in the manifest.
"""

import zlib

import numpy as np

GAINS = {"conv_img.weight": 0.5}
POWER_ITERATIONS = 2


def gaussian(name: str, shape) -> np.ndarray:
    """Standard normal float32 values that belong to ``name``."""
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    return generator.standard_normal(tuple(shape), dtype=np.float32)


def tensor(prefix: str, name: str, shape, rule: str, gain: float = 1.0) -> np.ndarray:
    """A state-dictionary tensor, but for spectral vectors, by ``rule`` full or q8."""
    coarse = rule.startswith("q8")
    x = gaussian(prefix + name, shape)
    if coarse:
        x = np.rint(x * np.float32(8)) / np.float32(8)
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "running_var":
        return np.abs(x) + np.float32(0.5)
    if leaf == "running_mean":
        return x * np.float32(0.125 if coarse else 0.1)
    if leaf == "bias":
        return x * np.float32(0.0625 if coarse else 0.05)
    if len(shape) <= 1:
        return np.float32(1) + x * np.float32(0.125 if coarse else 0.1)
    scale = gain * GAINS.get(name, 1.0) / np.sqrt(np.prod(shape[1:]))
    if coarse:
        scale = 2.0 ** np.rint(np.log2(scale))
    return x * np.float32(scale)


def spectral_vectors(prefix: str, layer: str, kernel) -> tuple:
    """``u``, ``v`` after two power iterations on ``kernel`` ``(out, in, kh, kw)``."""
    matrix = kernel.reshape(kernel.shape[0], -1).astype(np.float64)
    u = gaussian(f"{prefix}{layer}.weight_u", matrix.shape[:1]).astype(np.float64)
    u /= np.linalg.norm(u)
    for _ in range(POWER_ITERATIONS):
        v = matrix.T @ u
        v /= max(np.linalg.norm(v), 1e-12)
        u = matrix @ v
        u /= max(np.linalg.norm(u), 1e-12)
    return u.astype(np.float32), v.astype(np.float32)


def state(prefix: str, shapes: dict, rule: str, stored: dict) -> dict:
    """A whole state dictionary; what is in ``stored`` is taken from there."""
    made = dict(stored)
    for name, shape in shapes.items():
        if name not in made and not name.endswith((".weight_u", ".weight_v")):
            made[name] = tensor(prefix, name, shape, rule)
    for name in shapes:
        if name.endswith(".weight_u") and name not in made:
            layer = name.removesuffix(".weight_u")
            u, v = spectral_vectors(prefix, layer, made[f"{layer}.weight_orig"])
            made[name], made[f"{layer}.weight_v"] = u, v
    return made
