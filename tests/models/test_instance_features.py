"""Instance features: the encoder in NumPy, and the clusters that stand in for it."""

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.models.instance_features import (
    CLUSTERS,
    FeatureClusters,
    InstanceFeatureEncoder,
)
from ccfpse_tf.ops.instance_pooling import pool_instances, reference
from ccfpse_tf.ops.layout import Layout
from tests.layers.contract import dynamic, numbers, randomize, round_trip
from tests.models import pix2pixhd_oracle as oracle

SIZE = (16, 24)


def layout(batch=2, classes=3):
    random = np.random.default_rng(0)
    label = random.integers(0, classes, (batch, *SIZE)).astype(np.int32)
    # Ids of all signs and sizes, some of them shared by the images.
    ids = random.choice([-5, 0, 7, 26001, 2**31 - 1, -(2**31)], (batch, *SIZE))
    return Layout(
        tf.constant(label), tf.zeros((batch, *SIZE, 0)), tf.constant(ids, tf.int32)
    )


@pytest.mark.parametrize("pooling", ["instance", "label"])
def test_encoder(pooling):
    model = InstanceFeatureEncoder(2, 3, 2, pooling, dtype="float64")
    model.build()
    image, seen = numbers(1, 2, *SIZE, 3, dtype="float64"), layout()
    ids = np.asarray(seen.instance if pooling == "instance" else seen.label)
    expected = oracle.encoder(randomize(model), image, ids)
    np.testing.assert_allclose(model(image, seen), expected, rtol=1e-6, atol=1e-8)
    assert expected.std() > 0.01
    round_trip(model)


def test_pooling_and_its_gradient():
    x = tf.constant(numbers(1, 2, *SIZE, 3, dtype="float64"))
    weight, ids = numbers(2, 2, *SIZE, 3, dtype="float64"), layout().instance
    found = []
    for function in (pool_instances, reference):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x, ids)
        found.append((y, tape.gradient(y, x, weight)))
    for ours, expected in zip(*found, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-12)
    traced = dynamic(pool_instances, x, ids)
    np.testing.assert_allclose(traced, found[0][0], atol=1e-12)


def test_parameters_of_the_published_encoder():
    model = InstanceFeatureEncoder()
    model.build()
    assert model.count_params() == 788_803


def clusters(**options):
    layer = FeatureClusters(4, 2, **options)
    layer.build()
    centers = np.arange(4 * CLUSTERS * 2).reshape(4, CLUSTERS, 2)
    layer.centers.assign(centers)
    layer.counts.assign([10, 3, 1, 0])
    return layer, centers


def test_every_instance_gets_a_cluster_of_its_class():
    layer, centers = clusters()
    label = np.repeat(np.arange(4), 250).reshape(1, 4, 250)
    ids = np.arange(1000).reshape(1, 4, 250)
    found = np.asarray(layer(Layout(label, np.zeros((1, 4, 250, 0)), ids)))[0]
    for row, count in enumerate([10, 3, 1]):
        seen = {tuple(x) for x in found[row]}
        assert seen == {tuple(x) for x in centers[row, :count]}
    assert {tuple(x) for x in found[3]} == {tuple(centers[3, 0])}


def test_an_instance_keeps_its_cluster_and_seeds_differ():
    label, none = np.zeros((1, 1, 100), np.int32), np.zeros((1, 1, 100, 0))
    ids = np.arange(100).reshape(1, 1, 100)
    draws = [
        np.asarray(clusters(seed=seed)[0](Layout(label, none, ids))) for seed in (0, 1)
    ]
    assert (draws[0] != draws[1]).any()
    turned = clusters()[0](Layout(label, none, ids[..., ::-1]))
    np.testing.assert_array_equal(np.asarray(turned)[:, :, ::-1], draws[0])
    whole = np.asarray(clusters(pooling="label")[0](Layout(label, none)))
    assert len({tuple(x) for x in whole[0, 0]}) == 1


def test_errors():
    with pytest.raises(ValueError, match="choose from instance, label"):
        FeatureClusters(3, 2, "class")
    label, edges, _ = layout()
    model = InstanceFeatureEncoder(2, 3, 2)
    with pytest.raises(ValueError, match="instance features need instance maps"):
        model(numbers(1, 2, *SIZE, 3), Layout(label, edges))
