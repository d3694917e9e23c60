"""The contract of every layer: configuration, building, shapes, dtypes."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest

from ccfpse_tf.layers.compact_block import CompactBlock
from ccfpse_tf.layers.conditional_block import ConditionalBlock
from ccfpse_tf.layers.conditional_convolution import ConditionalDepthwiseConvolution
from ccfpse_tf.layers.layer_normalized_convolution import LayerNormalizedConvolution
from ccfpse_tf.layers.layout import LayoutEncoding
from ccfpse_tf.layers.layout_predictor import LayoutPredictor
from ccfpse_tf.layers.layout_pyramid import LayoutPyramid
from ccfpse_tf.layers.normalization import BatchNormalization, InstanceNormalization
from ccfpse_tf.layers.normalized_convolution import NormalizedConvolution
from ccfpse_tf.layers.plain_convolution import PaddedConv2D
from ccfpse_tf.layers.spade import SPADE
from ccfpse_tf.layers.spade_block import SpadeBlock
from ccfpse_tf.layers.spectral_convolution import SpectralConv2D
from ccfpse_tf.models.discriminators.multiscale import PatchDiscriminator
from tests.layers.contract import dynamic, numbers, randomize, round_trip


@dataclass(frozen=True)
class Case:
    """A layer's constructor, non-default arguments, and call shapes."""

    kind: type
    arguments: dict
    inputs: tuple
    outputs: tuple
    weights: int

    def make(self, dtype="float32"):
        arguments = {
            name: value(dtype) if callable(value) else value
            for name, value in self.arguments.items()
        }
        return self.kind(**arguments, dtype=dtype, name="tested")

    def build(self, layer):
        if self.weights:  # Keras gives the others a build for one input only
            layer.build(*self.inputs)

    def arrays(self, dtype="float32"):
        if self.kind is LayoutEncoding:
            rng = np.random.default_rng(0)
            return [rng.integers(0, 3, shape) for shape in self.inputs]
        return [numbers(i, *shape, dtype=dtype) for i, shape in enumerate(self.inputs)]


