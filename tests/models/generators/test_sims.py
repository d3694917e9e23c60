"""The refinement network: counts, what reaches the image, sizes."""

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.models.generators.sims import CANVAS, RefinementNetwork, widths_of
from ccfpse_tf.ops.layout import Layout
from tests.layers.contract import dynamic, numbers, randomize, round_trip

CLASSES = 3
WIDTHS = (2, 2, 3, 4, 4, 4)


def make(size=(64, 128), fine=False, dtype="float32"):
    model = RefinementNetwork(CLASSES, size, WIDTHS, fine, dtype=dtype)
    model.build()
    return randomize(model)


def semantics(size, dtype="float32"):
    rng = np.random.default_rng(0)
    label = rng.integers(0, CLASSES, (1, *size)).astype(np.int32)
    return Layout(
        tf.constant(label), tf.constant(rng.random((1, *size, CANVAS)), dtype)
    )


@pytest.mark.parametrize(
    ("channels", "fine", "parameters"),
    [
        (20, False, 55_671_319),  # Cityscapes
        (183, False, 60_271_831),  # COCO-Stuff
        (151, False, 59_368_663),  # ADE20K
        (20, True, 56_138_903),
    ],
)
def test_parameters_of_the_paper(zero_weights, channels, fine, parameters):
    model = RefinementNetwork(channels, (256, 512), widths_of(64), fine)
    model.build()
    # The numbers are for scores of 20 classes.
    scores = (channels - 20) * (model.final[-1][-1].filters + 1)
    assert model.count_params() - scores == parameters


@pytest.mark.parametrize("fine", [False, True])
def test_images_and_scores(fine):
    size = (128, 128) if fine else (64, 128)
    model = make(size, fine)
    assert model.stride == (128 if fine else 64) and not model.any_size
    given = semantics(size)
    image, scores = model.draw_with_scores(given)
    assert image.shape == (1, *size, 3) and scores.shape == (1, *size, CLASSES)
    np.testing.assert_array_equal(model(given), image)
    dense = model(given.one_hot(CLASSES))
    np.testing.assert_allclose(dense, image, rtol=1e-3, atol=1e-3)
    found = dynamic(lambda a, b: model(Layout(a, b)), *map(np.asarray, given[:2]))
    np.testing.assert_allclose(found, image, rtol=1e-3, atol=1e-3)
    # Every pixel sees every other one: the normalisation is over the whole image.
    other = np.array(given.features)
    other[0, -1, -1, 0] += 1
    changed = model(given._replace(features=tf.constant(other)))
    assert (np.asarray(changed) != np.asarray(image))[0, 0, 0].any()


def test_what_is_refused():
    with pytest.raises(ValueError, match="multiples of 64"):
        make()(semantics((64, 96)))
    with pytest.raises(ValueError, match="no style code"):
        make()(semantics((64, 128)), numbers(0, 1, 4))


def test_configuration_survives():
    copy = round_trip(make((128, 128), True, dtype="mixed_bfloat16"))
    image = copy(semantics((128, 128), "bfloat16"))
    assert image.dtype == "float32" and np.isfinite(np.asarray(image)).all()
