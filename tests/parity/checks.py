"""A comparison with the reference, and the tolerances of the project."""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from unittest import mock

import numpy as np
import tensorflow as tf

from ccfpse_tf.layers import conditional_block, spade
from ccfpse_tf.layers.layer_normalized_convolution import LayerNormalizedConvolution
from ccfpse_tf.layers.normalized_convolution import NormalizedConvolution
from ccfpse_tf.ops import activations, layout_features
from tests.parity.rules import gaussian

EXACT = 0.0
ARITHMETIC = 1e-6  # relative: conditional convolution, losses, schedule, Adam
EVALUATION = 1e-5  # absolute: network outputs in evaluation mode
TRAINING = 5e-5  # absolute: network outputs in training mode, full-size outputs
OUTPUT = {"eval": EVALUATION, "train": TRAINING}
GRADIENT = 1e-4  # relative to each tensor's largest entry
# Relative to its length: twice what the reference's rounding does to that of a canvas.
GRADIENT_AT_KINKS = 7e-4
VANISHING = 1e-6  # of the network's largest gradient: this much is rounding
FLIPPED = " ReLU inputs change sign by rounding)"  # ends a check's name
STATE = 1e-5  # absolute: batch statistics and spectral vectors


@dataclass(frozen=True)
class Check:
    """A comparison: its name, its error and its tolerance."""

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
        if self.tolerance:
            return self.error / self.tolerance
        return np.inf if self.error else 0.0


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


def gradients(full: str, summary: str, data: dict, named: dict) -> Iterator[Check]:
    """Compares gradients, whole where the fixture holds them, else by summaries.

    Args:
        full: prefix of the keys that hold whole gradients.
        summary: prefix of ``names``, ``l2``, ``sum`` and ``probe``, which cover every
            parameter; the last is the product with a tensor that its name gives.
        data: the fixture.
        named: official parameter names to our gradients in the official layout.
    """
    columns = [data[f"{summary}/{key}"] for key in ("names", "l2", "sum", "probe")]
    largest = columns[1].max()
    for name, length, total, projection in zip(*columns, strict=True):
        key = f"{full}{name}"
        if length < 0:  # the reference never uses this parameter, and we have none
            if name in named:
                yield Check(f"{key} is used", np.inf, GRADIENT)
            continue
        ours = np.asarray(named[name], np.float64)
        if length < VANISHING * largest:
            # Zero but for rounding: a bias before a normalisation, say.
            yield Check(f"{key} vanishes", np.linalg.norm(ours) / largest, VANISHING)
            continue
        if key in data:
            yield relative(key, ours, data[key], GRADIENT)
        probe = gaussian(f"probe/{name}", ours.shape)
        for quantity, value, expected, unit in (
            ("l2", np.linalg.norm(ours), length, length),
            # A sum over n entries of error e is off by about e * sqrt(n).
            ("sum", ours.sum(), total, length * np.sqrt(ours.size)),
            ("probe", (ours * probe).sum(), projection, length),
        ):
            error = abs(float(value) - float(expected)) / float(unit)
            yield Check(f"{summary}/{name} {quantity}", error, GRADIENT)


@contextmanager
def recorded_signs() -> Iterator[list]:
    """Collects where the inputs of all (leaky) ReLUs are positive, call by call."""
    signs = []
    relu, leaky_relu = tf.nn.relu, activations.leaky_relu

    def recording(function):
        @functools.wraps(function)
        def call(x, *args, **kwargs):
            signs.append(np.asarray(x) > 0)
            return function(x, *args, **kwargs)

        return call

    def by_result(function):
        # The activation runs in a compiled function; what it makes tells the sign too.
        @functools.wraps(function)  # Keras asks a call for its arguments
        def call(*args, **kwargs):
            with (
                mock.patch.object(tf.nn, "relu", relu),
                mock.patch.object(activations, "leaky_relu", leaky_relu),
            ):
                outputs = function(*args, **kwargs)
            signs.extend(np.asarray(x) > 0 for x in tf.nest.flatten(outputs))
            return outputs

        return call

    with ExitStack() as stack:
        for owner, name, patch in (
            (tf.nn, "relu", recording),
            (activations, "leaky_relu", recording),
            (layout_features, "layout_convolution", by_result),
            (conditional_block, "attended", by_result),
            (spade, "modulate_and_activate", by_result),
            (NormalizedConvolution, "call", by_result),
            (LayerNormalizedConvolution, "call", by_result),
        ):
            changed = patch(getattr(owner, name))
            stack.enter_context(mock.patch.object(owner, name, changed))
        yield signs


def across_kinks(run: Callable[[str], Iterator[Check]]) -> Iterator[Check]:
    """Runs a comparison in float32, and gradients at a kink again in float64.

    Among millions of ReLU inputs one may be nearer to 0 than float32's rounding. Then
    its gradient is either of two values, by luck, here as in the reference. Only where
    signs really differ between the two precisions, failing gradients are replaced by
    those of float64, against the same fixture; their names then say so.

    Args:
        run: the comparison in a given dtype, with eager calls.
    """
    with recorded_signs() as signs:
        checks = list(run("float32"))
    limits = GRADIENT, GRADIENT_AT_KINKS
    failing = {i for i, x in enumerate(checks) if x.tolerance in limits}
    failing = {i for i in failing if not checks[i].passed}
    if failing:
        with recorded_signs() as exact_signs:
            exact = list(run("float64"))
        if len(exact) != len(checks):
            raise ValueError(
                f"{len(checks)} checks in float32 and {len(exact)} in float64"
            )
        flips = count_flips(signs, exact_signs)
        for i in failing if flips else ():
            checks[i] = replace(exact[i], name=exact[i].name + flipped(flips))
    yield from checks


def count_flips(signs: list, exact_signs: list) -> int:
    """Differing signs in two lists of :func:`recorded_signs`."""
    pairs = zip(signs, exact_signs, strict=True)
    return sum(int((a != b).sum()) for a, b in pairs)


def flipped(count: int) -> str:
    """The part of a check's name that says that float64 was used at a kink."""
    return f" (float64: {count}{FLIPPED}"
