"""Clusters of instance features: k-means, and which instances are counted."""

import types

import numpy as np
import pytest

from ccfpse_tf.gan.feature_clusters import find_clusters, instances, k_means
from ccfpse_tf.models.instance_features import FeatureClusters

SIZE = (8, 16)


def test_k_means_finds_groups_that_lie_apart():
    random = np.random.default_rng(0)
    wanted = np.array([[0.0, 0], [5, 0], [0, 5], [5, 5]])
    groups = wanted.repeat(50, 0)
    points = groups + random.normal(0, 0.1, groups.shape)
    found = k_means(points, 4, 0)
    order = np.lexsort(np.round(found).T)
    expected = points.reshape(4, 50, 2).mean(1)
    np.testing.assert_allclose(found[order], expected[np.lexsort(wanted.T)])
    np.testing.assert_array_equal(k_means(points, 4, 0), found)


@pytest.mark.parametrize(("values", "count"), [([3, 3, 3], 1), ([1, 2], 2), ([7], 1)])
def test_few_or_equal_points(values, count):
    points = np.array(values, float)[:, None]
    found = k_means(points, 10, 0)
    assert len(found) == count and set(found[:, 0]) == set(values)


def model(pooling="instance"):
    """Its features are the row and the column of a pixel."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    map_ = np.stack([rows, columns], -1)
    tables = [FeatureClusters(3, 2) for _ in range(2)]
    for table in tables:
        table.build()
    generators = [types.SimpleNamespace(clusters=table) for table in tables]
    return types.SimpleNamespace(
        encoder=types.SimpleNamespace(pooling=pooling),
        instance_features=lambda image, label, instance: map_[None].repeat(2, 0),
        generator=generators[0],
        drawing_generator=generators[1],
    )


def batch():
    """Two images; in the second, one of the instances covers two pixels only."""
    label = np.zeros((2, *SIZE), np.int32)
    label[:, :, 8:] = 1
    instance = label + 1000
    instance[1, 0, :2] = 7
    return {"image": np.zeros((2, *SIZE, 3)), "label": label, "instance": instance}


def test_instances_have_the_features_of_their_middle_pixel():
    found = list(instances(model(), batch()))
    # 64 pixels of 8 columns: the 32nd begins the fifth row.
    assert [(x.label, x.share) for x in found] == [
        *((0, 0.5), (1, 0.5), (0, 62 / 128), (1, 0.5)),
    ]
    assert [x.features.tolist() for x in found[:2]] == [[4, 0], [4, 8]]
    # Two pixels of the first row are another instance's, which is too small.
    assert found[2].features.tolist() == [4, 1]


def test_clusters_of_every_class_are_set_in_both_generators():
    made = model()
    assert find_clusters(made, [batch(), batch()], seed=0) == 3
    for generator in (made.generator, made.drawing_generator):
        table = generator.clusters
        np.testing.assert_array_equal(table.counts, [2, 1, 0])
        centers = np.asarray(table.centers)
        assert sorted(centers[0, :2].tolist()) == [[4, 0], [4, 1]]
        assert centers[1, 0].tolist() == [4, 8] and not centers[2].any()


def test_classes_instead_of_instances():
    found = list(instances(model("label"), batch()))
    assert [x.label for x in found] == [0, 1, 0, 1]
