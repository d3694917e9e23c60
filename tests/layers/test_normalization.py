"""Batch and instance normalisation against NumPy."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.layers.normalization import BatchNormalization, InstanceNormalization
from tests.layers import oracle
from tests.layers.contract import numbers, randomize


@pytest.fixture
def x():
    # Away from zero: the running mean and the centring matter.
    return numbers(0, 2, 3, 2, 4, dtype="float64") * [1, 2, 3, 0.1] + [5, -1, 0, 100]


@pytest.fixture
def layer():
    layer = BatchNormalization(dtype="float64")
    layer.build((None, None, None, 4))
    return randomize(layer)


def test_batch_norm_training_uses_the_batch(layer, x):
    expected = oracle.batch_norm(layer, x, training=True)
    np.testing.assert_allclose(layer(x, training=True), expected, atol=1e-10)


def test_batch_norm_running_variance_is_unbiased(layer, x):
    mean, variance = oracle.batch_moments(x)
    running = [oracle.weights_of(w) for w in (layer.moving_mean, layer.moving_variance)]
    for _ in range(2):
        layer(x, training=True)
        running[0] = 0.9 * running[0] + 0.1 * mean
        running[1] = 0.9 * running[1] + 0.1 * variance * 12 / 11
        np.testing.assert_allclose(layer.moving_mean, running[0], rtol=1e-12)
        np.testing.assert_allclose(layer.moving_variance, running[1], rtol=1e-12)


def test_batch_norm_evaluation_uses_and_keeps_running_statistics(layer, x):
    before = [oracle.weights_of(weight) for weight in layer.weights]
    expected = oracle.batch_norm(layer, x)
    for training in (False, None):
        np.testing.assert_allclose(layer(x, training=training), expected, atol=1e-10)
    for weight, value in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_batch_norm_of_a_single_pixel_stays_finite(layer):
    x = np.full((1, 1, 1, 4), 7.0)
    y = layer(x, training=True)
    np.testing.assert_allclose(y[0, 0, 0], layer.beta, atol=1e-12)
    assert np.isfinite(layer.moving_variance).all()


def test_batch_norm_momentum_and_epsilon_are_used(x):
    layer = BatchNormalization(momentum=0.25, epsilon=2.0, dtype="float64")
    y = layer(x, training=True)
    mean, variance = oracle.batch_moments(x)
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(variance + 2), atol=1e-10)
    np.testing.assert_allclose(layer.moving_mean, 0.75 * mean, rtol=1e-12)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_gradient(x, training, affine):
    layer = BatchNormalization(affine=affine, dtype="float64")
    layer.build((None, None, None, 4))
    randomize(layer)
    share = numbers(1, *x.shape, dtype="float64")
    moments = [oracle.weights_of(w) for w in (layer.moving_mean, layer.moving_variance)]
    gamma, beta = np.ones(4), np.zeros(4)
    if affine:
        gamma, beta = oracle.weights_of(layer.gamma), oracle.weights_of(layer.beta)

    def value(x=x, gamma=gamma, beta=beta):
        mean, variance = oracle.batch_moments(x) if training else moments
        return (share * oracle.normalize(x, mean, variance, gamma, beta) ** 2).sum()

    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = tf.reduce_sum(share * layer(inputs, training=training) ** 2)
    variables = [weight.value for weight in layer.trainable_weights]
    assert len(variables) == 2 * affine
    dx, dweights = tape.gradient(loss, [inputs, variables])
    expected = oracle.numerical_gradient(value, x)
    np.testing.assert_allclose(dx, expected, rtol=1e-4, atol=1e-4)
    if affine:
        by_gamma = oracle.numerical_gradient(lambda g: value(gamma=g), gamma)
        by_beta = oracle.numerical_gradient(lambda b: value(beta=b), beta)
        np.testing.assert_allclose(dweights[0], by_gamma, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(dweights[1], by_beta, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_statistics_in_float32_under_mixed_precision(policy):
    layer = BatchNormalization(dtype=policy)
    # Half precision could not add these 4096 values: it counts to 256 or 2048.
    x = tf.cast(numbers(2, 1, 64, 64, 1) + 3, policy.removeprefix("mixed_"))
    y = layer(x, training=True)
    exact = np.asarray(tf.cast(x, tf.float64))
    mean, variance = oracle.batch_moments(exact)
    np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, rtol=1e-6)
    expected = 0.9 + 0.1 * variance * 4096 / 4095
    np.testing.assert_allclose(layer.moving_variance, expected, rtol=1e-6)
    expected = tf.cast(oracle.normalize(exact, mean, variance), tf.float32)
    spacing = 2**-8 if y.dtype == "bfloat16" else 2**-11
    np.testing.assert_allclose(tf.cast(y, tf.float32), expected, rtol=spacing)


def test_no_digits_lost_to_a_large_mean():
    # E[x^2] - E[x]^2 would be 0 or negative here, in float32.
    x = numbers(3, 2, 8, 8, 1) + np.float32(5000)
    layer = BatchNormalization()
    y = layer(x, training=True)
    _, variance = oracle.batch_moments(x.astype(np.float64))
    expected = 0.9 + 0.1 * variance * 128 / 127
    np.testing.assert_allclose(layer.moving_variance, expected, rtol=1e-4)
    np.testing.assert_allclose(np.std(y), 1, rtol=1e-3)


REPLICAS = """
import json
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
from ccfpse_tf import BatchNormalization

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    layer = BatchNormalization()
    layer.build((None, None, None, 1))
