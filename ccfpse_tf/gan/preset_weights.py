"""The weights of a preset: out of a trained model, and into another one."""

from collections.abc import Mapping

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.arrays import differing_shapes, variable_names
from ccfpse_tf.gan.synthesizer import Synthesizer


def named_variables(network) -> dict[str, object]:
    """Returns a network's variables by place and path, without its own name."""
    paths = (variable.path.partition("/")[2] for variable in network.weights)
    return dict(zip(variable_names(paths), network.weights, strict=True))


def stored_weights(model: Synthesizer) -> dict[str, np.ndarray]:
    """Returns the weights of generator and style encoder as a preset stores them.

    Kernels are rounded to float16, vectors stay float32: they are small, and batch
    statistics may be large numbers.

    Args:
        model: whose ``drawing_generator`` is stored, the average where there is one.
    """
    found = {}
    for part, network in _parts(model).items():
        for name, variable in named_variables(network).items():
            found[f"{part}/{name}"] = _stored(np.asarray(variable))
    return found


def load_weights(
    model: Synthesizer, weights: Mapping[str, np.ndarray], source: str, way_out: str
) -> None:
    """Puts a preset's weights into a model, also into its running average.

    Args:
        model: built; nothing is assigned if the weights do not fit.
        weights: as :func:`stored_weights` returns them.
        source: names the preset in messages.
        way_out: for messages, when shapes differ.

    Raises:
        InputError: weights that are missing, needless or of another shape.
    """
    variables = {
        f"{part}/{name}": variable
        for part, network in _parts(model).items()
        for name, variable in named_variables(network).items()
    }
    problems = differing_shapes(
        {name: values.shape for name, values in weights.items()},
        {name: tuple(variable.shape) for name, variable in variables.items()},
    )
    if problems:
        raise InputError(
            f"{source}: its weights do not fit the networks:\n  "
            + "\n  ".join(problems)
            + f"\n{way_out}"
        )
    for name, variable in variables.items():
        variable.assign(weights[name].astype(np.float32))
    if model.average is not None:
        trained = named_variables(model.generator)
        for name, variable in trained.items():
            variable.assign(weights[f"generator/{name}"].astype(np.float32))


def _parts(model):
    parts = {"generator": model.drawing_generator}
    return parts if model.encoder is None else parts | {"encoder": model.encoder}


def _stored(values):
    if values.ndim < 2:
        return values
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    return half if np.isfinite(half).all() else values
