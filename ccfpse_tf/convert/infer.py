"""Infers the networks' arguments from the shapes of official tensors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ccfpse_tf.errors import InputError

State = Mapping[str, np.ndarray]
# A tensor that only one kind of network has.
SIGNS = {
    "generator": "conv_img.weight",
    "discriminator": "embedding.weight",
    "encoder": "fc_mu.weight",
}
LEVELS = {6: 5, 7: 6}  # bottom-up convolutions of the pyramid: depth


@dataclass(frozen=True)
class GeneratorShape:
    """Arguments of a generator, as far as its tensors tell.

    ``latent_pixels`` is height times width of the latent map, None without style code.
    """

    ngf: int
    depth: int
    z_dim: int
    hidden: int
    semantic_channels: int
    latent_pixels: int | None


def infer_generator(state: State, source: str) -> GeneratorShape:
    """Infers the arguments from an official generator's state dictionary.

    Args:
        state: official names to arrays.
        source: the file, for messages.

    Raises:
        InputError: another network, or tensors that contradict each other.
    """
    check_kind(state, "generator", source)
    ngf = _shape(state, "conv_img.weight", 4, source)[1]
    pattern = re.compile(r"labelenc(\d+)\.0\.0\.weight_orig")
    levels = len([name for name in state if pattern.fullmatch(name)])
    if levels not in LEVELS:
        raise InputError(
            f"{source}: has {levels} convolutions labelenc1, labelenc2, ...; CC-FPSE's "
            "generator has 6 of them (5 upsamplings) or 7 (6 upsamplings). A SPADE or "
            "pix2pixHD generator has none and cannot be converted"
        )
    z_dim, pixels = _style(state, ngf, source)
    return GeneratorShape(
        ngf,
        LEVELS[levels],
        z_dim,
        _shape(state, "head_0.gen_weights1.0.weight", 4, source)[0],
        _shape(state, "labelenc1.0.0.weight_orig", 4, source)[1],
        pixels,
    )


def infer_discriminator(state: State, source: str) -> tuple[int, int]:
    """Returns ``(ndf, semantic channels)``; arguments, errors as for the generator."""
    check_kind(state, "discriminator", source)
    ndf = _shape(state, "enc1.0.0.weight_orig", 4, source)[0]
    return ndf, _shape(state, "embedding.weight", 4, source)[1]


def infer_encoder(state: State, source: str) -> tuple[int, int]:
    """Returns ``(ngf, z_dim)``; arguments and errors as for the generator."""
    check_kind(state, "encoder", source)
    ngf = _shape(state, "layer1.0.weight_orig", 4, source)[0]
    return ngf, _shape(state, "fc_mu.weight", 2, source)[0]


def check_kind(state: State, kind: str, source: str) -> None:
    """Refuses a file of another network.

    Raises:
        InputError: naming what the file holds instead.
    """
    if SIGNS[kind] in state:
        return
    others = [other for other, sign in SIGNS.items() if sign in state]
    if others:
        found = f"holds a CC-FPSE {others[0]}"
    else:
        found = (
            f"does not hold a CC-FPSE network; its tensors begin with {list(state)[:3]}"
        )
    raise InputError(
        f"{source}: {found}, where a {kind} is expected (which has {SIGNS[kind]}); "
        "official files are called EPOCH_net_G.pth (generator), EPOCH_net_D.pth "
        "(discriminator), EPOCH_net_E.pth (encoder)"
    )


def check_finite(state: State, source: str) -> None:
    """Refuses weights that are NaN or infinite.

    Raises:
        InputError: naming the tensors.
    """
    bad = [name for name, value in state.items() if not np.isfinite(value).all()]
    if bad:
        raise InputError(
            f"{source}: {len(bad)} tensors hold NaN or infinity ({', '.join(bad[:5])})"
            "; the training that wrote it had diverged: take an earlier epoch's file"
        )


def image_size(
    shape: GeneratorShape,
    source: str,
    asked: tuple[int, int] | None,
    usual: tuple[int, int] | None,
    usual_depth: int | None,
) -> tuple[int, int]:
    """Returns the (height, width) that a generator is for.

    With a style code the latent layer tells height times width; which of the possible
    pairs it is, and everything without a style code, the user or the data set say.

    Args:
        shape: the generator's.
        source: its file, for messages.
        asked: what the user says, None for nothing.
        usual: size that the data set's published model has, None for other data.
        usual_depth: its depth.

    Raises:
        InputError: a size that contradicts the tensors, or none that can be known.
    """
    fitting = sizes(shape)
    shown = ", ".join(f"{height}x{width}" for height, width in fitting)
    choose = "give --image-size HEIGHTxWIDTH" + (f", one of {shown}" if shown else "")
    size, origin = asked, "--image-size"
    if size is None and usual:
        size, origin = usual, "the data set's published model is for"
        if usual_depth != shape.depth:
            raise InputError(
                f"{source}: has {shape.depth} upsamplings, the data set's published "
                f"model has {usual_depth}; if it is another model of these data, "
                f"{choose}"
            )
    if size is None:
        if len(fitting) != 1:
            raise InputError(
                f"{source}: the tensors do not tell the image size; {choose}"
            )
        size = fitting[0]
    if fitting and size not in fitting:
        raise InputError(
            f"{source}: {origin} {size[0]}x{size[1]} (height x width), but the latent "
            f"layer is made for {shown}; {choose}"
        )
    return size


def sizes(shape: GeneratorShape) -> list[tuple[int, int]]:
    """Returns all (height, width) that the latent layer fits; empty if any does."""
    pixels, stride = shape.latent_pixels, 2**shape.depth
    return [
        (height * stride, pixels // height * stride)
        for height in range(1, (pixels or 0) + 1)
        if pixels % height == 0
    ]


def _style(state, ngf, source):
    fc = state.get("fc.weight")
    if fc is not None and fc.ndim == 4:  # a convolution of the layout
        return 0, None
    rows, z_dim = _shape(state, "fc.weight", 2, source)
    if rows % (16 * ngf):
        raise InputError(
            f"{source}: fc.weight has {rows} rows, which is not a multiple of 16 ngf = "
            f"{16 * ngf} (ngf {ngf} by conv_img.weight); it is not an official file"
        )
    return z_dim, rows // (16 * ngf)


def _shape(state, name, rank, source):
    if name not in state or state[name].ndim != rank:
        found = f"has shape {state[name].shape}" if name in state else "is missing"
        raise InputError(
            f"{source}: {name} {found}, a CC-FPSE network has it with {rank} axes; "
            "the file is of another network, or incomplete"
        )
    return state[name].shape
