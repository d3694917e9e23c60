"""Infers the arguments of pix2pixHD's networks from their official tensors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ccfpse_tf.config import Config, override
from ccfpse_tf.convert.data_choice import check_channels
from ccfpse_tf.data.description import Description
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan.methods import settings

State = Mapping[str, np.ndarray]
_BLOCK = re.compile(r"model\.\d+\.conv_block\.1\.weight")
_ENHANCER = re.compile(r"model(\d+)_1\.1\.weight")
_ENHANCER_BLOCK = re.compile(r"model1_2\.\d+\.conv_block\.1\.weight")
_SCALE = re.compile(r"scale(\d+)_layer0\.0\.weight")
FIRST = "model.1.weight"


def pix2pixhd_kind(state: State) -> str | None:
    """Returns which of pix2pixHD's networks a file holds, None for none of them."""
    if any(map(_SCALE.fullmatch, state)):
        return "discriminator"
    if FIRST not in state:
        return None
    return "generator" if any(map(_BLOCK.fullmatch, state)) else "encoder"


@dataclass(frozen=True)
class Trunk:
    """Width, halvings and blocks of an hourglass, and the channels of its input."""

    width: int
    depth: int
    blocks: int
    channels: int


def infer_trunk(state: State, source: str) -> Trunk:
    """Infers the arguments of the hourglass that a file's ``model`` begins with.

    Raises:
        InputError: tensors that are not such a network's.
    """
    shape, widths, place = state[FIRST].shape, [], 1
    while (bias := state.get(f"model.{place}.bias")) is not None:
        if widths and len(bias) != 2 * widths[-1]:
            break  # a doubling, which halves the channels
        widths.append(len(bias))
        place += 3
    blocks = 0
    while f"model.{place + blocks}.conv_block.1.weight" in state:
        blocks += 1
    if len(widths) < 2 or len(shape) != 4:
        raise InputError(
            f"{source}: {FIRST} has shape {shape}, and no convolution that halves the "
            "map follows; it is not a network of pix2pixHD"
        )
    return Trunk(widths[0], len(widths) - 1, blocks, shape[1])


def infer_pix2pixhd(
    sources: Mapping[str, object],
    description: Description,
    base: Config,
) -> Config:
    """Returns the config of pix2pixHD's networks in official files.

    Args:
        sources: the files by network, the generator's among them.
        description: of the data that the user named.
        base: the config without its networks and losses.

    Raises:
        InputError: files that contradict each other or the data.
    """
    found = sources["generator"]
    source, state = str(found.path), found.state
    trunk, chosen = infer_trunk(state, source), []
    enhancers = [int(match[1]) for match in map(_ENHANCER.fullmatch, state) if match]
    if enhancers:
        blocks = sum(bool(_ENHANCER_BLOCK.fullmatch(key)) for key in state)
        chosen += [
            f"generator.enhancers={max(enhancers)}",
            f"generator.enhancer_blocks={blocks}",
        ]
    features = _features(sources, trunk, source)
    check_channels(description, trunk.channels - features, source)
    chosen += [
        f"generator.ngf={trunk.width}",
        f"generator.downsamplings={trunk.depth}",
        f"generator.blocks={trunk.blocks}",
        f"generator.instance_features={features}",
    ]
    if features:
        width = infer_trunk(sources["encoder"].state, source).width
        pooling = "instance" if description.instances else "label"
        chosen += [
            f"generator.encoder_ngf={width}",
            f"generator.pool_features={pooling}",
        ]
    chosen += _discriminator(sources, description)
    method = "pix2pixhd_local" if enhancers else "pix2pixhd"
    return override(base, [*settings(method), *chosen])


def _features(sources, trunk, generator):
    """The number of instance features, by the encoder's file; 0 without one."""
    if "encoder" not in sources:
        return 0
    found = sources["encoder"]
    source = str(found.path)
    encoder = infer_trunk(found.state, source)
    if encoder.depth != trunk.depth:
        raise InputError(
            f"{source}: the encoder halves images {encoder.depth} times, {generator} "
            f"{trunk.depth} times; here both are generator.downsamplings, so this pair "
            "cannot be converted; leave the encoder out if the generator was trained "
            "without instance features"
        )
    last = max(int(name.split(".")[1]) for name in found.state)
    return found.state[f"model.{last}.weight"].shape[0]


def _discriminator(sources, description):
    if "discriminator" not in sources:
        return []
    found = sources["discriminator"]
    scales = 1 + max(int(m[1]) for m in map(_SCALE.fullmatch, found.state) if m)
    ndf, channels, *_ = found.state["scale0_layer0.0.weight"].shape
    check_channels(description, channels - 3, str(found.path))
    return [f"discriminator.ndf={ndf}", f"discriminator.scales={scales}"]
