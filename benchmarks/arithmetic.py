"""Multiply-adds that an image or a step needs, counted from the shapes of the layers.

The count is what the equations need, not what an implementation spends: a one-hot
channel costs nothing, as looking a kernel row up replaces multiplying by zeros and one.
Normalisations, activations, resizing and inner products are not counted.
"""

from __future__ import annotations

from benchmarks.models import Network
from ccfpse_tf.models.style_encoder import SIZE

EDGE = 1  # channels of the semantics beside the one-hot ones
RGB = 3
BLOCK_WIDTHS = (16, 16, 16, 8, 4, 2, 1)
DISCRIMINATOR_WIDTHS = (1, 2, 4, 8, 8)
ENCODER_WIDTHS = (1, 2, 4, 8, 8, 8)
FLOAT = 4  # bytes


def block_shapes(network: Network) -> list[tuple[int, int, int]]:
    """(pixels, input channels, output channels) of every conditional block."""
    height, width = network.image_size
    # How often each block's resolution is halved; at depth 5 two blocks share one.
    halved = (6, 5, 4, 3, 2, 1, 0) if network.depth == 6 else (5, 4, 4, 3, 2, 1, 0)
    shapes, channels = [], BLOCK_WIDTHS[0] * network.ngf
    for times, wide in zip(halved, BLOCK_WIDTHS, strict=True):
        shapes.append(((height * width) >> (2 * times), channels, wide * network.ngf))
        channels = wide * network.ngf
    return shapes


def generator_parts(network: Network) -> dict[str, int]:
    """Multiply-adds of one image, by part of the generator."""
    parts = dict.fromkeys(
        ("predicted kernels", "attention", "SPADE and shortcuts")
        + ("layout convolutions", "pointwise", "conditional convolutions"),
        0,
    )
    hidden = network.hidden
    for pixels, inputs, outputs in block_shapes(network):
        middle = min(inputs, outputs)
        predictors = 4
        parts["predicted kernels"] += pixels * 9 * hidden * 9 * (inputs + middle)
        parts["attention"] += pixels * 9 * hidden * (middle + outputs)
        parts["pointwise"] += pixels * middle * (inputs + outputs)
        parts["conditional convolutions"] += pixels * 9 * (inputs + middle)
        if inputs != outputs:
            predictors = 5
            modulation = 9 * hidden * 2 * inputs
            parts["SPADE and shortcuts"] += pixels * (modulation + inputs * outputs)
        dense = EDGE + network.ngf
        parts["layout convolutions"] += pixels * 9 * dense * hidden * predictors
    parts["pyramid"] = _pyramid(network)
    return parts | _ends(network)


def generator_total(network: Network) -> int:
    """Multiply-adds of one image."""
    return sum(generator_parts(network).values())


def discriminator_total(network: Network) -> int:
    """Multiply-adds that scoring one image takes."""
    ndf, pixels = network.ndf, network.image_size[0] * network.image_size[1]
    total, channels = (pixels >> 4) * EDGE * 2 * ndf, RGB  # the layout's embedding
    for level, wide in enumerate(DISCRIMINATOR_WIDTHS, 1):
        here, width = pixels >> (2 * level), wide * ndf
        total += here * 9 * channels * width  # bottom-up
        if level >= 2:
            total += here * width * 4 * ndf  # lateral
        if 2 <= level <= 4:
            total += here * (9 * 4 * ndf + 1 + 2 * ndf) * 2 * ndf  # final, scores
        channels = width
    return total


def encoder_total(network: Network) -> int:
    """Multiply-adds that one image's style takes."""
    total, channels, pixels = 0, RGB, SIZE[0] * SIZE[1]
    for level, wide in enumerate(ENCODER_WIDTHS, 1):
        here, width = pixels >> (2 * level), wide * network.ngf
        total += here * 9 * channels * width
        channels = width
    return total + 2 * here * channels * network.z_dim


def training_step_total(network: Network, regenerates: bool) -> int:
    """Multiply-adds of a training step on one image, without a perceptual network.

    A gradient takes a forward pass's arithmetic twice, for the inputs and for the
    weights. The generator's half needs the discriminator's for the fake's features
    only; the discriminator's half for all of both images.

    Args:
        network: the sizes.
        regenerates: whether the discriminator's half makes an image of its own.
    """
    made = generator_total(network) + encoder_total(network)
    scored = discriminator_total(network)
    generator_half = 3 * made + (2 + 1) * scored
    discriminator_half = regenerates * made + (2 + 2 * 2) * scored
    return generator_half + discriminator_half


def largest_activation(network: Network) -> int:
    """Bytes of the largest tensor that the equations name: a block's kernels."""
    return FLOAT * max(
        9 * pixels * inputs for pixels, inputs, _ in block_shapes(network)
    )


def _pyramid(network: Network) -> int:
    ngf, pixels = network.ngf, network.image_size[0] * network.image_size[1]
    total = pixels * 9 * EDGE * ngf
    for level in range(network.depth):
        finer, coarser = pixels >> (2 * level), pixels >> (2 * level + 2)
        total += coarser * 9 * ngf * ngf  # bottom-up, stride 2
        total += finer * (1 + 9) * ngf * ngf  # lateral and top-down
    return total


def _ends(network: Network) -> dict[str, int]:
    pixels = network.image_size[0] * network.image_size[1]
    latent = (pixels >> (2 * network.depth)) * 16 * network.ngf
    return {
        "latent": network.z_dim * latent,
        "image convolution": pixels * 9 * network.ngf * RGB,
    }
