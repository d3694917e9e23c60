"""What the predictors of a block read: ReLU(conv3x3(layout)), each by its own weights.

All of a block's are the largest tensors beside the predicted kernels.
"""

import functools

import tensorflow as tf

from ccfpse_tf.ops.layout import Layout
from ccfpse_tf.ops.layout_convolution import layout_convolutions
from ccfpse_tf.ops.recomputation import recomputed

# Pixels from which features are made again rather than kept: smaller ones save little,
# and every one of them costs a graph some hundred nodes.
LARGE = 24 * 24


def layout_features(layout, *weights) -> list[tf.Tensor]:
    """``ReLU(conv3x3(layout))`` of every pair of kernel and bias, run as one."""
    return layout_convolutions(layout, *zip(*weights, strict=True), relu=True)


def together(layout, weights):
    """For every pair of kernel and bias, a way to use ``ReLU(conv3x3(layout))``.

    All are made by one convolution, and kept for the gradient.

    Args:
        layout: a :class:`Layout` or ``(batch, height, width, layout channels)``.
        weights: the pairs.

    Yields:
        Functions ``read(function, *tensors, **constants)``, each to be called once,
        that return ``function(features, *tensors, **constants)``.
    """
    for hidden in layout_features(layout, *weights):
        yield functools.partial(_call_with, hidden)


def _call_with(hidden, function, *tensors, **constants):
    return function(hidden, *tensors, **constants)


def one_by_one(layout, weights):
    """As :func:`together`, but the features are made when they are used.

    And made again for the gradient, with everything that the function makes of them.
    """
    sparse = isinstance(layout, Layout)

    def read(own, function, first, *tensors, **constants):
        def apply(first, dense, kernel, bias, *tensors):
            known = layout._replace(features=dense) if sparse else dense
            [hidden] = layout_features(known, (kernel, bias))
            return function(hidden, first, *tensors, **constants)

        nonlocal dense
        y, dense = recomputed(apply, first, dense, *own, *tensors)
        return y

    dense = layout.features if sparse else layout
    for own in weights:
        yield functools.partial(read, own)


def is_large(height, width):
    """Whether the features of a map are; of sizes not known, they are."""
    known = isinstance(height, int) and isinstance(width, int)
    return not known or height * width >= LARGE
