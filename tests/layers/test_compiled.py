"""Functions compiled on their own."""

import contextlib
import warnings

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.layers import compiled as module
from ccfpse_tf.layers.compiled import compiled, plain_graphs, traced_once


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