CASES = {
    "conditional convolution": Case(
        ConditionalDepthwiseConvolution,
        {},
        ((2, 5, 4, 3), (2, 5, 4, 27)),
        ((2, 5, 4, 3),),
        0,
    ),
    "predictor": Case(
        LayoutPredictor,
        {"filters": 6, "hidden": 4, "activation": "sigmoid"},
        ((2, 5, 4, 3),),
        ((2, 5, 4, 6),),
        4,
    ),
    "SPADE": Case(
        SPADE, {"hidden": 4}, ((2, 5, 4, 3), (2, 5, 4, 6)), ((2, 5, 4, 3),), 8
    ),
    "block": Case(
        ConditionalBlock,
        {"filters": 2, "hidden": 4},
        ((2, 5, 4, 3), (2, 10, 8, 6)),
        ((2, 5, 4, 2),),
        16 + 8 + 4 + 8 + 3,
    ),
    "identity block": Case(
        ConditionalBlock,
        {"filters": 3, "hidden": 4},
        ((2, 5, 4, 3), (2, 5, 4, 6)),
        ((2, 5, 4, 3),),
        16 + 8 + 4,
    ),
    "SPADE block": Case(
        SpadeBlock,
        {"filters": 2, "hidden": 4, "upsample": True},
        ((2, 5, 4, 3), (2, 10, 8, 6)),
        ((2, 10, 8, 2),),
        3 * 8 + 2 * 4 + 3,
    ),
    "SPADE identity block": Case(
        SpadeBlock,
        {"filters": 3, "hidden": 4, "recompute": False},
        ((2, 5, 4, 3), (2, 10, 8, 6)),
        ((2, 5, 4, 3),),
        2 * 8 + 2 * 4,
    ),
    "compact block": Case(
        CompactBlock,
        {"filters": 2, "hidden": 4, "mixed": 3, "upsample": True},
        ((2, 5, 4, 3), (2, 10, 8, 6), (2, 5)),
        ((2, 10, 8, 2),),
        2 * 2 + 2 * 4 + 2 + 2 * 2 + 1 + 1,
    ),
    "compact identity block": Case(
        CompactBlock,
        {"filters": 3, "hidden": 4, "mixed": 1},
        ((2, 5, 4, 3), (2, 5, 4, 6)),
        ((2, 5, 4, 3),),
        2 * 2 + 2 * 4 + 2 + 2 * 2,
    ),
    "spectral convolution": Case(
        SpectralConv2D,
        {"filters": 4, "kernel_size": 3, "strides": 2, "epsilon": 1e-11},
        ((2, 5, 4, 3),),
        ((2, 3, 2, 4),),
        3,
    ),
    "padded convolution": Case(
        PaddedConv2D,
        {"filters": 4, "kernel_size": 4, "strides": 2},
        ((2, 5, 4, 3),),
        ((2, 3, 3, 4),),
        2,
    ),
    "patch discriminator": Case(
        PatchDiscriminator,
        {"semantic_channels": 4, "ndf": 2, "form": "pix2pixhd"},
        ((2, 14, 20, 3), (2, 14, 20, 4)),
        ((2, 8, 11, 2), (2, 5, 6, 4), (2, 3, 4, 8), (2, 4, 5, 16), (2, 5, 6, 1)),
        10,
    ),
    "spectral convolution with bias": Case(
        SpectralConv2D,
        {"filters": 4, "kernel_size": 4, "use_bias": True},
        ((2, 5, 4, 3),),
        ((2, 6, 5, 4),),
        4,
    ),
    "batch norm": Case(
        BatchNormalization,
        {"momentum": 0.8, "epsilon": 1e-4},
        ((2, 5, 4, 3),),
        ((2, 5, 4, 3),),
        4,
    ),
    "batch norm without affine": Case(
        BatchNormalization, {"affine": False}, ((2, 5, 4, 3),), ((2, 5, 4, 3),), 2
    ),
    "instance norm": Case(
        InstanceNormalization, {"epsilon": 1e-4}, ((2, 5, 4, 3),), ((2, 5, 4, 3),), 0
    ),
    "normalized convolution": Case(
        NormalizedConvolution,
        {
            "convolution": lambda dtype: SpectralConv2D(4, 1, dtype=dtype),
            "norm": lambda dtype: InstanceNormalization(dtype=dtype),
        },
        ((2, 5, 4, 3),),
        ((2, 5, 4, 4),),
        3,
    ),
    "layer-normalized convolution": Case(
        LayerNormalizedConvolution,
        {"filters": 4, "epsilon": 1e-11},
        ((2, 5, 4, 3),),
        ((2, 5, 4, 4),),
        3,
    ),
    "pyramid": Case(
        LayoutPyramid,
        {"filters": 2, "depth": 2},
        ((1, 8, 12, 3),),
        ((1, 2, 3, 2), (1, 4, 6, 2), (1, 8, 12, 2)),
        7 * 7,
    ),
    "layout": Case(
        LayoutEncoding,
        {"label_channels": 3, "instances": True},
        ((2, 5, 4), (2, 5, 4)),
        ((2, 5, 4), (2, 5, 4, 1), (2, 5, 4)),
        0,
    ),
    "layout without instances": Case(
        LayoutEncoding,
        {"label_channels": 3},
        ((2, 5, 4),),
        ((2, 5, 4), (2, 5, 4, 0)),
        0,
    ),
    "layout without edges": Case(
        LayoutEncoding,
        {"label_channels": 3, "instances": True, "edges": False},
        ((2, 5, 4), (2, 5, 4)),
        ((2, 5, 4), (2, 5, 4, 0), (2, 5, 4)),
        0,
    ),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def tensors(outputs):
    """All outputs but the None of a layout without instances."""
    return [y for y in keras.tree.flatten(outputs) if y is not None]


def shapes_of(outputs):
    return tuple(tuple(y.shape) for y in tensors(outputs))


def floating(outputs):
    """All outputs but integer ones (labels)."""
    return [y for y in tensors(outputs) if y.dtype.is_floating]


def test_configuration_survives(case):
    copy = round_trip(case.make("mixed_bfloat16"))
    # A rebuilt layer works: a constructor argument lost on the way would show.
    assert shapes_of(copy(*case.arrays())) == case.outputs


def test_build_creates_all_weights(case):
    layer = case.make()
    case.build(layer)
    assert len(layer.weights) == case.weights
    before = [id(weight) for weight in layer.weights]
    layer(*case.arrays())
    assert [id(weight) for weight in layer.weights] == before


def test_symbolic_call(case):
    symbols = [
        keras.Input(shape[1:], dtype="int32" if len(shape) == 3 else "float32")
        for shape in case.inputs
    ]
    outputs = case.make()(*symbols)
    assert shapes_of(outputs) == tuple((None, *shape[1:]) for shape in case.outputs)


def test_unknown_sizes_give_the_same_values(case):
    layer, arrays = case.make(), case.arrays()
    case.build(layer)
    randomize(layer)
    expected = tensors(layer(*arrays))
    found = tensors(dynamic(lambda *inputs: layer(*inputs), *arrays))
    assert shapes_of(found) == case.outputs
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(case, policy):
    layer, arrays = case.make(policy), case.arrays()
    case.build(layer)
    randomize(layer)
    for y in floating(layer(*arrays)):
        assert y.dtype == policy.removeprefix("mixed_")
        assert np.isfinite(np.asarray(y, np.float32)).all()
    assert {weight.dtype for weight in layer.weights} <= {"float32"}


def test_float64_agrees_with_float32(case):
    single, double = case.make(), case.make("float64")
    case.build(single)
    case.build(double)
    randomize(single)
    for a, b in zip(double.weights, single.weights, strict=True):
        a.assign(np.asarray(b, np.float64))
        assert a.dtype == "float64"
    arrays = case.arrays()
    wide = [x.astype(np.float64) if x.dtype == np.float32 else x for x in arrays]
    for a, b in zip(floating(double(*wide)), floating(single(*arrays)), strict=True):
        assert (a.dtype, b.dtype) == ("float64", "float32")
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
