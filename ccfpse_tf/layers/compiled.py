"""Functions that XLA compiles, whatever calls them."""

import functools

import tensorflow as tf

# Elements of the largest tensor up to which compiling takes longer than it saves.
SMALL = 2**17


def at_least_float32(x: tf.Tensor) -> tf.Tensor:
    """``x`` in float32, or as it is in float64; for sums of half-precision values."""
    return x if x.dtype == tf.float64 else tf.cast(x, tf.float32)


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
        small = all((x.shape.num_elements() or SMALL + 1) <= SMALL for x in flat)
        signature = tuple((x.dtype, tuple(x.shape)) for x in flat)
        constants = tuple(sorted(constants.items()))
        return variant(signature, constants, xla=not small)(*tensors)

    return call
