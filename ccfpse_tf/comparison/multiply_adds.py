"""Multiply-adds of a network, counted while it draws."""

import math
from collections.abc import Callable

import tensorflow as tf
from tensorflow.python.framework import op_callbacks

from ccfpse_tf.ops.convolution import convolution_method


def multiply_adds(draw: Callable) -> int:
    """Returns how many multiply-adds of convolutions and matrix products a call needs.

    The call runs operation by operation. Convolutions are counted in their direct form,
    whatever form is quicker; a kernel's row that is looked up for a class costs
    nothing, nor do normalisations, activations, resizing, and products of equal shapes,
    such as a conditional convolution of kernels that are there.

    Args:
        draw: of no arguments.
    """
    counts = []

    def count(kind, inputs, attributes, outputs, *_, **__):
        # TensorFlow gives some kinds as text and some as bytes.
        kind = kind.decode() if isinstance(kind, bytes) else kind
        if kind in _COUNTED:
            counts.append(_COUNTED[kind](inputs, outputs[0].shape))

    eager = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    op_callbacks.add_op_callback(count)
    try:
        with convolution_method("direct"):
            draw()
    finally:
        op_callbacks.remove_op_callback(count)
        tf.config.run_functions_eagerly(eager)
    return sum(counts)


def _convolution(inputs, output):
    height, width, channels, _ = inputs[1].shape  # of one group
    return math.prod(output) * height * width * channels


def _depthwise(inputs, output):
    height, width, *_ = inputs[1].shape
    return math.prod(output) * height * width


def _transposed(inputs, output):
    sizes, kernel, x = inputs
    height, width, channels, _ = kernel.shape
    return math.prod(x.shape) * height * width * channels


def _product(inputs, output):
    # Each entry of the output is a sum over the dimension that vanishes.
    first, second = (math.prod(x.shape[-2:]) for x in inputs)
    rows, columns = output[-2:]
    return math.prod(output) * math.isqrt(first * second // (rows * columns))


_COUNTED = {
    "Conv2D": _convolution,
    "DepthwiseConv2dNative": _depthwise,
    "Conv2DBackpropInput": _transposed,
    "MatMul": _product,
    "BatchMatMulV2": _product,
}
