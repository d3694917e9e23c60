"""Functions traced once for all layers that use them, and compiled by XLA."""

import concurrent.futures
import contextlib
import functools
import inspect
import math
import threading

import tensorflow as tf

# Elements of the largest tensor up to which compiling takes longer than it saves.
SMALL = 2**17
# The same for functions that do little with every element.
SMALL_IF_SIMPLE = 2**21
# Else TensorFlow pastes a function in wherever it is called and optimises that: a
# training step would have nearly three times as many operations to go through, and to
# keep. On GPUs that is left to it: integers, such as labels, enter functions from the
# host.
CALLED = {"_noinline": True}
# What graphs depend on beside shapes and constants, by name; see `tracing_with`.
_settings = {"plain": False}
_thread = threading.local()


@contextlib.contextmanager
def tracing_with(**settings):
    """Sets what decides how things are traced inside the context.

    Args:
        **settings: hashable values by name, which :func:`setting` gives.
    """
    before = dict(_settings)
    _settings.update(settings)
    try:
        yield
    finally:
        _settings.clear()
        _settings.update(before)


def setting(name: str, default=None):
    """The present value of a setting."""
    return _settings.get(name, default)


def plain_graphs():
    """Leaves XLA and gradients out of what is traced inside the context.

    For graphs that go elsewhere: TensorFlow Serving has XLA switched off by default,
    where a function that must be compiled fails, and gradients of ours are unknown
    there.
    """
    return tracing_with(plain=True)


@contextlib.contextmanager
def without_gradients():
    """Leaves gradients out of what this thread traces inside the context.

    Where nobody differentiates, that saves every layer some operations that only pass
    values on.
    """
    before = getattr(_thread, "without_gradients", False)
    _thread.without_gradients = True
    try:
        yield
    finally:
        _thread.without_gradients = before


@contextlib.contextmanager
def recording():
    """A ``tf.GradientTape`` that :func:`custom_gradient` can pause.

    It is asked for gradients after the context: inside, the gradients of functions
    would want to pause it, too, when it has stopped already.
    """
    before = _recording_tapes()
    with tf.GradientTape() as tape:
        _thread.tapes = (*(before or ()), tape)
        try:
            yield tape
        finally:
            _thread.tapes = before


def _recording_tapes():
    """Tapes of :func:`recording` that are not paused; None outside of any."""
    return getattr(_thread, "tapes", None)


def custom_gradient(function):
    """As ``tf.custom_gradient``, but for the two contexts without gradients.

    Nor does a tape record, and keep, what happens inside the function: one of
    :func:`recording` is paused. To keep others out takes an operation for every tensor,
    of which a training step had 1,700.
    """

    def unrecorded(*tensors):
        tapes = _recording_tapes()
        if tapes is None:
            return function(*map(tf.stop_gradient, tensors))
        with contextlib.ExitStack() as stack:
            for tape in tapes:
                stack.enter_context(tape.stop_recording())
            stack.callback(setattr, _thread, "tapes", tapes)
            _thread.tapes = ()
            return function(*tensors)

    with_gradient = tf.custom_gradient(unrecorded)

    @_stands_for(function)
    def call(*tensors):
        if setting("plain") or getattr(_thread, "without_gradients", False):
            return function(*tensors)[0]
        return with_gradient(*tensors)

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


def compiled(function):
    """``function`` compiled by XLA on its own, inside graphs and eagerly.

    For small tensors it is as :func:`traced_once`.

    Args:
        function: of tensors (or lists of them), and of keyword arguments that are
            hashable constants. A shape must decide everything but the values.
    """
    return compiled_if(lambda *specs: largest(specs) > SMALL)(function)


def fused(function):
    """As :func:`compiled`, for functions that do little: XLA makes one pass of them."""
    return compiled_if(lambda *specs: largest(specs) > SMALL_IF_SIMPLE)(function)


def traced_once(function):
    """``function`` as a graph of its own: traced once for every shape.

    What many layers do then does not take memory, and time to trace, for each of them.

    Args:
        function: as for :func:`compiled`.
    """
    return compiled_if(lambda *specs: False)(function)


def compiled_if(uses_xla):
    """A decorator: as :func:`compiled`, where ``uses_xla(*specs)`` says so.

    Args:
        uses_xla: function of the arguments' ``tf.TensorSpec``, lists as tuples.
    """
    return functools.partial(_variants, uses_xla=uses_xla)


def _variants(function, uses_xla):
    """One graph for every combination of shapes, constants and settings."""

    @functools.cache
    def variant(specs, constants, settings, xla):
        options = {}  # jit_compile=False would be written into the graph
        if xla:
            options["jit_compile"] = True
        elif not setting("plain") and not on_gpu():
            options["experimental_attributes"] = CALLED

        @functools.wraps(function)  # for the name, which profiles show
        def graph(*tensors):
            run = functools.partial(function, *tensors, **dict(constants))
            return _in_thread(run, _present_graph())

        del graph.__wrapped__  # else its arguments count
        traced = tf.function(graph, autograph=False, **options)
        return _in_thread(functools.partial(traced.get_concrete_function, *specs))

    @_stands_for(function)
    def call(*tensors, **constants):
        tensors = tuple(tuple(x) if isinstance(x, list) else x for x in tensors)
        specs = tf.nest.map_structure(
            lambda x: tf.TensorSpec(x.shape, x.dtype), tensors
        )
        constants, settings = (
            tuple(sorted(values.items())) for values in (constants, _settings)
        )
        xla = not setting("plain") and uses_xla(*specs)
        inside = not xla and getattr(_thread, "tracing", False)
        if inside or tf.config.functions_run_eagerly():
            return function(*tensors, **dict(constants))
        return variant(specs, constants, settings, xla)(*tensors)

    return call


def loop(count, body, *state):
    """``state = body(number, *state)`` for every number below ``count``.

    Inside graphs that is one loop, however large the count.

    Args:
        count: integer or tensor.
        body: function of an int32 tensor and the state that returns the next state.
        *state: (nested) tensors or tensor arrays.

    Returns:
        The last state, a tuple.
    """

    def turn(number, *state):
        run = functools.partial(body, number, *state)
        return number + 1, *_in_thread(run, _present_graph())

    _, *state = tf.while_loop(lambda number, *_: number < count, turn, (0, *state))
    return tuple(state)


def _in_thread(function, graph=None):
    """The result of ``function()``, called in a thread of its own.

    TensorFlow keeps the Python stack of every operation, and XLA a copy of it. Under
    the fifty frames of a model, Keras and ``tf.function`` that took more memory than
    the compiled code itself.

    Args:
        function: without arguments.
        graph: to which it adds operations; else it runs eagerly.
    """

    def run():
        _thread.tracing = True
        with graph.as_default() if graph else contextlib.nullcontext():
            return function()

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


def _present_graph():
    return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()


def on_gpu() -> bool:
    """Whether this process computes on GPUs."""
    return bool(tf.config.list_logical_devices("GPU"))


def largest(specs) -> float:
    """Elements of the largest of some (nested) tensors; of unknown sizes, infinity."""
    sizes = [spec.shape.num_elements() for spec in tf.nest.flatten(specs)]
    return math.inf if None in sizes else max(sizes)
