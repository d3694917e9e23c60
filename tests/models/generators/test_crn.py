"""The cascaded refinement network: counts, its equation in NumPy, sizes."""

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.models.generators.crn import CRNGenerator, levels_of, widths_of
from ccfpse_tf.ops.layout import Layout
from tests.layers import oracle
from tests.layers.contract import dynamic, numbers, randomize, round_trip

CLASSES = 3


def make(size=(16, 24), widths=(5, 4, 3), images=2, dtype="float32"):
    model = CRNGenerator(CLASSES, size, widths, images, dtype=dtype)
    model.build()
    return randomize(model)


def labels(size, batch=2):
    rng = np.random.default_rng(0)
    return rng.integers(0, CLASSES, (batch, *size)).astype(np.int32)


def layout(size, dtype="float32"):
    label = labels(size)
    return Layout(tf.constant(label), tf.zeros((*label.shape, 0), dtype))


@pytest.mark.parametrize(
    ("channels", "size", "images", "parameters"),
    [
        (20, (256, 512), 9, 97_875_483),  # Cityscapes
        (183, (256, 256), 9, 106_888_731),  # COCO-Stuff
        (151, (256, 256), 9, 105_119_259),  # ADE20K
        (20, (512, 1024), 1, 98_622_851),
        (20, (1024, 2048), 1, 98_674_531),
    ],
)
def test_parameters_of_the_paper(zero_weights, channels, size, images, parameters):
    model = CRNGenerator(channels, size, widths_of(size, 64), images)
    model.build()
    assert model.count_params() == parameters
    assert model.refinements[0][0].kernel.shape[2] == channels


@pytest.mark.parametrize(
    ("size", "levels"),
    [((4, 4), 0), ((64, 96), 4), ((256, 512), 6), ((96, 128), 4), ((28, 28), 2)],
)
def test_the_coarsest_maps_have_four_pixels_or_little_more(size, levels):
    assert levels_of(size) == levels
    assert 4 <= min(size) >> levels < 8
    assert len(widths_of(size, 2)) == levels + 1


def drawn(model, label):
    """The cascade written out."""
    one_hot = np.eye(CLASSES)[label]
    height, width = label.shape[1:]
    x = None
    for number, stage in enumerate(model.refinements):
        cell = 2 ** (len(model.widths) - 1 - number)
        shape = (-1, height // cell, cell, width // cell, cell, CLASSES)
        level = one_hot.reshape(shape).mean((2, 4))
        if x is not None:
            level = np.concatenate(
                [level, oracle.resize_aligned(x, level.shape[1:3])], -1
            )
        x = level
        for layer in stage:
            x = oracle.convolve(x, oracle.weights_of(layer.kernel))
            mean = x.mean((1, 2, 3), keepdims=True)
            x = (x - mean) / np.sqrt(x.var((1, 2, 3), keepdims=True) + 1e-12)
            gamma, beta = map(oracle.weights_of, (layer.gamma, layer.beta))
            x = oracle.leaky_relu(x * gamma + beta)
    last = model.image_convolution
    x = x @ oracle.weights_of(last.kernel)[0, 0] + oracle.weights_of(last.bias)
    images = [x[..., k :: model.images] for k in range(model.images)]
    return np.stack(images, 1)


def test_the_equation():
    model, semantics = make(dtype="float64"), layout((16, 24), "float64")
    expected = drawn(model, np.asarray(semantics.label))
    np.testing.assert_allclose(model.draw_all(semantics), expected, atol=1e-10)
    np.testing.assert_allclose(model(semantics), expected[:, 0], atol=1e-10)
    dense = semantics.one_hot(CLASSES)
    np.testing.assert_allclose(model.draw_all(dense), expected, atol=1e-10)


def test_other_sizes_and_unknown_ones():
    model = make()
    assert model.any_size and model.stride == 4
    for size in ((16, 24), (24, 16)):
        semantics = layout(size)
        expected = model(semantics)
        assert expected.shape == (2, *size, 3)
        found = dynamic(
            lambda a: model(Layout(a, tf.zeros((*tf.unstack(tf.shape(a)), 0)))),
            np.asarray(semantics.label),
        )
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="multiples of 4"):
        model(layout((16, 22)))
    with pytest.raises(ValueError, match="no style code"):
        model(layout((16, 24)), numbers(0, 2, 4))


def test_configuration_survives():
    copy = round_trip(make(dtype="mixed_bfloat16"))
    image = copy(layout((16, 24), "bfloat16"))
    assert image.dtype == "float32" and np.isfinite(np.asarray(image)).all()


def test_initial_values_are_xavier_uniform():
    model = CRNGenerator(CLASSES, (16, 16), (64, 64, 64))
    model.build()
    kernel = np.asarray(model.refinements[1][0].kernel)
    limit = np.sqrt(6 / (9 * (64 + CLASSES + 64)))
    assert 0.98 * limit < np.abs(kernel).max() <= limit
    np.testing.assert_allclose(kernel.std(), limit / np.sqrt(3), rtol=0.02)
    assert not np.asarray(model.image_convolution.bias).any()
