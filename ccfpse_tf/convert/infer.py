"""Infers the networks' arguments from the shapes of official tensors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ccfpse_tf.convert.infer_pix2pixhd import pix2pixhd_kind
from ccfpse_tf.errors import InputError

State = Mapping[str, np.ndarray]
# A tensor that only one kind of network has; SPADE's discriminator has another one than
# CC-FPSE's.
SIGNS = {
    "generator": ("conv_img.weight",),
    "discriminator": ("embedding.weight", "discriminator_0.model0.0.weight"),
    "encoder": ("fc_mu.weight",),
}
LEVELS = {6: 5, 7: 6}  # bottom-up convolutions of the pyramid: depth
SPADE_SIGN = "head_0.norm_0.mlp_gamma.weight"  # of its generator
SPADE_HIDDEN = "head_0.norm_0.mlp_shared.0.weight"


@dataclass(frozen=True)
class GeneratorShape:
    """Arguments of a generator, as far as its tensors tell.

    ``latent_pixels`` is height times width of the latent map, None without style code.
    ``depth`` is None where 5 and 6 have the same tensors: see :func:`with_depth`.
    """

    ngf: int
    depth: int | None
    z_dim: int
    hidden: int
    semantic_channels: int
    latent_pixels: int | None
    architecture: str = "ccfpse"


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
    if SPADE_SIGN in state:
        return _spade(state, ngf, source)
    pattern = re.compile(r"labelenc(\d+)\.0\.0\.weight_orig")
    levels = len([name for name in state if pattern.fullmatch(name)])
    if levels not in LEVELS:
        raise InputError(
            f"{source}: has {levels} convolutions labelenc1, labelenc2, ...; CC-FPSE's "
            "generator has 6 of them (5 upsamplings) or 7 (6 upsamplings), and SPADE's "
            f"none, but {SPADE_SIGN}"
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


def _spade(state, ngf, source):
    eighth = any(name.startswith("up_4.") for name in state)  # half as wide as ngf
    ngf = 2 * ngf if eighth else ngf
    z_dim, pixels = _style(state, ngf, source)
    hidden, channels, *_ = _shape(state, SPADE_HIDDEN, 4, source)
    depth = 7 if eighth else None
    return GeneratorShape(ngf, depth, z_dim, hidden, channels, pixels, "spade")


def with_depth(
    shape: GeneratorShape,
    source: str,
    asked: int | None,
    size: tuple[int, int] | None,
    published: int | None,
) -> GeneratorShape:
    """Returns the shape of a generator with its depth.

    SPADE's generators of 5 and 6 upsamplings have the same tensors. With a style code,
    the size of the images tells them apart; else the user or the data set do.

    Args:
        shape: the generator's, as far as its tensors tell.
        source: its file, for messages.
        asked: the depth that the user says, None for nothing.
        size: (height, width) that the user says, None for nothing.
        published: depth of the data set's published model, None for other data.

    Raises:
        InputError: a depth that contradicts the tensors, or none that can be known.
    """
    known = [depth for depth in (5, 6) if _fits(shape.latent_pixels, size, depth)]
    if shape.depth:
        known, size = [shape.depth], None
    if asked is not None and asked not in known:
        told = " or ".join(map(str, known)) or "another"
        raise InputError(
            f"{source}: --depth {asked}, but its tensors"
            + (f" at images of {size[0]}x{size[1]}" if size else "")
            + f" are those of depth {told}; leave --depth out"
            + (", or correct --image-size" if size else "")
        )
    if asked is None and published in known:
        known = [published]
    depth = asked or (known[0] if len(known) == 1 else None)
    if depth is None and size and not known:
        raise InputError(
            f"{source}: its latent layer of {shape.latent_pixels} pixels makes no "
            f"images of {size[0]}x{size[1]} (height x width), by 5 upsamplings nor by "
            "6; correct --image-size, or leave it out and give --depth 5 or 6"
        )
    if depth is None:
        raise InputError(
            f"{source}: SPADE's generators of 5 and 6 upsamplings have the same "
            "tensors; say which it is with --depth 5 or 6 (the official one for "
            "Cityscapes has 6, the others 5)"
        )
    return replace(shape, depth=depth)


def _fits(pixels, size, depth):
    """Whether a latent layer of so many pixels may make images of this size."""
    if pixels is None or size is None:
        return True
    stride = 2**depth
    return size[0] * size[1] == pixels * stride**2 and not any(
        edge % stride for edge in size
    )


def infer_patch_discriminator(state: State, source: str) -> tuple[int, int, int]:
    """Returns ``(ndf, semantic channels, scales)`` of SPADE's discriminator.

    Args:
        state: official names to arrays.
        source: the file, for messages.

    Raises:
        InputError: another network, or tensors that contradict each other.
    """
    check_kind(state, "discriminator", source)
    first = "discriminator_{}.model0.0.weight".format
    ndf, channels, *_ = _shape(state, first(0), 4, source)
    scales = 1
    while first(scales) in state:
        scales += 1
    return ndf, channels - 3, scales


def infer_discriminator(state: State, source: str) -> tuple[int, int]:
    """Returns ``(ndf, semantic channels)`` of FPSE; see the generator's."""
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
    pix2pixhd = pix2pixhd_kind(state)
    if any(sign in state for sign in SIGNS[kind]) or pix2pixhd == kind:
        return
    others = [
        (other, place)
        for other, signs in SIGNS.items()
        for place, sign in enumerate(signs)
        if sign in state
    ]
    if others:
        other, place = others[0]
        found = f"holds a {'SPADE' if place else 'CC-FPSE'} {other}"
    elif pix2pixhd:
        found = f"holds a pix2pixHD {pix2pixhd}"
    else:
        found = (
            "does not hold a CC-FPSE network, nor one of SPADE or pix2pixHD; its "
            f"tensors begin with {list(state)[:3]}"
        )
    raise InputError(
        f"{source}: {found}, where a {kind} is expected (which has "
        f"{' or '.join(SIGNS[kind])}); "
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
