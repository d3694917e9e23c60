"""Values made again for the gradient: same numbers, one after the other."""

import numpy as np
import tensorflow as tf

from ccfpse_tf.ops.compilation import recording
from ccfpse_tf.ops.recomputation import after, in_turn, recomputed


def product(x, y):
    return tf.sin(x) * y


def gradients(function, *values):
    tensors = [tf.constant(value, tf.float64) for value in values]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        z = function(*tensors)
    return z, tape.gradient(z, tensors)


def again(function, *xs):
    """The result alone, without other readers of the shared values."""
    return recomputed(function, *xs)[0]


def assert_equal(found, wanted):
    for ours, theirs in zip(
        tf.nest.flatten(found), tf.nest.flatten(wanted), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_same_value_and_gradients():
    values = [1.0, 2.0], [3.0, -4.0]
    assert_equal(
        gradients(lambda *xs: again(product, *xs), *values),
        gradients(product, *values),
    )


def test_gradients_of_what_is_shared_are_added_up():
    def twice(x, shared):
        first, shared = recomputed(product, x, shared)
        second, shared = recomputed(product, first, shared)
        return second + shared

    def plain(x, shared):
        return product(product(x, shared), shared) + shared

    values = [1.0, 2.0], [3.0, -4.0]
    assert_equal(gradients(twice, *values), gradients(plain, *values))


def test_what_is_not_used_has_a_zero_gradient():
    found = gradients(lambda *xs: again(lambda x, y: 2 * x, *xs), 1.0, 5.0)
    assert [float(x) for x in found[1]] == [2.0, 0.0]


def test_it_is_called_again_for_the_gradient_only():
    calls = []

    def counted(x, y):
        calls.append(x)
        return x * y

    assert float(again(counted, *map(tf.constant, (3.0, 3.0)))) == 9
    assert len(calls) == 1
    gradients(lambda *xs: again(counted, *xs), 3.0, 3.0)
    assert len(calls) == 3


def test_branches_in_turn_forwards_and_backwards():
    @tf.function
    def run(x, y):
        x, y = tf.sin(x, "first"), tf.identity(y)
        with recording() as tape:
            tape.watch((x, y))
            a, b = in_turn(x, y)
            z = tf.cos(a, "left") * tf.exp(b, "right")
        return z, tape.gradient(z, (x, y))

    graph = run.get_concrete_function(*[tf.TensorSpec(())] * 2).graph
    forwards, backwards = (
        (op, op.control_inputs[0])
        for op in graph.get_operations()
        if op.type == "Identity" and op.control_inputs
    )
    assert forwards[1].name == "first"
    # The gradient of the first is handed on when that of the second is made, out of
    # the gradient of exp.
    readers = graph.get_operation_by_name("right").outputs[0].consumers()
    assert backwards[1] in readers
    x, y = tf.constant(0.3), tf.constant(0.7)
    z, (dx, dy) = run(x, y)
    np.testing.assert_allclose(z, tf.cos(tf.sin(x)) * tf.exp(y), rtol=1e-6)
    np.testing.assert_allclose(dy, z, rtol=1e-6)
    np.testing.assert_allclose(dx, -tf.sin(tf.sin(x)) * tf.exp(y), rtol=1e-6)


def test_nothing_begins_before_what_it_waits_for():
    @tf.function
    def run(x):
        first = tf.identity(x, "first")
        [later] = after([first], 2 * x)
        return later

    graph = run.get_concrete_function(tf.TensorSpec(())).graph
    waiting = [op for op in graph.get_operations() if op.control_inputs]
    assert [op.name for op in waiting[0].control_inputs] == ["first"]
    assert float(run(tf.constant(4.0))) == 8