samples = tf.reshape(tf.constant([1.0, 2, 4, 8, 16, 32]), (3, 1, 2, 1))
shares = tf.reshape(tf.constant([1.0, -2, 3, 5, -1, 2]), (3, 1, 2, 1))
parts = [slice(0, 2), slice(2, 3)]  # replicas with two samples and with one


def call(x, share):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        loss = tf.reduce_sum(share * y**2)
    return y, tape.gradient(loss, x)


def distributed(tensor):
    return strategy.experimental_distribute_values_from_function(
        lambda context: tensor[parts[context.replica_id_in_sync_group]]
    )


ys, gradients = tf.function(
    lambda x, share: strategy.run(call, (x, share)), reduce_retracing=True
)(distributed(samples), distributed(shares))
print(json.dumps({
    "y": tf.concat(ys.values, 0).numpy().ravel().tolist(),
    "gradient": tf.concat(gradients.values, 0).numpy().ravel().tolist(),
    "mean": layer.moving_mean.numpy().tolist(),
    "variance": layer.moving_variance.numpy().tolist(),
}))
"""


def test_unequal_replicas_share_their_statistics(repository):
    environment = os.environ | {"PYTHONPATH": str(repository)}
    found = subprocess.run(
        [sys.executable, "-c", REPLICAS],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(found.stdout.splitlines()[-1])
    x = np.array([1.0, 2, 4, 8, 16, 32]).reshape(3, 1, 2, 1)
    share = np.array([1.0, -2, 3, 5, -1, 2]).reshape(3, 1, 2, 1)
    mean, variance = oracle.batch_moments(x)

    def value(x):
        return (share * oracle.normalize(x, *oracle.batch_moments(x)) ** 2).sum()

    expected = {
        "y": oracle.normalize(x, mean, variance).ravel(),
        "gradient": oracle.numerical_gradient(value, x).ravel(),
        "mean": 0.1 * mean,
        "variance": 0.9 + 0.1 * variance * 6 / 5,
    }
    for name, numbers_expected in expected.items():
        np.testing.assert_allclose(found[name], numbers_expected, rtol=1e-4, atol=1e-5)


def test_instance_norm(x):
    layer = InstanceNormalization(dtype="float64")
    y = layer(x)
    np.testing.assert_allclose(y, oracle.instance_normalize(x), atol=1e-10)
    np.testing.assert_allclose(np.mean(y, (1, 2)), 0, atol=1e-10)
    assert layer.weights == []


def test_instance_norm_epsilon_is_used(x):
    y = InstanceNormalization(epsilon=3.0, dtype="float64")(x)
    variance = x.var((1, 2), keepdims=True)
    expected = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(variance + 3)
    np.testing.assert_allclose(y, expected, atol=1e-10)


def test_instance_norm_gradient(x):
    share = numbers(4, *x.shape, dtype="float64")
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = InstanceNormalization(dtype="float64")(inputs)
        loss = tf.reduce_sum(share * y**2)
    expected = oracle.numerical_gradient(
        lambda x: (share * oracle.instance_normalize(x) ** 2).sum(), x
    )
    found = tape.gradient(loss, inputs)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_instance_norm_statistics_in_float32(policy):
    x = tf.cast(numbers(5, 1, 64, 64, 1) + 3, policy.removeprefix("mixed_"))
    y = InstanceNormalization(dtype=policy)(x)
    expected = oracle.instance_normalize(np.asarray(tf.cast(x, tf.float64)))
    spacing = 2**-8 if y.dtype == "bfloat16" else 2**-11
    np.testing.assert_allclose(tf.cast(y, tf.float64), expected, rtol=spacing)


def test_instance_norm_refuses_a_single_pixel():
    with pytest.raises(ValueError, match="1x1 feature map is always 0"):
        InstanceNormalization()(tf.zeros((2, 1, 1, 3)))
