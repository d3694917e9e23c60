"""The tensors of the official checkpoints: names, order, layout, our variables.

Parameters of the official files whose values the forward pass never reads are
``Unused`` here, without a variable.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ccfpse_tf.layers.conditional_block import ConditionalBlock
from ccfpse_tf.layers.normalization import BatchNormalization
from ccfpse_tf.models.discriminators.fpse import FPSEDiscriminator
from ccfpse_tf.models.generators.ccfpse import Generator
from ccfpse_tf.models.style_encoder import StyleEncoder

BLOCK_NAMES = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3")
_UNUSED = re.compile(r"(^|\.)(norm_0|conv_[02]\.norm_layer)\.|\.num_batches_tracked$")


@dataclass(frozen=True)
class MatchedTensor:
    """One official tensor: its name, our variable, and how values change layout."""

    name: str
    variable: object
    to_official: Callable[[np.ndarray], np.ndarray]
    from_official: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Unused:
    """An official tensor that is never read, and the value it starts with there."""

    name: str
    value: np.ndarray


def is_unused(name: str) -> bool:
    """Returns whether the official forward pass never uses an official tensor."""
    return _UNUSED.search(name) is not None


def tensors(part) -> Iterator[MatchedTensor | Unused]:
    """All official tensors of a network, in the order of the official files.

    Args:
        part: a built generator, discriminator, encoder or conditional block.

    Raises:
        TypeError: another kind of model.
    """
    for kind, walk in _WALKS.items():
        if isinstance(part, kind):
            return walk(part)
    raise TypeError(f"no official counterpart of {type(part).__name__}")


def entries(part) -> Iterator[MatchedTensor]:
    """The tensors that are used, so that each has a variable; see :func:`tensors`."""
    return (tensor for tensor in tensors(part) if isinstance(tensor, MatchedTensor))


def _same(value):
    return value


def _vector(name, variable):
    return MatchedTensor(name, variable, _same, _same)


def _dense(name, layer):
    yield MatchedTensor(f"{name}.weight", layer.kernel, np.transpose, np.transpose)
    yield _vector(f"{name}.bias", layer.bias)


def _kernel(name, variable):
    """``(kh, kw, in, out)`` here, ``(out, in, kh, kw)`` there."""
    return MatchedTensor(
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

        yield MatchedTensor(entry.name, entry.variable, to_official, from_official)


def _spectral(name, layer):
    kh, kw, channels, _ = layer.kernel.shape
    yield _kernel(f"{name}.weight_orig", layer.kernel)
    yield _vector(f"{name}.weight_u", layer.u)
    yield MatchedTensor(
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
    yield _counter(name)


def _counter(name):
    return Unused(f"{name}.num_batches_tracked", np.zeros((), np.int64))


def _unused_norm(name, channels):
    """A batch norm as it is made there; it never runs, so it keeps these values."""
    for ending, value in (
        ("weight", 1),
        ("bias", 0),
        ("running_mean", 0),
        ("running_var", 1),
    ):
        yield Unused(f"{name}.{ending}", np.full(channels, value, np.float32))
    yield _counter(name)


def _normalized(name, layer):
    yield from _spectral(f"{name}.0", layer.convolution)
    if isinstance(layer.norm, BatchNormalization):
        yield from _batch_norm(f"{name}.1", layer.norm)


def _block(block, prefix=""):
    for name, predictor, last in (
        ("gen_weights1", block.first_kernels, _tap_convolution),
        ("gen_weights2", block.second_kernels, _tap_convolution),
        ("gen_se_weights1", block.first_attention, _convolution),
        ("gen_se_weights2", block.second_attention, _convolution),
    ):
        yield from _convolution(f"{prefix}{name}.0", predictor.shared)
        yield from last(f"{prefix}{name}.2", predictor.output_convolution)
    wide, narrow = (
        norm.moving_mean.shape[0] for norm in (block.first_norm, block.second_norm)
    )
    yield from _unused_norm(f"{prefix}conv_0.norm_layer", wide)
    yield from _unused_norm(f"{prefix}norm_0", narrow)
    yield from _convolution(f"{prefix}conv_1", block.first_pointwise)
    yield from _batch_norm(f"{prefix}norm_1", block.first_norm)
    yield from _unused_norm(f"{prefix}conv_2.norm_layer", narrow)
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
    # Ours run from coarse to fine; the official numbers name levels.
    for level, layer in enumerate(reversed(discriminator.lateral), 2):
        yield from _normalized(f"lat{level}.0", layer)
    for level, layer in enumerate(discriminator.final, 2):
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
