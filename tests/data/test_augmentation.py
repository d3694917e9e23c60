"""Zoomed and jittered batches."""

import numpy as np
import tensorflow as tf

from ccfpse_tf.data.augmentation import jitter_batch, zoom_batch


def blocks():
    """Images that are a function of their labels, in blocks of 8 pixels."""
    labels = np.kron(np.arange(96).reshape(8, 3, 4), np.ones((8, 8))).astype(np.int32)
    images = np.stack([labels / 100, labels / 200, labels / 400], -1) + 0.1
    return tf.constant(images, tf.float32), tf.constant(labels)


def test_labels_move_with_their_images():
    images, labels = blocks()
    moved, found = map(np.asarray, zoom_batch(images, labels, 3, 5, 2.0, -1))
    assert moved.shape == images.shape and found.shape == labels.shape
    outside = found == -1
    assert (moved[outside] == 0).mean() > 0.9 and 0 < outside.mean() < 0.9
    values = np.rint((moved[..., 0] - 0.1) * 100).astype(int)
    assert (values == found)[~outside].mean() > 0.8  # all but edges, which mix
    assert (found != labels.numpy()).any(axis=(1, 2)).all()


def test_draws_depend_on_seed_and_number_alone():
    images, labels = blocks()
    first = zoom_batch(images, labels, 3, 5, 1.5, -1)
    for seed, number in ((3, 5), (3, 6), (4, 5)):
        again = zoom_batch(images, labels, seed, number, 1.5, -1)
        assert np.array_equal(first[0], again[0]) == ((seed, number) == (3, 5))
    assert np.array_equal(
        jitter_batch(images, 1, 2, 0.2), jitter_batch(images, 1, 2, 0.2)
    )


def test_no_zoom_changes_nothing():
    images, labels = blocks()
    same, found = zoom_batch(images, labels, 0, 0, 1.0, -1)
    np.testing.assert_allclose(same, images, atol=1e-5)
    np.testing.assert_array_equal(found, labels)


def test_jitter_stays_in_its_limits():
    images = tf.zeros((64, 2, 2, 3))
    changed = np.asarray(jitter_batch(images, 0, 0, 0.2))
    assert 0.3 < np.abs(changed).max() <= 0.4  # a fifth of -1..1
    assert np.ptp(changed, axis=(1, 2, 3)).max() == 0
    assert np.abs(jitter_batch(images + 0.9, 0, 1, 0.5)).max() <= 1
