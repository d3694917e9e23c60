"""SPADE's generator: its forward pass in NumPy, sizes, counts and errors."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.models.generators.spade import SpadeGenerator
from ccfpse_tf.ops.layout import Layout
from tests.layers.contract import dynamic, numbers, randomize, round_trip
from tests.models import oracle


@functools.cache
def make(depth=5, z_dim=4, size=(32, 64), dtype="float32", **kwargs):
    """Shared between tests, as building takes a second: set the weights first."""
    kwargs = {"ngf": 2, "hidden": 3} | kwargs
    model = SpadeGenerator(3, size, depth=depth, z_dim=z_dim, dtype=dtype, **kwargs)
    model.build()
    return model


def layout(batch, size, dtype="float32"):
    label = np.random.default_rng(0).integers(0, 3, (batch, *size)).astype(np.int32)
    return Layout(tf.constant(label), tf.zeros((batch, *size, 0), dtype))


@pytest.mark.parametrize(
    ("depth", "z_dim", "size", "training"),
    [
        (5, 4, (32, 64), True),
        (5, 0, (64, 32), False),
        (6, 0, (64, 64), True),
        (7, 4, (128, 128), False),
    ],
)
def test_forward(depth, z_dim, size, training):
    model = randomize(make(depth, z_dim, size, "float64"))
    semantics = layout(2, size, "float64")
    z = numbers(1, 2, z_dim, dtype="float64") if z_dim else None
    dense = np.asarray(semantics.one_hot(3))
    expected = oracle.spade_generator(model, dense, z, training)
    found = model(semantics, z, training=training)
    assert found.shape == (2, *size, 3)
    assert np.abs(expected).std() > 0.01
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_upsampling_and_widths():
    widths = [32, 32, 32, 16, 8, 4, 2]
    for depth, third, last in ((5, False, []), (6, True, []), (7, True, [1])):
        model = SpadeGenerator(3, (128, 128), ngf=2, depth=depth)
        assert [block.filters for block in model.blocks] == widths + last
        further = (True,) * (4 + len(last))
        assert model.upsampled == (False, True, third, *further)
        assert model.stride == 2**depth


@pytest.mark.parametrize(
    ("channels", "size", "depth", "with_style", "without"),
    [
        (184, (256, 256), 5, 112_626_883, 97_480_899),
        pytest.param(
            *(36, (256, 512), 6, 101_136_579, 93_048_003), marks=pytest.mark.slow
        ),
        pytest.param(
            *(151, (256, 256), 5, 111_942_595, 96_492_483), marks=pytest.mark.slow
        ),
    ],
)
def test_parameter_counts(channels, size, depth, with_style, without, zero_weights):
    del zero_weights  # only for speed
    for z_dim, count in ((256, with_style), (0, without)):
        model = SpadeGenerator(
            channels, size, depth=depth, z_dim=z_dim, dtype="float16"
        )
        model.build()
        shapes = [weight.shape for weight in model.trainable_weights]
        assert sum(int(np.prod(shape)) for shape in shapes) == count
        del model


def test_initial_values():
    """Modulations start near 0, block convolutions in PyTorch's default range."""
    model = SpadeGenerator(3, (32, 32), ngf=16, z_dim=0)
    model.build()
    block = model.blocks[0]
    deviation = 0.02 * (2 / (9 * (128 + 256))) ** 0.5
    found = np.asarray(block.first_norm.gamma.kernel).std()
    assert abs(found / deviation - 1) < 0.05
    largest = np.abs(block.first_convolution.kernel).max()
    assert 0.99 < largest * (9 * 256) ** 0.5 <= 1
    assert not np.any(block.first_convolution.bias)


def test_configuration_survives():
    model = make(7, 4, (128, 128), "mixed_bfloat16", recompute=False)
    copy = round_trip(model)
    assert [w.shape for w in copy.weights] == [w.shape for w in model.weights]
    assert (copy.image_size, copy.depth, copy.recompute) == ((128, 128), 7, False)


def test_without_style_other_sizes_work_even_unknown_ones():
    model = randomize(make(5, 0))
    semantics = np.asarray(layout(1, (64, 32)).one_hot(3))
    expected = model(semantics)
    assert expected.shape == (1, 64, 32, 3)
    found = dynamic(lambda x: model(x), semantics)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_mixed_precision_gives_float32_images():
    model = randomize(make(5, 4, (32, 64), "mixed_bfloat16"))
    y = model(layout(2, (32, 64), "bfloat16"), numbers(2, 2, 4), training=True)
    assert y.dtype == "float32" and np.isfinite(y).all()
    assert {weight.dtype for weight in model.weights} == {"float32"}


def test_every_weight_is_trained_but_those_before_batch_norms():
    model = randomize(make(5, 4, (32, 64), "float64"))
    with tf.GradientTape() as tape:
        z = numbers(3, 2, 4, dtype="float64")
        y = model(layout(2, (32, 64), "float64"), z, training=True)
        loss = tf.reduce_sum(y**2)
    variables = {weight.path: weight.value for weight in model.trainable_weights}
    sizes = {k: np.abs(x).max() for k, x in tape.gradient(loss, variables).items()}
    vanishing = [path for path, size in sizes.items() if size < 1e-9]
    # Biases of the convolutions, but the last, and of beta in three shortcuts: a batch
    # norm takes away what they add.
    assert len(vanishing) == 13 + 3
    assert all(path.endswith("bias") for path in vanishing)


def test_errors():
    with pytest.raises(ValueError, match="depth 8: the generator has 5 or 6 or 7"):
        SpadeGenerator(3, (256, 256), depth=8)
    with pytest.raises(ValueError, match="96x96.*multiples of 128"):
        SpadeGenerator(3, (96, 96), depth=7)
    with pytest.raises(ValueError, match="needs a style code, and none was given"):
        make(5, 4)(layout(1, (32, 64)))
