"""Converts weights of our networks from and to official state dictionaries.

These are plain dictionaries of NumPy arrays, so nothing here needs PyTorch.
"""

from collections.abc import Mapping

import numpy as np

from ccfpse_tf.convert.official_tensors import (
    MatchedTensor,
    entries,
    is_unused,
    tensors,
)
from ccfpse_tf.errors import InputError


def load_official(part, state: Mapping[str, np.ndarray]) -> list[str]:
    """Sets all weights from an official state dictionary.

    Args:
        part: a built generator, discriminator, encoder or conditional block.
        state: official names to arrays, ``OIHW`` kernels as PyTorch has them.

    Returns:
        The official names that were dropped because nothing reads them.

    Raises:
        InputError: tensors missing, left over, or of another shape; all are named, and
            no weight has been changed.
    """
    problems, values = [], []
    wanted = list(entries(part))
    for entry in wanted:
        if entry.name not in state:
            problems.append(f"{entry.name}: missing")
            continue
        value = np.asarray(state[entry.name])
        shape = entry.to_official(np.zeros(entry.variable.shape)).shape
        if value.shape != shape:
            problems.append(f"{entry.name}: shape {value.shape}, expected {shape}")
            continue
        values.append((entry.variable, entry.from_official(value)))
    rest = sorted(set(state) - {entry.name for entry in wanted})
    dropped = [name for name in rest if is_unused(name)]
    problems += [f"{name}: not in this model" for name in set(rest) - set(dropped)]
    if problems:
        raise InputError(
            f"the checkpoint does not fit {type(part).__name__}; check width, depth, "
            "class count and style code:\n  " + "\n  ".join(sorted(problems))
        )
    for variable, value in values:
        variable.assign(value)
    return dropped


def official_state(part) -> dict[str, np.ndarray]:
    """The weights under official names and layouts, without the unused tensors."""
    return {entry.name: _value(entry) for entry in entries(part)}


def complete_state(part) -> dict[str, np.ndarray]:
    """As the official code saves it: every name, in its order, unused tensors too.

    These have their first values there: ones, zeros, and a count of 0.
    """
    return {
        tensor.name: _value(tensor)
        if isinstance(tensor, MatchedTensor)
        else tensor.value
        for tensor in tensors(part)
    }


def _value(entry):
    value = entry.to_official(np.asarray(entry.variable))
    return np.array(value, order="C")  # a copy, as most layouts are mere views
