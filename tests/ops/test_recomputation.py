"""Values made again for the gradient: same numbers, one after the other."""

import numpy as np
import tensorflow as tf

from ccfpse_tf.ops.recomputation import checkpointed, wait_for


def product(x, y):
    return tf.sin(x) * y


def gradients(function, *values):
    tensors = [tf.constant(value, tf.float64) for value in values]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        z = function(*tensors)
    return z, tape.gradient(z, tensors)


def assert_equal(found, wanted):
    for ours, theirs in zip(
        tf.nest.flatten(found), tf.nest.flatten(wanted), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_same_value_and_gradients():
    values = [1.0, 2.0], [3.0, -4.0]
    assert_equal(
        gradients(lambda *xs: checkpointed(product, *xs), *values),
        gradients(product, *values),
    )


def test_what_is_not_used_has_a_zero_gradient():
    found = gradients(lambda *xs: checkpointed(lambda x, y: 2 * x, *xs), 1.0, 5.0)
    assert [float(x) for x in found[1]] == [2.0, 0.0]


def test_it_is_called_again_for_the_gradient_only():
    calls = []

    def counted(x, y):
        calls.append(x)
        return x * y

    assert float(checkpointed(counted, *map(tf.constant, (3.0, 3.0)))) == 9
    assert len(calls) == 1
    gradients(lambda *xs: checkpointed(counted, *xs), 3.0, 3.0)
    assert len(calls) == 3


def test_nothing_begins_before_what_it_waits_for():
    @tf.function
    def run(x):
        first = tf.identity(x, "first")
        [later] = wait_for([first], 2 * x)
        return later

    graph = run.get_concrete_function(tf.TensorSpec(())).graph
    waiting = [op for op in graph.get_operations() if op.control_inputs]
    assert [op.name for op in waiting[0].control_inputs] == ["first"]
    assert float(run(tf.constant(4.0))) == 8
