"""Official tensors beside our variables, layer by layer: names, order, layout."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ccfpse_tf.layers.normalization import BatchNormalization


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


def _same(value):
    return value


def vector(name, variable):
    """A variable that has the same layout there."""
    return MatchedTensor(name, variable, _same, _same)


def dense(name, layer):
    """Kernel and bias of a dense layer."""
    yield MatchedTensor(f"{name}.weight", layer.kernel, np.transpose, np.transpose)
    yield vector(f"{name}.bias", layer.bias)


def kernel(name, variable):
    """``(kh, kw, in, out)`` here, ``(out, in, kh, kw)`` there."""
    return MatchedTensor(
        name,
        variable,
        lambda value: value.transpose(3, 2, 0, 1),
        lambda value: value.transpose(2, 3, 1, 0),
    )


def convolution(name, layer):
    """Kernel and bias of a convolution."""
    yield kernel(f"{name}.weight", layer.kernel)
    yield vector(f"{name}.bias", layer.bias)


def tap_convolution(name, layer):
    """Outputs ``tap * channels + channel`` here, ``channel * 9 + tap`` there."""

    def swap(value, axes):
        # The output axis is the last one here, for kernel and bias alike.
        split = value.reshape(*value.shape[:-1], *axes)
        return np.swapaxes(split, -1, -2).reshape(value.shape)

    for entry in convolution(name, layer):
        channels = entry.variable.shape[-1] // 9

        def to_official(value, entry=entry, channels=channels):
            return entry.to_official(swap(value, (9, channels)))

        def from_official(value, entry=entry, channels=channels):
            return swap(entry.from_official(value), (channels, 9))

        yield MatchedTensor(entry.name, entry.variable, to_official, from_official)


def spectral(name, layer):
    """Kernel and singular vectors of a :class:`SpectralConv2D`."""
    kh, kw, channels, _ = layer.kernel.shape
    if layer.use_bias:
        yield vector(f"{name}.bias", layer.bias)
    yield kernel(f"{name}.weight_orig", layer.kernel)
    yield vector(f"{name}.weight_u", layer.u)
    yield MatchedTensor(
        f"{name}.weight_v",
        layer.v,
        lambda v: v.reshape(kh, kw, channels).transpose(2, 0, 1).reshape(-1),
        lambda v: v.reshape(channels, kh, kw).transpose(1, 2, 0).reshape(-1),
    )


def batch_norm(name, layer):
    """Scale and offset, if there are any, running statistics, and the counter."""
    if layer.affine:
        yield vector(f"{name}.weight", layer.gamma)
        yield vector(f"{name}.bias", layer.beta)
    yield vector(f"{name}.running_mean", layer.moving_mean)
    yield vector(f"{name}.running_var", layer.moving_variance)
    yield _counter(name)


def _counter(name):
    return Unused(f"{name}.num_batches_tracked", np.zeros((), np.int64))


def spade(name, layer):
    """A :class:`SPADE` layer; its name ends in a dot, or is empty."""
    yield from batch_norm(f"{name}param_free_norm", layer.norm)
    yield from convolution(f"{name}mlp_shared.0", layer.shared)
    yield from convolution(f"{name}mlp_gamma", layer.gamma)
    yield from convolution(f"{name}mlp_beta", layer.beta)


def unused_norm(name, channels):
    """A batch norm as it is made there; it never runs, so it keeps these values."""
    for ending, value in (
        ("weight", 1),
        ("bias", 0),
        ("running_mean", 0),
        ("running_var", 1),
    ):
        yield Unused(f"{name}.{ending}", np.full(channels, value, np.float32))
    yield _counter(name)


def normalized(name, layer):
    """A :class:`NormalizedConvolution` with a spectrally normalised kernel."""
    yield from spectral(f"{name}.0", layer.convolution)
    if isinstance(layer.norm, BatchNormalization):
        yield from batch_norm(f"{name}.1", layer.norm)
