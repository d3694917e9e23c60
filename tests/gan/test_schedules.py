"""The learning rate, epoch by epoch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.gan.schedules import LinearDecay


def test_rates_by_hand():
    schedule = LinearDecay(8.0, 3, 4, steps_per_epoch=5)
    # Full through the fourth epoch, although three were asked to be constant.
    expected = [8, 8, 8, 8, 6, 4, 2, 0, 0]
    found = [float(schedule.at_epoch(epoch)) for epoch in range(1, 10)]
    assert found == expected
    for epoch, rate in enumerate(expected):
        for step in (5 * epoch, 5 * epoch + 4):
            assert float(schedule(step)) == rate


def test_last_epoch_of_the_paper():
    schedule = LinearDecay(1e-4, 100, 100, steps_per_epoch=1)
    np.testing.assert_allclose(schedule(199), 1e-6, rtol=1e-15)
    np.testing.assert_allclose(schedule(100), 1e-4, rtol=1e-15)
    np.testing.assert_allclose(schedule(101), 0.99e-4, rtol=1e-14)


@pytest.mark.parametrize("step", [0, 10**6])
def test_no_decay_is_constant(step):
    schedule = LinearDecay(4e-4, 2, 0, steps_per_epoch=3)
    assert float(schedule(step)) == 4e-4


def test_step_may_be_a_variable_in_a_graph():
    schedule = LinearDecay(8.0, 0, 4, steps_per_epoch=2)
    step = tf.Variable(0, dtype=tf.int64)
    rate = tf.function(lambda: schedule(step))
    found = []
    for _ in range(8):
        found.append(float(rate()))
        step.assign_add(1)
    assert found == [8, 8, 6, 6, 4, 4, 2, 2]


def test_large_steps_are_exact():
    """float32 cannot tell 2^24 from 2^24 + 1."""
    schedule = LinearDecay(1.0, 0, 2, steps_per_epoch=2**24 + 1)
    assert [float(schedule(2**24)), float(schedule(2**24 + 1))] == [1, 0.5]


def test_configuration_survives():
    schedule = LinearDecay(2.0, 3, 4, 5)
    copy = keras.optimizers.schedules.deserialize(
        keras.optimizers.schedules.serialize(schedule)
    )
    assert type(copy) is LinearDecay
    assert copy.get_config() == {
        "base": 2.0,
        "constant_epochs": 3,
        "decay_epochs": 4,
        "steps_per_epoch": 5,
    }
    assert float(copy(25)) == float(schedule(25)) == 1
