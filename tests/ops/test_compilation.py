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
    custom_gradient,
    plain_graphs,
    traced,
    xla,
)


def counting():
    calls = []

    @xla
    def scaled(x, others, *, factor):
        calls.append(tf.executing_eagerly())
        return [factor * x + other for other in others]

    return scaled, calls


def test_one_trace_per_shape_and_constant_and_no_warning(monkeypatch, caplog):
    monkeypatch.setattr(module, "MIN_XLA_ELEMENTS", 0)
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
    [
        (4, False),
        (module.MIN_XLA_ELEMENTS, False),
        (module.MIN_XLA_ELEMENTS + 1, True),
        (None, True),
    ],
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

    @traced
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

    once = traced(lambda x: 2 * x)
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


@pytest.mark.parametrize("eagerly", [False, True])
def test_gradients_are_the_given_ones(eagerly):
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = inner(outer(x, x)) + tf.square(x)
        return tape.gradient(y, x)

    run = run if eagerly else tf.function(run)
    assert run(tf.constant(4.0)) == 3 * (5 + 7) + 2 * 4


def test_a_tape_keeps_nothing_of_what_happens_inside():
    made = []

    @custom_gradient
    def exponential(x):
        y = tf.exp(x)
        made.append(weakref.ref(y))
        return tf.square(y), lambda dy: dy

    x = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = exponential(x)
        assert made[0]() is None
    assert tape.gradient(y, x) == 1


def test_a_graph_does_not_depend_on_where_it_is_first_called():
    """On a replica's device, or while a gradient is taken and tapes stand still."""

    @traced
    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x**3
        return tape.gradient(y, x)

    @tf.custom_gradient
    def cubed(x):
        return x**3, lambda dy: dy * slope(x)

    @tf.function
    def run(x):
        with tf.device("CPU:0"), tf.GradientTape() as tape:
            tape.watch(x)
            y = cubed(x)
        return tape.gradient(y, x)

    graph = run.get_concrete_function(tf.TensorSpec(())).graph.as_graph_def()
    [inner] = [f for f in graph.library.function if "slope" in f.signature.name]
    assert {node.device for node in inner.node_def} == {""}
    assert float(run(tf.constant(2.0))) == 12


def test_an_error_inside_a_function_arrives():
    @xla
    def broken(x):
        raise ArithmeticError(f"rank {x.shape.rank}")

    with pytest.raises(ArithmeticError, match="rank 1"):
        broken(tf.ones(3))
