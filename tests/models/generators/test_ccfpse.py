"""The generator: sizes, counts, errors, and its whole forward pass in NumPy."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.data.transforms import to_uint8
from ccfpse_tf.layers.conditional_block import ConditionalBlock
from ccfpse_tf.models.generators.ccfpse import Generator
from tests.layers.contract import dynamic, numbers, randomize, round_trip
from tests.models import oracle


@functools.cache
def make(depth=5, z_dim=4, size=(32, 64), dtype="float32", **kwargs):
    """Shared between tests, as building takes a second: set the weights first."""
    kwargs = {"ngf": 1, "hidden": 3} | kwargs
    model = Generator(3, size, depth=depth, z_dim=z_dim, dtype=dtype, **kwargs)
    model.build()
    return model


def count_of(model):
    """Its trainable values."""
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def layout(batch, size, dtype="float32"):
    label = np.random.default_rng(0).integers(0, 3, (batch, *size))
    return np.eye(3, dtype=dtype)[label]


@pytest.mark.parametrize(
    ("depth", "z_dim", "size", "training"),
    [
        (5, 4, (32, 64), True),
        (5, 0, (64, 32), False),
        (6, 4, (64, 128), False),
        (6, 0, (64, 64), True),
    ],
)
def test_forward(depth, z_dim, size, training):
    model = randomize(make(depth, z_dim, size, "float64"))
    semantics = layout(2, size, "float64")
    z = numbers(1, 2, z_dim, dtype="float64") if z_dim else None
    expected = oracle.generator(model, semantics, z, training)
    found = model(semantics, z, training=training)
    assert found.shape == (2, *size, 3)
    assert np.abs(expected).std() > 0.01
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_without_pyramid_blocks_read_the_layout_alone():
    model = randomize(make(5, 0, (32, 64), "float64", pyramid=False))
    assert model.pyramid is None
    assert round_trip(model).pyramid is None
    semantics = layout(2, (32, 64), "float64")
    expected = oracle.generator(model, semantics, None, True)
    found = model(semantics, training=True)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("channels", "size", "depth", "count"),
    [
        (184, (256, 256), 5, 123_911_299),
        pytest.param(*(36, (256, 512), 6, 117_091_459), marks=pytest.mark.slow),
        pytest.param(*(151, (256, 256), 5, 122_390_659), marks=pytest.mark.slow),
    ],
)
def test_parameter_counts_without_pyramid(channels, size, depth, count, zero_weights):
    del zero_weights  # only for speed
    model = Generator(
        channels, size, depth=depth, z_dim=0, pyramid=False, dtype="float16"
    )
    model.build()
    assert count_of(model) == count


def test_upsampling_and_widths():
    model = Generator(3, (32, 64))
    assert model.upsampled == (False, True, False, True, True, True, True)
    model = Generator(3, (64, 64), ngf=2, depth=6)
    assert model.upsampled == (False, True, True, True, True, True, True)
    assert [block.filters for block in model.blocks] == [32, 32, 32, 16, 8, 4, 2]


@pytest.mark.parametrize("depth", [5, 6])
def test_blocks_read_the_layout_at_their_own_resolution(depth, monkeypatch):
    """At depth 5 the second and third block share a map of the pyramid."""
    seen = []
    original = ConditionalBlock.call

    def spy(self, x, layout, training=None):
        y = original(self, x, layout, training=training)
        seen.append((y.shape[1], layout.shape[1], np.asarray(layout)[..., 3:]))
        return y

    monkeypatch.setattr(ConditionalBlock, "call", spy)
    model = randomize(make(depth, 0, (64, 64)))
    semantics = layout(1, (64, 64))
    model(semantics)
    rows = {5: [2, 4, 4, 8, 16, 32, 64], 6: [1, 2, 4, 8, 16, 32, 64]}[depth]
    assert [x[0] for x in seen] == [x[1] for x in seen] == rows
    maps = model.pyramid(semantics)
    levels = {5: [0, 1, 1, 2, 3, 4, 5], 6: [0, 1, 2, 3, 4, 5, 6]}[depth]
    for (_, _, context), level in zip(seen, levels, strict=True):
        np.testing.assert_allclose(context, maps[level], rtol=1e-4, atol=1e-5)


UNUSED = 26_112  # values that the official networks hold and never read


@pytest.mark.parametrize(
    ("channels", "size", "depth", "with_style", "without"),
    [
        (184, (256, 256), 5, 141_939_843, 126_793_859),
        (36, (256, 512), 6, 128_055_555, 119_966_979),
        pytest.param(
            *(151, (256, 256), 5, 140_704_323, 125_254_211), marks=pytest.mark.slow
        ),
    ],
)
def test_parameter_counts(channels, size, depth, with_style, without, zero_weights):
    del zero_weights  # only for speed
    for z_dim, count in ((256, with_style), (0, without)):
        model = Generator(channels, size, depth=depth, z_dim=z_dim, dtype="float16")
        model.build()
        assert count_of(model) == count - UNUSED
        del model


def test_configuration_survives():
    model = make(6, 4, (64, 128), "mixed_bfloat16", name="tested")
    copy = round_trip(model)
    assert [w.shape for w in copy.weights] == [w.shape for w in model.weights]
    assert copy.image_size == (64, 128) and copy.depth == 6


def test_without_style_other_sizes_work_even_unknown_ones():
    model = randomize(make(5, 0))
    semantics = layout(1, (64, 32))
    expected = model(semantics)
    assert expected.shape == (1, 64, 32, 3)
    found = dynamic(lambda x: model(x), semantics)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_with_style_symbolic_and_unknown_batch():
    model = make(5, 4)
    image = model(keras.Input((32, 64, 3)), keras.Input((4,)))
    assert image.shape == (None, 32, 64, 3)


def test_mixed_precision_gives_float32_images():
    model = randomize(make(5, 4, (32, 64), "mixed_bfloat16"))
    reference = make(5, 4)
    for a, b in zip(reference.weights, model.weights, strict=True):
        assert b.dtype == "float32"
        a.assign(b)
    arguments = layout(2, (32, 64)), numbers(2, 2, 4)
    y = model(*arguments, training=True)
    assert y.dtype == "float32"
    difference = np.abs(y - reference(*arguments, training=True))
    assert 0 < difference.mean() < 0.1


def test_style_and_every_weight_matter():
    model = randomize(make(5, 4, (32, 64), "float64", ngf=2))
    z = tf.constant(numbers(3, 2, 4, dtype="float64"))
    with tf.GradientTape() as tape:
        tape.watch(z)
        y = model(layout(2, (32, 64), "float64"), z, training=True)
        loss = tf.reduce_sum(y**2)
    variables = {weight.path: weight.value for weight in model.trainable_weights}
    by_z, gradients = tape.gradient(loss, [z, variables])
    assert np.abs(by_z).max() > 0
    for path, gradient in gradients.items():
        assert gradient is not None and np.abs(gradient).max() > 0, path


@pytest.mark.parametrize("size", [(48, 32), (32, 40)])
def test_wrong_image_sizes_are_named(size):
    with pytest.raises(ValueError, match=rf"{size[0]}x{size[1]}.*multiples of 32"):
        Generator(3, size)
    with pytest.raises(ValueError, match=rf"{size[0]}x{size[1]}.*multiples of 32"):
        make(5, 0)(np.zeros((1, *size, 3), np.float32))
    with pytest.raises(ValueError, match="32x64.*multiples of 64"):
        Generator(3, (32, 64), depth=6)


def test_other_errors():
    with pytest.raises(ValueError, match="depth 4: the generator has 5 or 6"):
        Generator(3, (64, 64), depth=4)
    semantics, z = layout(1, (32, 64)), np.zeros((1, 4), np.float32)
    with pytest.raises(ValueError, match="needs a style code, and none was given"):
        make(5, 4)(semantics)
    with pytest.raises(ValueError, match="has no style code, and one was given"):
        make(5, 0)(semantics, z)
    with pytest.raises(ValueError, match="64x32.* its own size only, 32x64"):
        make(5, 4)(layout(1, (64, 32)), z)


def test_to_uint8_truncates():
    images = tf.constant([-2.0, -1.0, -0.999, 0.0, 0.0038, 0.0040, 0.9999, 1.0, 5.0])
    found = to_uint8(images)
    assert found.dtype == "uint8"
    # 0.0 -> 127.5 -> 127; 1.0038 * 127.5 = 127.98; 1.004 * 127.5 = 128.01.
    assert found.numpy().tolist() == [0, 0, 0, 127, 127, 128, 254, 255, 255]
