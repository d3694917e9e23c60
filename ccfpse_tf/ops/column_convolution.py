"""Convolutions of small maps with many channels, as one matrix product.

Where there are few pixels, TensorFlow's own convolution takes longer to bring the
kernel into another order than the product itself takes. Here the pixels of all windows
are put side by side. Their number is bounded, and so is the memory that takes.
"""

import math

import tensorflow as tf

from ccfpse_tf.ops.compilation import (
    custom_gradient,
    on_gpu,
    traced,
    tracing_options,
)
from ccfpse_tf.ops.layout import windows
from ccfpse_tf.ops.resizing import sizes

# Measured on two cores: at 16x16 pixels of 1024 channels a third of the time, at 32x32
# of 512 about the same. All images of a batch count. Fewer pairs of channels than this
# do not matter.
MOST_PIXELS = 24 * 24
LEAST_PAIRS = 2**16


def reference(x: tf.Tensor, kernel: tf.Tensor, strides: int = 1) -> tf.Tensor:
    """The convolution as TensorFlow has it, without padding or bias."""
    return tf.nn.conv2d(x, kernel, strides, "VALID")


def uses_columns(size: tuple, kernel: tf.Tensor) -> bool:
    """True if convolutions with a result of this size are matrix products.

    Args:
        size: ``(batch, height, width)``; None where it is not known yet.
        kernel: ``(k, k, in, out)`` or, of transposed convolutions, ``(k, k, out, in)``.
    """
    size = tuple(size)
    if None in size or kernel.dtype not in (tf.float32, tf.float64):
        return False
    if on_gpu() or tracing_options().plain:
        return False
    few_pixels = math.prod(size) < MOST_PIXELS
    return few_pixels and kernel.shape[2] * kernel.shape[3] >= LEAST_PAIRS


def valid_convolution(x: tf.Tensor, kernel: tf.Tensor, strides: int = 1) -> tf.Tensor:
    """Convolution without padding or bias.

    Args:
        x: ``(batch, height, width, in)``, padded where that is wanted.
        kernel: ``(k, k, in, out)``.
        strides: in both directions.

    Returns:
        ``(batch, (height - k) // strides + 1, ..., out)``.
    """
    size = [edge and (edge - kernel.shape[0]) // strides + 1 for edge in x.shape[1:3]]
    if not uses_columns((x.shape[0], *size), kernel):
        return reference(x, kernel, strides)

    @custom_gradient
    def convolve(x, kernel):
        def gradient(dy):
            return (
                transposed_convolution(dy, kernel, strides, x.shape[1:3]),
                kernel_gradient(x, kernel, dy, strides),
            )

        return _product(x, kernel, strides=strides), gradient

    return convolve(x, kernel)


def transposed_convolution(
    y: tf.Tensor, kernel: tf.Tensor, strides: int, size: tuple[int, int]
) -> tf.Tensor:
    """The transposed :func:`valid_convolution`: its gradient with respect to ``x``.

    Args:
        y: ``(batch, h, w, out)``, of the convolution's result.
        kernel: of the convolution, ``(k, k, in, out)``.
        strides: of the convolution.
        size: ``(height, width)`` of its input.

    Returns:
        ``(batch, height, width, in)``.
    """
    return _transposed_product(y, kernel, strides=strides, size=tuple(size))


def kernel_gradient(
    x: tf.Tensor, kernel: tf.Tensor, dy: tf.Tensor, strides: int
) -> tf.Tensor:
    """Gradient of :func:`valid_convolution` with respect to its kernel.

    Args:
        x: the input.
        kernel: of which only the shape matters.
        dy: gradient with respect to the result.
        strides: of the convolution.
    """
    return _kernel_product(x, kernel, dy, strides=strides)


@traced
def _product(x, kernel, *, strides):
    columns = _columns(x, kernel, strides)
    y = tf.matmul(_pixels(columns), _matrix(kernel))
    return tf.reshape(y, (*sizes(columns, (0, 1, 2)), kernel.shape[-1]))


@traced
def _transposed_product(y, kernel, *, strides, size):
    batch, height, width, _ = sizes(y)
    columns = tf.matmul(_pixels(y), _matrix(kernel), transpose_b=True)
    columns = tf.reshape(columns, (batch, height, width, -1))
    with tf.GradientTape() as tape:
        x = tf.zeros((batch, *size, kernel.shape[2]), y.dtype)
        tape.watch(x)
        found = _columns(x, kernel, strides)
    return tape.gradient(found, x, columns)


@traced
def _kernel_product(x, kernel, dy, *, strides):
    columns = _pixels(_columns(x, kernel, strides))
    products = tf.matmul(columns, _pixels(dy), transpose_a=True)
    return tf.reshape(products, kernel.shape)


def _columns(x, kernel, strides):
    """The pixels of every window side by side, ``(batch, h, w, k * k * in)``."""
    return tf.concat(windows(x, kernel.shape[0], strides), -1)


def _pixels(x):
    return tf.reshape(x, (-1, x.shape[-1]))


def _matrix(kernel):
    return tf.reshape(kernel, (-1, kernel.shape[-1]))
