"""Functions that XLA compiles, whatever calls them."""

import contextlib
import functools

import tensorflow as tf

# Elements of the largest tensor up to which compiling takes longer than it saves.
SMALL = 2**17
_plain = False


@contextlib.contextmanager
def plain_graphs():
    """Leaves XLA and gradients out of what is traced inside the context.

    For graphs that go elsewhere: TensorFlow Serving has XLA switched off by default,
    where a function that must be compiled fails, and gradients of ours are unknown
    there.
    """
    global _plain
    before, _plain = _plain, True
    try:
        yield
    finally:
        _plain = before


def custom_gradient(function):
    """As ``tf.custom_gradient``, but for :func:`plain_graphs`."""
    with_gradient = tf.custom_gradient(function)

    @functools.wraps(function)
    def call(*tensors):
        return function(*tensors)[0] if _plain else with_gradient(*tensors)

    return call


def compiled(function):
    """``function`` compiled by XLA on its own, inside graphs and eagerly.

    For small tensors it is a ``tf.function`` without XLA: traced once, however often it
    is called.

    Every combination of shapes gets its own ``tf.function``: layers of many sizes share
    one Python function, which TensorFlow would take for needless retracing and warn of.

    Args:
        function: of tensors (or lists of them), and of keyword arguments that are
            hashable constants. A shape must decide everything but the values.
    """

    @functools.cache
    def variant(signature, constants, xla):
        return tf.function(
            functools.partial(function, **dict(constants)),
            jit_compile=xla,
            autograph=False,
        )

    @functools.wraps(function)
    def call(*tensors, **constants):
        flat = tf.nest.flatten(tensors)
        sizes = [x.shape.num_elements() for x in flat]
        small = None not in sizes and max(sizes) <= SMALL
        signature = tuple((x.dtype, tuple(x.shape)) for x in flat)
        constants = tuple(sorted(constants.items()))
        # None leaves the attribute out, which False would write into the graph.
        xla = None if _plain else not small
        return variant(signature, constants, xla)(*tensors)

    return call
