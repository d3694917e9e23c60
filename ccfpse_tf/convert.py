"""Our weights under the names and in the layout of the official PyTorch checkpoints.

Works on plain dictionaries of NumPy arrays, so it needs no PyTorch. Parameters that the
official files hold but whose values no forward pass reads (see ``is_unused``) have no
counterpart here.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.layers.conditional_block import ConditionalBlock
from ccfpse_tf.layers.normalization import BatchNormalization
from ccfpse_tf.models.discriminator import FPSEDiscriminator
from ccfpse_tf.models.encoder import StyleEncoder
from ccfpse_tf.models.generator import Generator

BLOCK_NAMES = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3")
_UNUSED = re.compile(r"(^|\.)(norm_0|conv_[02]\.norm_layer)\.|\.num_batches_tracked$")


@dataclass(frozen=True)
class Entry:
    """One official tensor: its name, our variable, and how values change layout."""

    name: str
    variable: object
    to_official: Callable[[np.ndarray], np.ndarray]
    from_official: Callable[[np.ndarray], np.ndarray]


def is_unused(name: str) -> bool:
    """Whether an official tensor is one that the official forward pass never uses."""
    return _UNUSED.search(name) is not None


def entries(part) -> Iterator[Entry]:
    """All tensors of a generator, discriminator, encoder or conditional block.

    Raises:
        TypeError: another kind of model.
    """
    for kind, walk in _WALKS.items():
        if isinstance(part, kind):
            return walk(part)
    raise TypeError(f"no official counterpart of {type(part).__name__}")


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
    return {
        entry.name: entry.to_official(np.asarray(entry.variable))
        for entry in entries(part)
    }


def _same(value):
    return value


def _vector(name, variable):
    return Entry(name, variable, _same, _same)


def _dense(name, layer):
    yield Entry(f"{name}.weight", layer.kernel, np.transpose, np.transpose)
    yield _vector(f"{name}.bias", layer.bias)


def _kernel(name, variable):
    """``(kh, kw, in, out)`` here, ``(out, in, kh, kw)`` there."""
    return Entry(
        name,
        variable,
        lambda value: value.transpose(3, 2, 0, 1),
        lambda value: value.transpose(2, 3, 1, 0),
    )


def _convolution(name, layer):
    yield _kernel(f"{name}.weight", layer.kernel)
    yield _vector(f"{name}.bias", layer.bias)


def _tap_convolution(name, layer):
    """Outputs ``tap * channels + channel`` here, ``channel * 9 + tap`` there."""

    def swap(value, axes):
        # The output axis is the last one here, for kernel and bias alike.
        split = value.reshape(*value.shape[:-1], *axes)
        return np.swapaxes(split, -1, -2).reshape(value.shape)

    for entry in _convolution(name, layer):
        channels = entry.variable.shape[-1] // 9

        def to_official(value, entry=entry, channels=channels):
            return entry.to_official(swap(value, (9, channels)))

        def from_official(value, entry=entry, channels=channels):
            return swap(entry.from_official(value), (channels, 9))

        yield Entry(entry.name, entry.variable, to_official, from_official)


def _spectral(name, layer):
    kh, kw, channels, _ = layer.kernel.shape
    yield _kernel(f"{name}.weight_orig", layer.kernel)
    yield _vector(f"{name}.weight_u", layer.u)
    yield Entry(
        f"{name}.weight_v",
        layer.v,
        lambda v: v.reshape(kh, kw, channels).transpose(2, 0, 1).reshape(-1),
        lambda v: v.reshape(channels, kh, kw).transpose(1, 2, 0).reshape(-1),
    )


def _batch_norm(name, layer):
    if layer.affine:
        yield _vector(f"{name}.weight", layer.gamma)
        yield _vector(f"{name}.bias", layer.beta)
    yield _vector(f"{name}.running_mean", layer.moving_mean)
    yield _vector(f"{name}.running_var", layer.moving_variance)


def _normalized(name, layer):
    yield from _spectral(f"{name}.0", layer.convolution)
    if isinstance(layer.norm, BatchNormalization):
        yield from _batch_norm(f"{name}.1", layer.norm)


def _block(block, prefix=""):
    for index, kernels, attention in (
        (1, block.first_kernels, block.first_attention),
        (2, block.second_kernels, block.second_attention),
    ):
        name = f"{prefix}gen_weights{index}"
        yield from _convolution(f"{name}.0", kernels.shared)
        yield from _tap_convolution(f"{name}.2", kernels.output_convolution)
        name = f"{prefix}gen_se_weights{index}"
        yield from _convolution(f"{name}.0", attention.shared)
        yield from _convolution(f"{name}.2", attention.output_convolution)
    yield from _convolution(f"{prefix}conv_1", block.first_pointwise)
    yield from _batch_norm(f"{prefix}norm_1", block.first_norm)
    yield from _batch_norm(f"{prefix}norm_2", block.second_norm)
    yield from _convolution(f"{prefix}conv_3", block.second_pointwise)
    if block.shortcut_norm is not None:
        spade = block.shortcut_norm
        yield from _spectral(f"{prefix}conv_s", block.shortcut_pointwise)
        yield from _batch_norm(f"{prefix}norm_s.param_free_norm", spade.norm)
        yield from _convolution(f"{prefix}norm_s.mlp_shared.0", spade.shared)
        yield from _convolution(f"{prefix}norm_s.mlp_gamma", spade.gamma)
        yield from _convolution(f"{prefix}norm_s.mlp_beta", spade.beta)


def _generator(generator):
    latent = _dense if generator.z_dim else _convolution
    yield from latent("fc", generator.latent)
    pyramid = generator.pyramid
    for name, layers in (
        ("labelenc", pyramid.bottom_up),
        ("labellat", pyramid.lateral),
        ("labeldec", pyramid.top_down),
    ):
        for index, layer in enumerate(layers, 1):
            yield from _normalized(f"{name}{index}.0", layer)
    for name, block in zip(BLOCK_NAMES, generator.blocks, strict=True):
        yield from _block(block, f"{name}.")
    yield from _convolution("conv_img", generator.image_convolution)


def _discriminator(discriminator):
    for level, layer in enumerate(discriminator.bottom_up, 1):
        yield from _normalized(f"enc{level}.0", layer)
    for level, layer in zip((5, 4, 3, 2), discriminator.lateral, strict=True):
        yield from _normalized(f"lat{level}.0", layer)
    for level, layer in zip((2, 3, 4), discriminator.final, strict=True):
        yield from _normalized(f"final{level}.0", layer)
    yield from _convolution("tf", discriminator.patch_score)
    yield from _convolution("seg", discriminator.semantic_features)
    yield from _convolution("embedding", discriminator.embedding)


def _encoder(encoder):
    for level, layer in enumerate(encoder.convolutions, 1):
        yield from _normalized(f"layer{level}", layer)
    yield from _dense("fc_mu", encoder.mean)
    yield from _dense("fc_var", encoder.log_variance)


_WALKS = {
    Generator: _generator,
    FPSEDiscriminator: _discriminator,
    StyleEncoder: _encoder,
    ConditionalBlock: _block,
}
