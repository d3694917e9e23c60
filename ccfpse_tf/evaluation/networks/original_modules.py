"""The original repositories' names for the parts of our evaluation networks.

``fyu/drn``, ``CSAILVision/semantic-segmentation-pytorch`` (whose two files hold the
names without ``encoder.`` and ``decoder.``) and ``kazuto1011/deeplab-pytorch``.
"""

from collections.abc import Iterator

import keras

from ccfpse_tf.evaluation.networks.deeplab import DeepLabV2
from ccfpse_tf.evaluation.networks.drn import DilatedResidualNetwork
from ccfpse_tf.evaluation.networks.units import Bottleneck, Stage, Unit
from ccfpse_tf.evaluation.networks.upernet import UPerNet

Named = Iterator[tuple[str, keras.layers.Layer]]
ENCODER, DECODER = "encoder.", "decoder."  # of UPerNet's module names, not of its files


def modules(network) -> Named:
    """Original module names and our layers, those of layers within layers as well.

    Raises:
        TypeError: another kind of network.
    """
    for kind, walk in _WALKS.items():
        if isinstance(network, kind):
            return walk(network)
    raise TypeError(f"no original counterpart of {type(network).__name__}")


def _drn(network):
    stem, stages = len(network.stem), len(network.stages)
    for index, unit in enumerate(network.stem):
        yield from _sequence(f"base.{index}", unit)
    for index, stage in enumerate(network.stages, stem):
        yield from _stage(f"base.{index}", stage)
    for index, unit in enumerate(network.tail, stem + stages):
        yield from _sequence(f"base.{index}", unit)
    yield "seg", network.classifier
    yield "up", network.upsampling


def _upernet(network):
    for index, unit in enumerate(network.stem, 1):
        yield f"{ENCODER}conv{index}", unit.convolution
        yield f"{ENCODER}bn{index}", unit.norm
        yield f"{ENCODER}relu{index}", unit
    for index, stage in enumerate(network.stages, 1):
        yield from _stage(f"{ENCODER}layer{index}", stage)
    for group, units, inner in (
        ("ppm_conv", network.context, ""),
        ("fpn_in", network.lateral, ""),
        ("fpn_out", network.smooth, ".0"),
    ):
        for index, unit in enumerate(units):
            yield from _sequence(f"{DECODER}{group}.{index}{inner}", unit)
    yield from _sequence(f"{DECODER}ppm_last_conv", network.context_fusion)
    yield from _sequence(f"{DECODER}conv_last.0", network.fusion)
    yield f"{DECODER}conv_last.1", network.classifier


def _deeplab(network):
    yield from _named_unit("base.layer1.conv1", network.stem)
    for index, stage in enumerate(network.stages, 2):
        yield f"base.layer{index}", stage
        for number, block in enumerate(stage.blocks, 1):
            name = f"base.layer{index}.block{number}"
            yield name, block
            yield from _named_unit(f"{name}.reduce", block.reduce)
            yield from _named_unit(f"{name}.conv3x3", block.transform)
            yield from _named_unit(f"{name}.increase", block.expand)
            if block.shortcut is not None:
                yield from _named_unit(f"{name}.shortcut", block.shortcut)
    for index, classifier in enumerate(network.classifiers):
        yield f"base.aspp.c{index}", classifier


def _sequence(name, unit: Unit) -> Named:
    yield name, unit
    yield f"{name}.0", unit.convolution
    yield f"{name}.1", unit.norm


def _named_unit(name, unit: Unit) -> Named:
    yield name, unit
    yield f"{name}.conv", unit.convolution
    yield f"{name}.bn", unit.norm


def _stage(name, stage: Stage) -> Named:
    yield name, stage
    for index, block in enumerate(stage.blocks):
        yield from _bottleneck(f"{name}.{index}", block)


def _bottleneck(name, block: Bottleneck) -> Named:
    yield name, block
    for index, unit in enumerate((block.reduce, block.transform, block.expand), 1):
        yield f"{name}.conv{index}", unit.convolution
        yield f"{name}.bn{index}", unit.norm
    if block.shortcut is not None:
        yield from _sequence(f"{name}.downsample", block.shortcut)


_WALKS = {
    DilatedResidualNetwork: _drn,
    UPerNet: _upernet,
    DeepLabV2: _deeplab,
}
