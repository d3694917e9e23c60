"""Functions compiled on their own."""

import contextlib
import inspect
import warnings
import weakref

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.ops import compilation as module
from ccfpse_tf.ops.compilation import (
    compiled,
    custom_gradient,
    loop,
    plain_graphs,
    recording,
    traced_once,
)


def counting():
    calls = []

    @compiled
    def scaled(x, others, *, factor):
        calls.append(tf.executing_eagerly())
        return [factor * x + other for other in others]

    return scaled, calls


def test_one_trace_per_shape_and_constant_and_no_warning(monkeypatch, caplog):
    monkeypatch.setattr(module, "SMALL", 0)
    scaled, calls = counting()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for size in range(1, 9):
            for factor in (2.0, 3.0):
                for _ in range(2):
                    x = tf.ones(size)
                    [y] = scaled(x, [x], factor=factor)
                    np.testing.assert_array_equal(y, (factor + 1) * np.ones(size))
    assert calls == [False] * 16
    assert "retracing" not in caplog.text


@pytest.mark.parametrize(
    "size, xla",
    [(4, False), (module.SMALL, False), (module.SMALL + 1, True), (None, True)],
)
def test_large_tensors_and_those_of_unknown_size_are_compiled(size, xla):
    scaled, _ = counting()

    @tf.function(input_signature=[tf.TensorSpec([size])])
    def run(x):
        return scaled(x, [x], factor=2.0)

    assert set(run(tf.ones(size or 2))[0].numpy()) == {3}
    graph = run.get_concrete_function().graph.as_graph_def()
    [inner] = graph.library.function
    assert inner.attr["_XlaMustCompile"].b == xla


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("plain", [False, True])
def test_functions_are_called_where_they_are_used_on_cpus_only(gpu, plain, monkeypatch):
    monkeypatch.setattr(module, "on_gpu", lambda: gpu)

    @traced_once
    def doubled(x):
        return 2 * x

    with plain_graphs() if plain else contextlib.nullcontext():
        run = tf.function(doubled).get_concrete_function(tf.TensorSpec([3]))
    [inner] = run.graph.as_graph_def().library.function
    assert inner.attr["_noinline"].b == (not gpu and not plain)
    np.testing.assert_array_equal(run(tf.ones(3)), 2 * np.ones(3))


def test_functions_handed_to_a_tf_function_stay_what_they_are():
    @custom_gradient
    def doubled(x):
        return 2 * x, lambda dy: 3 * dy

    once = traced_once(lambda x: 2 * x)
    apply = tf.function(lambda function, x: function(x))
    x = tf.ones(3)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = apply(doubled, x)
    np.testing.assert_array_equal(tape.gradient(y, x), 3 * np.ones(3))
    graph = apply.get_concrete_function(once, x).graph
    assert "PartitionedCall" in [node.type for node in graph.get_operations()]
    assert list(inspect.signature(doubled).parameters) == ["x"]


@custom_gradient
def outer(x, y):
    return inner(x) * y, lambda dy: (5 * dy, 7 * dy)


@custom_gradient
def inner(x):
    return tf.exp(x), lambda dy: 3 * dy


@pytest.mark.parametrize("tape_of", [recording, tf.GradientTape])
@pytest.mark.parametrize("eagerly", [False, True])
def test_gradients_are_the_given_ones_with_either_tape(tape_of, eagerly):
    def run(x):
        with tape_of() as tape:
            tape.watch(x)
            y = inner(outer(x, x)) + tf.square(x)
        return tape.gradient(y, x)

    run = run if eagerly else tf.function(run)
    assert run(tf.constant(4.0)) == 3 * (5 + 7) + 2 * 4


@pytest.mark.parametrize("tape_of", [recording, tf.GradientTape])
def test_a_tape_keeps_nothing_of_what_happens_inside(tape_of):
    made = []

    @custom_gradient
    def exponential(x):
        y = tf.exp(x)
        made.append(weakref.ref(y))
        return tf.square(y), lambda dy: dy

    x = tf.constant(1.0)
    with tape_of() as tape:
        tape.watch(x)
        y = exponential(x)
        assert made[0]() is None
    assert tape.gradient(y, x) == 1


def test_a_paused_tape_needs_no_operations():
    def run(x):
        with recording() as tape:
            tape.watch(x)
            y = outer(x, x)
        return tape.gradient(y, x)

    graph = tf.function(run).get_concrete_function(tf.TensorSpec(())).graph
    assert "StopGradient" not in [node.type for node in graph.get_operations()]


@pytest.mark.parametrize("eagerly", [False, True])
def test_loop_gives_the_last_state(eagerly):
    def doubled(number, total, powers):
        return total + number, [2 * power for power in powers]

    def run(count):
        return loop(count, doubled, tf.constant(0), [tf.constant(1), tf.constant(3)])

    run = run if eagerly else tf.function(run)
    for count in (0, 1, 5):
        total, powers = run(tf.constant(count))
        assert total.numpy() == sum(range(count))
        assert [power.numpy() for power in powers] == [2**count, 3 * 2**count]


def test_stacks_that_tensorflow_keeps_end_at_the_function_and_at_the_loop_body():
    seen = {}

    def note(where, x):
        seen[where] = [frame.name for frame in tf.square(x).op.traceback]

    @traced_once
    def inner(x):
        note("function", x)

        def body(_, x):
            note("body", x)
            return (2 * x,)

        return loop(2, body, x)[0]

    name = test_stacks_that_tensorflow_keeps_end_at_the_function_and_at_the_loop_body
    assert inner(tf.ones(3)).numpy().tolist() == [4, 4, 4]
    assert "inner" in seen["function"] and "body" in seen["body"]
    assert "inner" not in seen["body"]
    for stack in seen.values():
        assert name.__name__ not in stack and "get_concrete_function" not in stack


def test_an_error_inside_a_function_arrives():
    @compiled
    def broken(x):
        raise ArithmeticError(f"rank {x.shape.rank}")

    with pytest.raises(ArithmeticError, match="rank 1"):
        broken(tf.ones(3))
