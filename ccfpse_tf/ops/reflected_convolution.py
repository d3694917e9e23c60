"""Convolutions with reflected borders, and the transposed one that doubles a map."""

import tensorflow as tf

from ccfpse_tf.ops.column_convolution import (
    kernel_gradient,
    transposed_convolution,
    uses_columns,
    valid_convolution,
)
from ccfpse_tf.ops.compilation import custom_gradient
from ccfpse_tf.ops.layout import Layout, pad_layout
from ccfpse_tf.ops.layout_convolution import valid_layout_convolution
from ccfpse_tf.ops.resizing import sizes

_BORDER = [[0, 0], [1, 1], [1, 1], [0, 0]]


def reflected_convolution(
    x: Layout | tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor
) -> tf.Tensor:
    """Convolution with stride 1, borders reflected.

    The reflection leaves the edge pixel itself out: ``c b | a b c d | c b``.

    Args:
        x: ``(batch, height, width, in)``, or a :class:`Layout` whose classes are looked
            up; both edges longer than half of the kernel's.
        kernel: ``(k, k, in, out)``, ``k`` odd; a layout's classes come first.
        bias: ``(out,)``.

    Returns:
        ``(batch, height, width, out)``.
    """
    padded = pad_layout(x, kernel.shape[0] // 2, "REFLECT")
    return tf.nn.bias_add(valid_layout_convolution(padded, kernel), bias)


def reference_doubling(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """:func:`doubling_convolution` as TensorFlow has it."""
    batch, height, width, _ = sizes(x)
    shape = (batch, 2 * height, 2 * width, kernel.shape[2])
    y = tf.nn.conv2d_transpose(x, kernel, shape, 2, padding=_BORDER)
    return tf.nn.bias_add(y, bias)


def doubling_convolution(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Transposed 3x3 convolution: ``y[2 i + u - 1] += x[i] * kernel[u]``, rows alike.

    Keras's ``Conv2DTranspose(padding="same")`` starts one pixel elsewhere.

    Args:
        x: ``(batch, height, width, in)``.
        kernel: ``(3, 3, out, in)``.
        bias: ``(out,)``.

    Returns:
        ``(batch, 2 height, 2 width, out)``.
    """
    if not uses_columns(x.shape[:3], kernel):
        return reference_doubling(x, kernel, bias)

    @custom_gradient
    def double(x, kernel):
        # The transposed form of a convolution that halves maps.
        size = [2 * edge + 2 for edge in x.shape[1:3]]

        def gradient(dy):
            padded = tf.pad(dy, _BORDER)
            dx = valid_convolution(padded, kernel, 2)
            return dx, kernel_gradient(padded, kernel, x, 2)

        y = transposed_convolution(x, kernel, 2, size)
        return y[:, 1:-1, 1:-1], gradient

    return tf.nn.bias_add(double(x, kernel), bias)
