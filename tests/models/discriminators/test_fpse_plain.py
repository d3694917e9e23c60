"""FPSE without semantics embedding: what it sees, and that it is smaller."""

import numpy as np
import tensorflow as tf

from ccfpse_tf.layers.layout import LayoutEncoding
from ccfpse_tf.models.discriminators.fpse import FPSEDiscriminator
from ccfpse_tf.models.discriminators.fpse_plain import PlainFPSEDiscriminator
from tests.layers import oracle
from tests.layers.contract import numbers, randomize, round_trip


def make(dtype="float64"):
    model = PlainFPSEDiscriminator(4, 2, dtype=dtype)
    model.build()
    return randomize(model)


def inputs(dtype="float64"):
    label, instance = np.random.default_rng(0).integers(0, 3, (2, 1, 64, 96))
    layout = LayoutEncoding(3, True, dtype=dtype)(label, instance)
    return numbers(0, 2, 64, 96, 3, dtype=dtype), layout


def test_it_is_fpse_of_layout_and_image_and_its_score_the_patch_score():
    model, (image, layout) = make(), inputs()
    features, scores = model(image, layout)
    both = np.tile(layout.one_hot(3), (2, 1, 1, 1))
    x = np.concatenate([both, image], -1)
    for layer in model.bottom_up[:2]:
        x = oracle.instance_normalized(layer, x)
    np.testing.assert_allclose(features[0], x, rtol=1e-8, atol=1e-8)
    assert [tuple(x.shape[1:]) for x in scores] == [(16, 24, 1), (8, 12, 1), (4, 6, 1)]
    dense, _ = model(image, tf.constant(both))
    np.testing.assert_allclose(dense[-1], features[-1], rtol=1e-8, atol=1e-8)


def test_without_embedding_it_has_other_layers_and_the_same_widths():
    model, whole = make(), FPSEDiscriminator(4, 2)
    whole.build()
    assert not hasattr(model, "embedding")
    assert len(whole.weights) - len(model.weights) == 4
    assert model.bottom_up[0].convolution.kernel.shape == (3, 3, 7, 2)
    copy = round_trip(model)
    assert [w.shape for w in copy.weights] == [w.shape for w in model.weights]


def test_every_weight_is_trained_and_vectors_move():
    model, arrays = make(), inputs()
    before = [oracle.weights_of(weight) for weight in model.non_trainable_weights]
    with tf.GradientTape() as tape:
        features, scores = model(*arrays, training=True)
        loss = tf.add_n([tf.reduce_sum(x**2) for x in (*features, *scores)])
    for weight, value in zip(model.non_trainable_weights, before, strict=True):
        assert np.abs(oracle.weights_of(weight) - value).max() > 0
    variables = {weight.path: weight.value for weight in model.trainable_weights}
    for path, gradient in tape.gradient(loss, variables).items():
        assert gradient is not None and np.abs(gradient).max() > 0, path
