"""Adam against its equations."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.gan.optimizers import Adam, TensorFlowAdam
from ccfpse_tf.gan.schedules import LinearDecay


def variable(value, dtype="float64"):
    value = np.asarray(value)
    return keras.Variable(value, dtype=dtype)


def moved(optimizer, gradient, dtype="float64"):
    """Returns how far a weight at 0 moves in one step."""
    weight = variable([0.0], dtype)
    optimizer.apply([tf.constant([gradient], dtype)], [weight])
    return np.asarray(weight).item()


def test_first_step_by_hand():
    # m_hat = g and v_hat = g^2, whatever the betas: lr * g / (|g| + epsilon).
    assert abs(moved(Adam(0.5, 0.5, 0.9), 4.0) + 0.5) < 2e-9
    assert abs(moved(Adam(0.5, 0.5, 0.9, epsilon=1.0), -3.0) - 0.5 * 3 / 4) < 1e-12


@pytest.mark.parametrize(("beta_1", "beta_2"), [(0.0, 0.9), (0.5, 0.999)])
def test_several_steps(beta_1, beta_2):
    optimizer = Adam(0.01, beta_1, beta_2, epsilon=1e-3)
    start = np.array([1.0, -2.0, 0.5])
    weight, expected = variable(start), start.copy()
    m, v = np.zeros(3), np.zeros(3)
    rng = np.random.default_rng(0)
    for step in range(1, 6):
        gradient = rng.normal(size=3) * [1, 1e-3, 0]
        m = beta_1 * m + (1 - beta_1) * gradient
        v = beta_2 * v + (1 - beta_2) * gradient**2
        m_hat, v_hat = m / (1 - beta_1**step), v / (1 - beta_2**step)
        expected -= 0.01 * m_hat / (np.sqrt(v_hat) + 1e-3)
        optimizer.apply([tf.constant(gradient)], [weight])
        np.testing.assert_allclose(weight, expected, rtol=1e-9)
    assert np.asarray(weight)[2] == 0.5


def test_epsilon_differs_from_keras_for_tiny_gradients():
    arguments = {
        "learning_rate": 1e-4,
        "beta_1": 0.0,
        "beta_2": 0.9,
        "epsilon": 1e-8,
    }
    tiny = 1e-8
    ours = moved(Adam(**arguments), tiny)
    theirs = moved(keras.optimizers.Adam(**arguments), tiny)
    np.testing.assert_allclose(ours, -1e-4 / 2, rtol=1e-6)
    # Keras: as if epsilon were 1e-8 / sqrt(1 - 0.9).
    np.testing.assert_allclose(theirs, -1e-4 / (1 + np.sqrt(10)), rtol=1e-5)
    # For ordinary gradients both are the same.
    arguments["learning_rate"] = 0.5
    ours, theirs = (
        moved(kind(**arguments), 2.0) for kind in (Adam, keras.optimizers.Adam)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_defaults_are_the_generators():
    config = Adam().get_config()
    found = {name: config[name] for name in ("beta_1", "beta_2", "epsilon")}
    assert found == {"beta_1": 0.0, "beta_2": 0.9, "epsilon": 1e-8}
    np.testing.assert_allclose(Adam().learning_rate, 1e-4, rtol=1e-6)


def test_bias_corrections_keep_their_digits_in_float32():
    """``1 - 0.999`` has four digits in float32; the step must have seven."""
    found = moved(Adam(1.0, 0.9, 0.999, epsilon=0.0), 3.0, "float32")
    np.testing.assert_allclose(found, -1, rtol=3e-7)


def test_follows_a_schedule():
    optimizer = Adam(LinearDecay(8.0, 0, 4, 1), epsilon=0.0)
    weight = variable([0.0])
    places = []
    for _ in range(5):
        optimizer.apply([tf.constant([1.0], tf.float64)], [weight])
        places.append(np.asarray(weight).item())
    np.testing.assert_allclose(places, [-8, -14, -18, -20, -20], rtol=1e-6)


def test_updates_inside_a_graph():
    optimizer, weight = Adam(0.1, epsilon=0.0), variable([0.0])
    optimizer.build([weight])

    @tf.function
    def step():
        optimizer.apply([tf.constant([2.0], tf.float64)], [weight])

    step()
    step()
    np.testing.assert_allclose(weight, [-0.2], rtol=1e-6)
    assert int(optimizer.iterations) == 2


def test_configuration_survives():
    optimizer = Adam(LinearDecay(2.0, 3, 4, 5), 0.25, 0.75, 1e-5)
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(copy) is Adam
    assert copy.get_config() == optimizer.get_config()
    assert moved(copy, 0.5) == moved(optimizer, 0.5) != 0


def test_amsgrad_is_refused():
    with pytest.raises(ValueError, match="amsgrad is not supported"):
        Adam(amsgrad=True)


def test_slices_are_made_dense():
    """Rows of a table that no pixel looked up still follow their moments."""
    tables = [variable(np.ones((4, 2))) for _ in range(2)]
    rows, indices = tf.constant([[1.0, 2.0], [3.0, 4.0]], tf.float64), [2, 0]
    sparse = tf.IndexedSlices(rows, tf.constant(indices), tf.constant([4, 2]))
    dense = tf.convert_to_tensor(sparse)
    for table, gradient in zip(tables, (sparse, dense), strict=True):
        optimizer = Adam(0.1, 0.5)
        optimizer.apply([gradient], [table])
        optimizer.apply([0 * dense], [table])
    np.testing.assert_array_equal(*tables)
    assert (np.asarray(tables[0]) != 1).any(1).tolist() == [True, False, True, False]


def test_variables_of_several_dtypes():
    weights = [variable([1.0], dtype) for dtype in ("float64", "float32")]
    optimizer = Adam(0.25, epsilon=0.0)
    optimizer.apply([tf.constant([2.0], w.dtype) for w in weights], weights)
    assert [float(w[0]) for w in weights] == pytest.approx([0.75, 0.75], rel=1e-6)


def test_an_overflow_on_one_of_two_replicas_skips_the_step_on_both():
    command = [sys.executable, "-m", "tests.gan.loss_scale_replicas"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=300)
    infinite, nan, finite = map(json.loads, done.stdout.splitlines())
    untouched = [[1.0, 2.0]] * 2
    assert infinite == {"weights": untouched, "scale": 8.0, "iterations": 0}
    assert nan == {"weights": untouched, "scale": 4.0, "iterations": 0}
    assert finite == {"weights": [[0.75, 1.75]] * 2, "scale": 4.0, "iterations": 1}


def test_tensorflow_s_epsilon_is_added_to_the_uncorrected_root():
    optimizer = TensorFlowAdam(0.01, 0.5, 0.999, epsilon=1e-3)
    start = np.array([1.0, -2.0, 0.5])
    weight, expected = variable(start), start.copy()
    m, v = np.zeros(3), np.zeros(3)
    rng = np.random.default_rng(0)
    for step in range(1, 6):
        gradient = rng.normal(size=3) * [1, 1e-3, 0]
        m = 0.5 * m + 0.5 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        rate = 0.01 * np.sqrt(1 - 0.999**step) / (1 - 0.5**step)
        expected -= rate * m / (np.sqrt(v) + 1e-3)
        optimizer.apply([tf.constant(gradient)], [weight])
        np.testing.assert_allclose(weight, expected, rtol=1e-9)
    # Keras's, but for the rounding of its bias correction.
    arguments = {"learning_rate": 0.01, "beta_1": 0.9, "beta_2": 0.999}
    theirs = moved(keras.optimizers.Adam(**arguments, epsilon=1e-8), 1e-7)
    np.testing.assert_allclose(moved(TensorFlowAdam(**arguments), 1e-7), theirs, 1e-4)
    saved = keras.saving.serialize_keras_object(optimizer)
    assert type(keras.saving.deserialize_keras_object(saved)) is TensorFlowAdam


def test_a_restart_is_a_new_optimizer_whose_rate_goes_on():
    schedule = LinearDecay(0.1, 1, 4, 1)
    whole = Adam(schedule, 0.5, 0.9, restart_at=2)
    assert Adam.from_config(whole.get_config()).restart_at == 2
    weight, other = variable([1.0, -2.0]), variable([1.0, -2.0])
    first, second = Adam(schedule, 0.5, 0.9), Adam(0.1, 0.5, 0.9)
    random = np.random.default_rng(0)
    for step in range(5):
        gradient = tf.constant(random.normal(size=2))
        whole.apply([gradient], [weight])
        if step < 2:
            first.apply([gradient], [other])
        else:
            # A new one at the old one's rate.
            second.learning_rate = float(schedule(step))
            second.apply([gradient], [other])
        np.testing.assert_allclose(weight, other, rtol=1e-6)
