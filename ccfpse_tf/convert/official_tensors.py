"""The tensors of the official checkpoints: names, order, layout, our variables.

Parameters of the official files whose values the forward pass never reads are
``Unused`` here, without a variable.
"""

import re
from collections.abc import Iterator

from ccfpse_tf.convert import matched_tensors as matched
from ccfpse_tf.convert import patch_tensors, pix2pixhd_tensors
from ccfpse_tf.convert.matched_tensors import MatchedTensor, Unused
from ccfpse_tf.layers.conditional_block import ConditionalBlock
from ccfpse_tf.layers.spade import SPADE
from ccfpse_tf.layers.spade_block import SpadeBlock
from ccfpse_tf.models.discriminators.fpse import FPSEDiscriminator
from ccfpse_tf.models.discriminators.multiscale import MultiscaleDiscriminator
from ccfpse_tf.models.generators.block_generator import BlockGenerator
from ccfpse_tf.models.generators.pix2pixhd import Pix2PixHDGenerator
from ccfpse_tf.models.instance_features import InstanceFeatureEncoder
from ccfpse_tf.models.style_encoder import StyleEncoder

BLOCK_NAMES = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3")
EIGHTH_BLOCK = "up_4"  # of SPADE's generator at depth 7
_UNUSED = re.compile(
    # SPADE's norm_0, which has layers of its own, is used.
    r"(^|\.)(norm_0|conv_[02]\.norm_layer)\.(weight|bias|running_mean|running_var)$"
    r"|\.num_batches_tracked$"
)


def is_unused(name: str) -> bool:
    """Returns whether the official forward pass never uses an official tensor."""
    return _UNUSED.search(name) is not None


def tensors(part) -> Iterator[MatchedTensor | Unused]:
    """All official tensors of a network, in the order of the official files.

    Args:
        part: a built generator, discriminator, encoder or block.

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


def _block(block, prefix=""):
    for name, predictor, last in (
        ("gen_weights1", block.first_kernels, matched.tap_convolution),
        ("gen_weights2", block.second_kernels, matched.tap_convolution),
        ("gen_se_weights1", block.first_attention, matched.convolution),
        ("gen_se_weights2", block.second_attention, matched.convolution),
    ):
        yield from matched.convolution(f"{prefix}{name}.0", predictor.shared)
        yield from last(f"{prefix}{name}.2", predictor.output_convolution)
    wide, narrow = (
        norm.moving_mean.shape[0] for norm in (block.first_norm, block.second_norm)
    )
    yield from matched.unused_norm(f"{prefix}conv_0.norm_layer", wide)
    yield from matched.unused_norm(f"{prefix}norm_0", narrow)
    yield from matched.convolution(f"{prefix}conv_1", block.first_pointwise)
    yield from matched.batch_norm(f"{prefix}norm_1", block.first_norm)
    yield from matched.unused_norm(f"{prefix}conv_2.norm_layer", narrow)
    yield from matched.batch_norm(f"{prefix}norm_2", block.second_norm)
    yield from matched.convolution(f"{prefix}conv_3", block.second_pointwise)
    if block.shortcut_norm is not None:
        yield from matched.spectral(f"{prefix}conv_s", block.shortcut_pointwise)
        yield from matched.spade(f"{prefix}norm_s.", block.shortcut_norm)


def _generator(generator):
    """Of CC-FPSE or SPADE, with the tensors of the kind of blocks that it has."""
    latent = matched.dense if generator.z_dim else matched.convolution
    yield from latent("fc", generator.latent)
    if generator.pyramid is not None:
        yield from _pyramid(generator.pyramid)
    names = *BLOCK_NAMES, EIGHTH_BLOCK
    for name, block in zip(names, generator.blocks, strict=False):
        yield from _WALKS[type(block)](block, f"{name}.")
    yield from matched.convolution("conv_img", generator.image_convolution)


def _pyramid(pyramid):
    for name, layers in (
        ("labelenc", pyramid.bottom_up),
        ("labellat", pyramid.lateral),
        ("labeldec", pyramid.top_down),
    ):
        for index, layer in enumerate(layers, 1):
            yield from matched.normalized(f"{name}{index}.0", layer)


def _spade_block(block, prefix=""):
    shortcut = block.shortcut_norm is not None
    yield from matched.spectral(f"{prefix}conv_0", block.first_convolution)
    yield from matched.spectral(f"{prefix}conv_1", block.second_convolution)
    if shortcut:
        yield from matched.spectral(f"{prefix}conv_s", block.shortcut_pointwise)
    yield from matched.spade(f"{prefix}norm_0.", block.first_norm)
    yield from matched.spade(f"{prefix}norm_1.", block.second_norm)
    if shortcut:
        yield from matched.spade(f"{prefix}norm_s.", block.shortcut_norm)


def _discriminator(discriminator):
    for level, layer in enumerate(discriminator.bottom_up, 1):
        yield from matched.normalized(f"enc{level}.0", layer)
    # Ours run from coarse to fine; the official numbers name levels.
    for level, layer in enumerate(reversed(discriminator.lateral), 2):
        yield from matched.normalized(f"lat{level}.0", layer)
    for level, layer in enumerate(discriminator.final, 2):
        yield from matched.normalized(f"final{level}.0", layer)
    yield from matched.convolution("tf", discriminator.patch_score)
    yield from matched.convolution("seg", discriminator.semantic_features)
    yield from matched.convolution("embedding", discriminator.embedding)


def _encoder(encoder):
    for level, layer in enumerate(encoder.convolutions, 1):
        yield from matched.normalized(f"layer{level}", layer)
    yield from matched.dense("fc_mu", encoder.mean)
    yield from matched.dense("fc_var", encoder.log_variance)


_WALKS = {
    BlockGenerator: _generator,
    FPSEDiscriminator: _discriminator,
    MultiscaleDiscriminator: patch_tensors.discriminator,
    StyleEncoder: _encoder,
    ConditionalBlock: _block,
    SpadeBlock: _spade_block,
    SPADE: lambda layer: matched.spade("", layer),
    Pix2PixHDGenerator: pix2pixhd_tensors.generator,
    InstanceFeatureEncoder: pix2pixhd_tensors.encoder,
}
