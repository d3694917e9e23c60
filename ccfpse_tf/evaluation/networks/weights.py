"""Reads weights of the evaluation networks from the original repositories' files."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.evaluation.networks.drn import Upsampling
from ccfpse_tf.evaluation.networks.original_modules import DECODER, ENCODER, modules
from ccfpse_tf.evaluation.networks.upernet import INPUT_RULES
from ccfpse_tf.files.arrays import write_arrays

# Buffers that only files of some PyTorch versions hold; evaluation never reads them.
_OPTIONAL = re.compile(
    r"(^|\.)(num_batches_tracked|_tmp_running_mean|_tmp_running_var|_running_iter)$"
)
# The first kernel's mean absolute value. Weights for inputs of 0..255 are some 60 times
# smaller than those for inputs of standard deviation 1: trained ones are near 0.1, or
# near 0.002. Between the two limits neither is believed.
LEAST_FOR_IMAGENET = 0.02
MOST_FOR_CAFFE = 0.008
_TELLING_KERNEL = "conv1.weight"


@dataclass(frozen=True)
class StoredTensor:
    """One tensor of a file: its name, our variable, and how values change layout."""

    name: str
    variable: object
    to_file: Callable[[np.ndarray], np.ndarray]
    from_file: Callable[[np.ndarray], np.ndarray]

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape in the file."""
        return self.to_file(np.empty(self.variable.shape, np.bool_)).shape


def entries(network) -> Iterator[StoredTensor]:
    """All tensors that a network's file has to hold.

    Raises:
        TypeError: a network without original counterpart.
    """
    for name, layer in modules(network):
        name = name.removeprefix(ENCODER).removeprefix(DECODER)
        if isinstance(layer, keras.layers.Conv2D):
            yield StoredTensor(f"{name}.weight", layer.kernel, _out_first, _out_last)
            if layer.bias is not None:
                yield StoredTensor(f"{name}.bias", layer.bias, _same, _same)
        elif isinstance(layer, keras.layers.BatchNormalization):
            for ending, variable in (
                ("weight", layer.gamma),
                ("bias", layer.beta),
                ("running_mean", layer.moving_mean),
                ("running_var", layer.moving_variance),
            ):
                yield StoredTensor(f"{name}.{ending}", variable, _same, _same)
        elif isinstance(layer, Upsampling):
            kernel = layer.kernel
            yield StoredTensor(f"{name}.weight", kernel, _channel_first, _channel_last)


def _same(value):
    return value


def _out_first(value):
    return value.transpose(3, 2, 0, 1)


def _out_last(value):
    return value.transpose(2, 3, 1, 0)


def _channel_first(value):
    return value.transpose(2, 0, 1)[:, None]


def _channel_last(value):
    return value[:, 0].transpose(1, 2, 0)


def load(network, state: Mapping[str, np.ndarray], source: str = "the file") -> None:
    """Sets all weights from a state dictionary.

    Args:
        network: one of the three evaluation networks.
        state: original names to arrays; see :func:`plain_names` for what may differ.
        source: where it comes from, for the message.

    Raises:
        DataErrors: tensors missing, left over, of another shape or not finite; all are
            in its list, and no weight has been changed.
    """
    state = plain_names(state)
    wanted = {entry.name: entry for entry in entries(network)}
    problems, values = [], []
    for name, entry in wanted.items():
        if name not in state:
            problems.append(f"{name}: missing")
            continue
        value = np.asarray(state[name])
        if value.shape != entry.shape:
            problems.append(f"{name}: shape {value.shape}, expected {entry.shape}")
        elif not np.isfinite(value).all():
            problems.append(f"{name}: holds values that are not finite")
        else:
            values.append((entry.variable, entry.from_file(value)))
    problems += [
        f"{name}: not in this network"
        for name in state
        if name not in wanted and not _OPTIONAL.search(name)
    ]
    if problems:
        what = f"{type(network).__name__} with {network.classes} classes"
        raise DataErrors(sorted(problems), f"{source}, read as {what}")
    for variable, value in values:
        variable.assign(value)


