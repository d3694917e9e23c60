"""The compact generator: its equation, sizes, and what reaches the image."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.models.generators.ccfpse_compact import CompactGenerator
from ccfpse_tf.ops import kernel_mixture
from ccfpse_tf.ops.layout import Layout
from tests.layers.contract import dynamic, numbers, randomize, round_trip

CLASSES = 3


@functools.cache
def make(depth=5, z_dim=4, size=(64, 96), dtype="float32", **kwargs):
    """Shared between tests: set the weights first."""
    kwargs = {"ngf": 2, "hidden": 3, "mixed": 2, "embedding": 5} | kwargs
    model = CompactGenerator(
        CLASSES + 1, size, depth=depth, z_dim=z_dim, dtype=dtype, **kwargs
    )
    model.build()
    return model


def layout(batch, size, dtype="float32"):
    rng = np.random.default_rng(0)
    label = rng.integers(0, CLASSES, (batch, *size)).astype(np.int32)
    return Layout(label, rng.integers(0, 2, (batch, *size, 1)).astype(dtype))


@pytest.mark.parametrize(("depth", "z_dim"), [(5, 4), (5, 0), (6, 4)])
def test_images_of_any_multiple_of_the_stride(depth, z_dim):
    model = randomize(make(depth, z_dim, (64, 64)))
    z = (numbers(1, 2, z_dim),) if z_dim else ()
    assert model.any_size and model.stride == 2**depth
    for size in ((64, 64), (64, 128)):
        image = model(layout(2, size), *z)
        assert image.shape == (2, *size, 3)
        assert 0.01 < np.asarray(image).std() and np.abs(image).max() <= 1


def test_a_layout_and_its_one_hot_map_make_the_same_image():
    model = randomize(make())
    semantics, z = layout(2, (64, 96)), numbers(1, 2, 4)
    dense = semantics._replace(features=tf.constant(semantics.features))
    expected = model(dense.one_hot(CLASSES), z)
    np.testing.assert_allclose(model(semantics, z), expected, rtol=1e-4, atol=1e-5)


def test_the_fast_form_draws_what_the_equation_does(monkeypatch):
    model = randomize(make(dtype="float64"))
    semantics, z = layout(1, (64, 96), "float64"), numbers(1, 1, 4, dtype="float64")
    found = model(semantics, z)
    module = "ccfpse_tf.layers.compact_block.mixture_convolution"
    monkeypatch.setattr(module, kernel_mixture.reference)
    np.testing.assert_allclose(found, model(semantics, z), rtol=1e-9, atol=1e-9)


def test_sizes_may_be_unknown_when_traced():
    model = randomize(make())
    semantics, z = layout(1, (64, 96)), numbers(1, 1, 4)
    found = dynamic(lambda a, b, z: model(Layout(a, b), z), *semantics[:2], z)
    np.testing.assert_allclose(found, model(semantics, z), rtol=1e-4, atol=1e-4)


def test_the_pixels_of_a_cell_start_equal():
    fresh = CompactGenerator(CLASSES + 1, (64, 64), ngf=2, hidden=3, z_dim=0)
    fresh.build()
    kernel = np.asarray(fresh.cell_convolution.kernel)
    pixels = kernel.reshape(*kernel.shape[:3], 4, -1)  # as depth_to_space takes them
    np.testing.assert_array_equal(pixels, pixels[..., :1, :].repeat(4, -2))


def test_every_pixel_of_a_cell_is_seen():
    """The largest maps have a place for 2x2 pixels, whose order must survive."""
    model = randomize(make(z_dim=0))
    label, features, _ = layout(1, (64, 96))
    base = model(Layout(label, features))
    for row, column in ((20, 30), (20, 31), (21, 30), (21, 31)):
        other = label.copy()
        other[0, row, column] = (other[0, row, column] + 1) % CLASSES
        change = np.abs(model(Layout(other, features)) - base).sum(-1)[0]
        assert change[row, column] > 1e-4


def test_everything_matters():
    model = randomize(make(dtype="float64"))
    semantics = layout(2, (64, 96), "float64")
    z = tf.constant(numbers(3, 2, 4, dtype="float64"))
    with tf.GradientTape() as tape:
        tape.watch(z)
        loss = tf.reduce_sum(model(semantics, z, training=True) ** 2)
    variables = {weight.path: weight.value for weight in model.trainable_weights}
    by_z, gradients = tape.gradient(loss, [z, variables])
    assert np.abs(by_z).max() > 0
    for path, gradient in gradients.items():
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, path


def test_more_classes_cost_no_arithmetic_and_few_weights():
    few, many = (CompactGenerator(n, (256, 256)) for n in (10, 200))
    few.build(), many.build()
    assert many.count_params() - few.count_params() == 190 * few.embedding


def test_mixed_precision_gives_float32_images():
    reference = randomize(make())
    model = make(dtype="mixed_bfloat16")
    for a, b in zip(model.weights, reference.weights, strict=True):
        assert a.dtype == "float32"
        a.assign(b)
    semantics, z = layout(2, (64, 96)), numbers(2, 2, 4)
    y = model(semantics._replace(features=tf.cast(semantics[1], "bfloat16")), z)
    assert y.dtype == "float32"
    assert 0 < np.abs(y - reference(semantics, z)).mean() < 0.1


def test_configuration_survives():
    copy = round_trip(make(6, 4, (64, 128), "mixed_bfloat16", name="tested"))
    assert copy.image_size == (64, 128) and copy.mixed == 2


def test_wrong_inputs_are_named():
    with pytest.raises(ValueError, match="64x72.*multiples of 32"):
        CompactGenerator(4, (64, 72))
    with pytest.raises(ValueError, match="needs a style code"):
        make()(layout(1, (64, 96)))
    with pytest.raises(ValueError, match="has no style code"):
        make(z_dim=0)(layout(1, (64, 96)), numbers(1, 1, 4))
    with pytest.raises(ValueError, match="48x64.*multiples of 32"):
        make()(layout(1, (48, 64)), numbers(1, 1, 4))


@pytest.mark.parametrize("depth", [4, 7])
def test_other_depths_are_refused(depth):
    with pytest.raises(ValueError, match=f"depth {depth}: the generator has 5 or 6 up"):
        CompactGenerator(CLASSES, (128, 128), depth=depth)
