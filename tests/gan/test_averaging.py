"""The averaged generator: its updates, its images, its batch statistics."""

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.gan import averaging
from ccfpse_tf.models.generators.ccfpse import Generator

SIZE = (64, 64)


@pytest.fixture(scope="module")
def built():
    """Both networks with the weights that each has at first."""
    generator = Generator(3, SIZE, ngf=1, z_dim=0, hidden=2)
    generator.build()
    networks = generator, averaging.copy_of(generator)
    return [(network, network.get_weights()) for network in networks]


@pytest.fixture
def pair(built):
    """A generator whose weights have moved by 1, and its average, not yet updated."""
    (generator, start), (average, copied) = built
    generator.set_weights([weight + 1 for weight in start])
    average.set_weights(copied)
    return generator, average


def _layout(seed):
    label = np.random.default_rng(seed).integers(0, 3, (1, *SIZE))
    return tf.one_hot(label, 3)


def test_a_copy_is_equal_and_trains_nothing(pair):
    generator, average = pair
    for mine, trained in zip(average.weights, generator.weights, strict=True):
        np.testing.assert_allclose(mine, trained - 1, atol=1e-6)
    assert average.trainable_variables == []


@pytest.mark.parametrize(("steps", "share"), [(0, 0.9), (2, 0.75), (10_000, 0.25)])
def test_weights_approach_and_statistics_are_copied(steps, share, pair):
    generator, average = pair
    trained = {id(variable) for variable in generator.trainable_variables}
    before = [np.array(variable) for variable in average.weights]
    averaging.update(average, generator, 0.75, tf.constant(steps))
    for old, mine, source in zip(
        before, average.weights, generator.weights, strict=True
    ):
        moved = share if id(source) in trained else 1.0
        np.testing.assert_allclose(mine, old + moved, rtol=1e-6, err_msg=source.path)


def test_statistics_become_the_mean_over_all_batches(pair):
    _, average = pair
    norm = average.blocks[0].first_norm

    def after(*batches):
        for count, batch in enumerate(batches):
            counted = tf.constant(count, tf.float32)
            with averaging.accumulating_statistics(average, counted):
                average(_layout(batch), training=True)
        return np.array(norm.moving_mean), np.array(norm.moving_variance)

    one, two, both = after(1), after(2), after(1, 2)
    for a, b, mean in zip(one, two, both, strict=True):
        assert (a != b).any()
        np.testing.assert_allclose(mean, (a + b) / 2, rtol=1e-5)
    assert norm.momentum == 0.9
