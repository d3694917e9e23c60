"""Functions traced once for all layers that use them, or compiled by XLA.

A layer's arithmetic is the same for every layer of its kind, so it is made into one
graph for every combination of shapes, and XLA compiles what gains by it.
"""

import concurrent.futures
import contextlib
import contextvars
import dataclasses
import functools
import inspect
import math

import tensorflow as tf

# Functions of smaller tensors are not compiled: that takes longer than it saves.
MIN_XLA_ELEMENTS = 2**17
# The same for functions that do little with every element.
MIN_XLA_ELEMENTS_IF_SIMPLE = 2**21
# TensorFlow would otherwise copy a function's graph into every place that calls it: a
# training step would have nearly three times as many operations to optimise and keep.
# GPUs need those copies, as integers such as labels enter functions from the host.
NOT_INLINED = {"_noinline": True}


@dataclasses.dataclass(frozen=True)
class TracingOptions:
    """What a graph depends on beside shapes and constants.

    Attributes:
        plain: whether XLA and gradients of ours are left out.
        convolution: see :func:`ccfpse_tf.ops.convolution.convolution_method`.
    """

    plain: bool = False
    convolution: str = "auto"


# The same for all threads, as replicas are traced in threads of their own.
_options = TracingOptions()
# Whether a function of ours is being traced: it calls the others as plain functions.
_tracing = contextvars.ContextVar("tracing", default=False)


def tracing_options() -> TracingOptions:
    """The present options."""
    return _options


@contextlib.contextmanager
def tracing_with(**changes):
    """Changes :class:`TracingOptions` for what is traced inside the context."""
    global _options
    before = _options
    _options = dataclasses.replace(before, **changes)
    try:
        yield
    finally:
        _options = before


def plain_graphs():
    """Leaves XLA and gradients out of what is traced inside the context.

    For graphs that other programs run: TensorFlow Serving has XLA switched off by
    default, where a function that must be compiled fails, and does not know gradients
    that were defined in Python.
    """
    return tracing_with(plain=True)


def custom_gradient(function):
    """As ``tf.custom_gradient``, but tapes do not record what the function does.

    A tape that recorded the functions called inside would derive their gradients, which
    nobody reads. :func:`plain_graphs` leaves the gradient out.

    Args:
        function: of tensors, that returns its result and the function of its gradient.
    """
    with_gradient = tf.custom_gradient(
        lambda *tensors: function(*map(tf.stop_gradient, tensors))
    )

    @_stands_for(function)
    def call(*tensors):
        return function(*tensors)[0] if _options.plain else with_gradient(*tensors)

    return call


def _stands_for(function):
    """``functools.wraps`` without ``__wrapped__``.

    A ``tf.function`` that is handed a function calls what that wraps instead.
    """

    def dress(call):
        functools.update_wrapper(call, function)
        del call.__wrapped__
        call.__signature__ = inspect.signature(function)
        return call

    return dress


def xla(function):
    """``function`` compiled by XLA on its own, inside graphs and eagerly.

    For small tensors it is as :func:`traced`.

    Args:
        function: of tensors (or lists of them), and of keyword arguments that are
            hashable constants. A shape must decide everything but the values.
    """
    return xla_if(lambda *specs: largest(specs) > MIN_XLA_ELEMENTS)(function)


def xla_fused(function):
    """As :func:`xla`, for a few operations on every element: XLA makes one pass."""
    return xla_if(lambda *specs: largest(specs) > MIN_XLA_ELEMENTS_IF_SIMPLE)(function)


def traced(function):
    """``function`` as a graph of its own, traced once for every shape.

    What many layers do then does not take memory, and time to trace, for each of them.

    Args:
        function: as for :func:`xla`.
    """
    return xla_if(lambda *specs: False)(function)


def xla_if(uses_xla):
    """A decorator: as :func:`xla`, where ``uses_xla(*specs)`` says so.

    Args:
        uses_xla: function of the arguments' ``tf.TensorSpec``, lists as tuples.
    """
    return functools.partial(_variants, uses_xla=uses_xla)


def _variants(function, uses_xla):
    """One graph for every combination of shapes, constants and options."""

    @functools.cache
    def variant(specs, constants, options, compiled):
        settings = {}  # jit_compile=False would be written into the graph
        if compiled:
            settings["jit_compile"] = True
        elif not options.plain and not on_gpu():
            settings["experimental_attributes"] = NOT_INLINED

        def graph(*tensors):
            token = _tracing.set(True)
            try:
                return function(*tensors, **dict(constants))
            finally:
                _tracing.reset(token)

        graph.__name__ = function.__name__  # which profiles show
        graph = tf.function(graph, autograph=False, **settings)
        # In a thread of its own, as the graph outlives what surrounds its first call
        # here: another graph, a replica's device, tapes that have stopped.
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            return pool.submit(graph.get_concrete_function, *specs).result()

    @_stands_for(function)
    def call(*tensors, **constants):
        tensors = tuple(tuple(x) if isinstance(x, list) else x for x in tensors)
        specs = tf.nest.map_structure(
            lambda x: tf.TensorSpec(x.shape, x.dtype), tensors
        )
        compiled = not _options.plain and uses_xla(*specs)
        inside = _tracing.get() and not compiled
        if inside or tf.config.functions_run_eagerly():
            return function(*tensors, **constants)
        constants = tuple(sorted(constants.items()))
        return variant(specs, constants, _options, compiled)(*tensors)

    return call


def on_gpu() -> bool:
    """True if this process computes on GPUs."""
    return bool(tf.config.list_logical_devices("GPU"))


def largest(specs) -> float:
    """Size of the largest of some (nested) tensors; infinity if one is unknown."""
    sizes = [spec.shape.num_elements() for spec in tf.nest.flatten(specs)]
    return math.inf if None in sizes else max(sizes)
