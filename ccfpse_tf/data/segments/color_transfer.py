"""The linear Monge-Kantorovich transfer of colours (Pitie and Kokaram 2007)."""

from __future__ import annotations

import numpy as np

_LEAST = 1e-6  # of variances, for segments of one colour


def recolored(pixels: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Gives pixels the mean and the covariance of others, with the least movement.

    ``T = A^-1/2 (A^1/2 B A^1/2)^1/2 A^-1/2`` for the covariances A and B.

    Args:
        pixels: uint8 ``(n, 3)``.
        target: uint8 ``(m, 3)``; ``pixels`` themselves come back where it has fewer
            than two.

    Returns:
        uint8 ``(n, 3)``.
    """
    if min(len(pixels), len(target)) < 2:
        return pixels
    x, y = pixels / 255, target / 255
    a, b = (np.cov(part.T) + _LEAST * np.eye(3) for part in (x, y))
    root, inverse = _power(a, 0.5), _power(a, -0.5)
    transfer = inverse @ _power(root @ b @ root, 0.5) @ inverse
    moved = (x - x.mean(0)) @ transfer + y.mean(0)
    return np.clip(np.rint(moved * 255), 0, 255).astype(np.uint8)


def _power(matrix, exponent):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, 0) ** exponent) @ vectors.T