def original_state(network) -> dict[str, np.ndarray]:
    """A network's weights under the original names and in the original layout."""
    return {e.name: e.to_file(np.asarray(e.variable)) for e in entries(network)}


def plain_names(state: Mapping) -> dict[str, np.ndarray]:
    """Undoes what training code wraps around the names.

    A training checkpoint (``{"state_dict": ..., "epoch": ...}``) gives its state
    dictionary; ``module.`` (of ``DataParallel``) before every name goes, and
    ``scale.`` (of DeepLab's files of 2018) becomes ``base.``.
    """
    inner = state.get("state_dict")
    if isinstance(inner, Mapping):
        state = inner
    elif any(name.startswith("state_dict.") for name in state):
        state = {
            name.removeprefix("state_dict."): value
            for name, value in state.items()
            if name.startswith("state_dict.")
        }
    for prefix, instead in (("module.", ""), ("scale.", "base.")):
        if state and all(name.startswith(prefix) for name in state):
            state = {
                instead + name.removeprefix(prefix): x for name, x in state.items()
            }
    return dict(state)


def read_state(*paths: str | os.PathLike) -> dict[str, np.ndarray]:
    """Tensors of one network, whose file may have been split in several.

    Args:
        paths: PyTorch files (reading them needs PyTorch), or ``.npz`` files with the
            same names, which :func:`write_npz` makes.

    Raises:
        InputError: files that are missing, cannot be read, or hold equal names.
    """
    merged = {}
    for path in paths:
        state = plain_names(_read(Path(path)))
        twice = sorted(set(state) & set(merged))
        if twice:
            raise InputError(
                f"{path}: holds {twice[0]} and {len(twice) - 1} other tensors that "
                f"{paths[0]} holds as well; give the network's two different files"
            )
        merged |= state
    return merged


def require_weights(path: Path) -> None:
    """Checks that a file of weights is there.

    Raises:
        InputError: naming it, and where weights come from.
    """
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; docs/segmenters.md says where weights come from"
        )


def _read(path):
    require_weights(path)
    if path.suffix != ".npz":
        from ccfpse_tf.files.pytorch import read_tensors

        return read_tensors(path, wrapped=True)
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            return dict(file)
    except Exception as error:  # of zipfile, zlib or NumPy
        raise InputError(f"{path}: cannot be read as .npz: {error}") from error


def write_npz(path: str | os.PathLike, state: Mapping[str, np.ndarray]) -> None:
    """Writes tensors to a file that is read without PyTorch.

    Raises:
        InputError: a name that does not end in ``.npz``.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise InputError(f"{path}: its name has to end in .npz")
    write_arrays(path, state)


def upernet_normalisation(state: Mapping[str, np.ndarray], said: str | None) -> str:
    """Returns the input normalisation of UPerNet's release that a file is from.

    Their files have equal names and shapes, and a wrong guess only shows in bad scores;
    but one reads values of 0..255, so its first kernel is about 60 times smaller.

    Args:
        state: of the file.
        said: ``"imagenet"`` or ``"caffe"`` if the user knows, which is believed.

    Raises:
        InputError: another word, or an unclear kernel while ``said`` is None.
    """
    if said is not None:
        if said not in INPUT_RULES:
            raise InputError(
                f"normalisation {said!r}: choose from {', '.join(INPUT_RULES)}"
            )
        return said
    if _TELLING_KERNEL not in state:
        raise InputError(f"{_TELLING_KERNEL} is missing: not the files of a UPerNet")
    size = float(np.abs(state[_TELLING_KERNEL]).mean())
    if size >= LEAST_FOR_IMAGENET:
        return "imagenet"
    if size <= MOST_FOR_CAFFE:
        return "caffe"
    raise InputError(
        f"{_TELLING_KERNEL} has a mean absolute value of {size:.4g}; the release with "
        f"ImageNet's normalisation has at least {LEAST_FOR_IMAGENET}, the one before, "
        f"with Caffe's, at most {MOST_FOR_CAFFE}; say which one it is: normalisation "
        "imagenet or caffe"
    )
