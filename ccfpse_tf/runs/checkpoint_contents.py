"""What a checkpoint holds, by name, and whether it is what a model needs."""

import re
from collections.abc import Mapping
from pathlib import Path

import keras
import tensorflow as tf

from ccfpse_tf.config import Config
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.arrays import differing_shapes, variable_names
from ccfpse_tf.runs.checkpoint_folder import read_facts
from ccfpse_tf.runs.run_folder import network_settings

NETWORKS = "networks"  # in checkpoint.json: the settings that its networks have
_STATE = "state"  # prefix of TensorFlow's files
_SCALES = "loss_scales"
_END = "/.ATTRIBUTES/VARIABLE_VALUE"


def contents(
    model: keras.Model, loss_scales: Mapping[str, tf.Variable]
) -> tf.train.Checkpoint:
    """Returns everything that a checkpoint of a model holds.

    Args:
        model: as :class:`ccfpse_tf.runs.checkpoints.CheckpointStore` takes it.
        loss_scales: its own, or those of another precision.
    """
    parts = model.checkpoint_variables().items()
    return tf.train.Checkpoint(
        **{name: _named(variables) for name, variables in parts},
        **({_SCALES: loss_scales} if loss_scales else {}),
    )


def prefix_of(path: Path) -> str:
    """Returns what TensorFlow calls the files in a checkpoint's folder."""
    return str(path / _STATE)


def saved_scales(path: Path) -> dict[str, tf.Variable]:
    """Returns the loss scales in a checkpoint.

    Raises:
        tensorflow.errors.OpError: damaged files.
    """
    prefix = prefix_of(path)
    return {
        name.partition("/")[2]: tf.Variable(
            tf.train.load_variable(prefix, f"{name}{_END}")
        )
        for name in _saved_shapes(path)
        if name.startswith(f"{_SCALES}/")
    }


def check_networks(
    model: keras.Model, path: Path, config: Config | None, named: str
) -> None:
    """Checks that a checkpoint is of a model's networks and optimisers.

    Args:
        model: the model; one that is not compiled leaves the optimisers unread.
        path: folder of the checkpoint.
        config: that the model was built from, if it is known.
        named: the file of that config, for the message.

    Raises:
        InputError: of others; what differs, and the way out.
        tensorflow.errors.OpError: damaged files.
    """
    needed = {
        f"{part}/{name}": tuple(variable.shape)
        for part, variables in model.checkpoint_variables().items()
        for name, variable in _named(variables).items()
    }
    found = {
        name: shape
        for name, shape in _saved_shapes(path).items()
        if name.startswith("model/")
        or (model.compiled and not name.startswith(f"{_SCALES}/"))
    }
    if found == needed:
        return
    settings = [] if config is None else _other_settings(path, config)
    parts = _other_parts(found, needed, config)
    lines = settings or parts or _other_shapes(found, needed)
    raise InputError(
        f"{path}: cannot be restored: it is of other networks than {named} asks for:"
        + "".join(f"\n  {line}" for line in lines)
        + "\nPut the settings back to what they were when it was saved, or start "
        "another run (--run) for other networks. No checkpoint was changed."
    )


def _other_settings(path, config):
    """The settings of a run that were others when the checkpoint was saved."""
    stored = read_facts(path).get(NETWORKS, {})
    return [
        f"{key}: the checkpoint has {stored[key]!r}, config.json {asked!r}"
        for key, asked in network_settings(config).items()
        if key in stored and stored[key] != asked
    ]


def _other_parts(found, needed, config):
    """The networks by the names of their weights, where these are others."""
    stored, asked = _parts(found), _parts(needed)
    if stored == asked:
        return []
    chosen = ""
    if config is not None:
        chosen = (
            f" for generator.architecture={config.generator.architecture} "
            f"discriminator.architecture={config.discriminator.architecture}"
        )
    return [
        f"networks: the checkpoint has {', '.join(stored)}; needed{chosen} are "
        f"{', '.join(asked)}"
    ]


def _other_shapes(found, needed):
    """The first variables that differ: weights, else those of the optimisers."""
    weights = (
        {name: shape for name, shape in shapes.items() if name.startswith("model/")}
        for shapes in (found, needed)
    )
    return differing_shapes(*weights) or differing_shapes(found, needed)


def _parts(names):
    """Names of networks: ``spade_generator`` of ``model/0004.spade_generator/...``."""
    weights = (name.partition(".")[2] for name in names if name.startswith("model/"))
    return sorted({path.partition("/")[0] for path in weights if path.count("/") > 1})


def _saved_shapes(path):
    """Shapes by the names that the variables had in :func:`contents`."""
    return {
        # TensorFlow has doubled dots, and written .S for slashes.
        re.sub(r"\.([.S])", lambda x: "/" if x[1] == "S" else ".", stem): tuple(shape)
        for name, shape in tf.train.list_variables(prefix_of(path))
        if (stem := name.removesuffix(_END)) != name
    }


def _named(variables) -> dict[str, tf.Variable]:
    """Keys a list of Keras variables by place and path.

    ``tf.train.Checkpoint(model=model)`` would leave out every layer that Keras 3 holds
    in a list. Paths alone will not do either: Keras numbers them by process.
    """
    names = variable_names(variable.path for variable in variables)
    return {
        name: variable.value for name, variable in zip(names, variables, strict=True)
    }
