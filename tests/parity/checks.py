"""One comparison, and the tolerances that the project holds itself to."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tests.parity.rules import gaussian

EXACT = 0.0
ARITHMETIC = 1e-6  # relative: conditional convolution, losses, schedule, Adam
EVALUATION = 1e-5  # absolute: network outputs in evaluation mode
TRAINING = 5e-5  # absolute: network outputs in training mode, full-size outputs
GRADIENT = 1e-4  # relative to each tensor's largest entry
STATE = 1e-5  # absolute: batch statistics and spectral vectors


@dataclass(frozen=True)
class Check:
    """What was compared, how far apart it is, and how far it may be."""

    name: str
    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """A NaN is not below any tolerance."""
        return self.error <= self.tolerance

    @property
    def strain(self) -> float:
        """Error in units of the tolerance; the largest one is shown."""
        if np.isnan(self.error):
            return np.inf
        return self.error / self.tolerance if self.tolerance else self.error * np.inf


def absolute(name: str, ours, theirs, tolerance: float) -> Check:
    """Largest absolute difference; shapes have to be equal."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    if ours.shape != theirs.shape:
        return Check(f"{name} {ours.shape} is not {theirs.shape}", np.inf, tolerance)
    difference = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
    return Check(name, float(difference.max(initial=0)), tolerance)


def relative(name: str, ours, theirs, tolerance: float) -> Check:
    """Largest absolute difference in units of the tensor's largest entry."""
    check = absolute(name, ours, theirs, tolerance)
    largest = float(np.abs(np.asarray(theirs, np.float64)).max(initial=0))
    return Check(check.name, check.error / (largest or 1.0), tolerance)


def gradient_summaries(tag: str, data: dict, gradients: dict) -> Iterator[Check]:
    """Compares length, sum and a random projection of every parameter's gradient.

    Args:
        tag: prefix of ``names``, ``l2``, ``sum`` and ``probe`` in the fixture.
        data: the fixture.
        gradients: official parameter names to gradients in the official layout.
    """
    columns = (data[f"{tag}/{column}"] for column in ("names", "l2", "sum", "probe"))
    for name, length, total, projection in zip(*columns, strict=True):
        if length < 0:  # the reference never uses this parameter, and we have none
            if name in gradients:
                yield Check(f"{tag}/{name} is used", np.inf, GRADIENT)
            continue
        ours = np.asarray(gradients[name], np.float64)
        probe = gaussian(f"probe/{name}", ours.shape)
        # A sum over n entries of error e is off by about e * sqrt(n).
        scale = max(float(length), 1e-30)
        for quantity, value, expected, unit in (
            ("l2", np.linalg.norm(ours), length, scale),
            ("sum", ours.sum(), total, scale * np.sqrt(ours.size)),
            ("probe", (ours * probe).sum(), projection, scale),
        ):
            error = abs(float(value) - float(expected)) / unit
            yield Check(f"{tag}/{name} {quantity}", error, GRADIENT)
