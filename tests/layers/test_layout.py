"""One-hot labels and instance edges."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.layers.layout import LayoutEncoding
from ccfpse_tf.layers.layout_pyramid import LayoutPyramid
from ccfpse_tf.ops.layout import Layout, instance_edges
from tests.layers import oracle
from tests.layers.contract import dynamic


def edges_by_loops(instance):
    edges = np.zeros(instance.shape, bool)
    batch, height, width = instance.shape
    for b, i, j in np.ndindex(batch, height, width):
        for row, column in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
            if 0 <= row < height and 0 <= column < width:
                edges[b, i, j] |= instance[b, i, j] != instance[b, row, column]
    return edges


@pytest.mark.parametrize("shape", [(3, 7, 6), (1, 1, 5), (2, 4, 1), (1, 1, 1)])
def test_edges(shape):
    instance = np.random.default_rng(0).integers(0, 3, shape)
    for dtype in ("uint8", "uint16", "int32", "int64"):
        ids = tf.constant(instance, dtype)
        np.testing.assert_array_equal(instance_edges(ids), edges_by_loops(instance))
    found = dynamic(instance_edges, instance)
    np.testing.assert_array_equal(found, edges_by_loops(instance))


def test_edges_by_hand():
    """Both sides of a boundary, no diagonal neighbours, no image border."""
    instance = tf.constant([[[7, 7, 7, 7], [7, 33001, 7, 7], [7, 7, 7, 7]]])
    expected = [[0, 1, 0, 0], [1, 1, 1, 0], [0, 1, 0, 0]]
    assert tf.cast(instance_edges(instance), tf.int32)[0].numpy().tolist() == expected


def test_one_hot_then_edge():
    label = np.array([[[0, 2, 1], [1, 1, 0]]], np.uint8)
    instance = np.array([[[5, 5, 5], [5, 5, 70000]]], np.int32)
    layer = LayoutEncoding(3, instances=True)
    semantics = np.asarray(layer(label, instance).one_hot(3))
    assert semantics.shape == (1, 2, 3, layer.semantic_channels) == (1, 2, 3, 4)
    for i, j in np.ndindex(2, 3):
        expected = [float(k == label[0, i, j]) for k in range(3)]
        assert semantics[0, i, j, :3].tolist() == expected
    assert semantics[0, ..., 3].tolist() == [[0, 0, 1], [0, 1, 1]]


def test_without_instances():
    layer = LayoutEncoding(4)
    assert layer.semantic_channels == 4
    layout = layer(np.full((1, 1, 1), 3))
    assert layout.features.shape == (1, 1, 1, 0)
    assert np.asarray(layout.one_hot(4)).ravel().tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("value", [-1, 3, 255])
def test_labels_outside_are_refused_eagerly_and_in_graphs(value):
    layer = LayoutEncoding(3)
    label = np.array([[[0, value]]], np.int32)
    for call in (layer, lambda label: dynamic(layer, label)):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"outside 0\.\.2"):
            call(label)


def test_missing_and_unexpected_instances_are_named():
    label = np.zeros((1, 2, 2), np.int32)
    with pytest.raises(ValueError, match="needs instance maps, and none was given"):
        LayoutEncoding(3, instances=True)(label)
    with pytest.raises(ValueError, match="has no instance maps, and one was given"):
        LayoutEncoding(3)(label, label)


@pytest.mark.parametrize("instances", [False, True])
def test_layouts_of_functional_models(instances):
    maps = [keras.Input((4, 6), dtype="int32") for _ in range(1 + instances)]
    layer = LayoutEncoding(3, instances)
    layout = layer(*maps)
    assert isinstance(layout, Layout) and layout.label.dtype == "int32"
    assert (layout.instance is not None) == instances
    pyramid = LayoutPyramid(2, 1)
    pyramid.build((None, 4, 6, layer.semantic_channels))
    model = keras.Model(maps, pyramid(layout))
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 3, (2, 4, 6)).astype(np.int32) for _ in maps]
    for found, expected in zip(model(arrays), pyramid(layer(*arrays)), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_missing_instances_of_functional_models_are_named():
    label = keras.Input((2, 2), dtype="int32")
    with pytest.raises(ValueError, match="needs instance maps, and none was given"):
        LayoutEncoding(3, instances=True)(label)


def test_a_smaller_edge_channel_is_sampled_not_recomputed():
    instance = np.zeros((1, 4, 4), np.int64)
    instance[:, :, 3:] = 1
    edges = edges_by_loops(instance)[..., None]
    sampled = oracle.resize_nearest(edges, (2, 2))[0, ..., 0].tolist()
    recomputed = edges_by_loops(oracle.resize_nearest(instance, (2, 2)))[0].tolist()
    semantics = LayoutEncoding(1, instances=True)(np.zeros_like(instance), instance)
    small = semantics.resized((2, 2))
    assert small.label.shape == (1, 2, 2)
    found = np.asarray(small.features)[0, ..., 0].astype(bool)
    assert found.tolist() == sampled == [[False, True], [False, True]]
    assert recomputed == [[False, False], [False, False]]
