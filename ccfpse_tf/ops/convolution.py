"""3x3 convolutions of full maps, by the way that is quickest on this machine."""

import math

import tensorflow as tf

from ccfpse_tf.ops import winograd
from ccfpse_tf.ops.column_convolution import uses_columns, valid_convolution
from ccfpse_tf.ops.compilation import (
    custom_gradient,
    on_gpu,
    tracing_options,
    tracing_with,
    xla,
)
from ccfpse_tf.ops.scaling import short_sums, total

METHODS = ("auto", "direct", "winograd")
# Below these the transformed kernels (four times as large) or the transformation of the
# input cost more than they save. The direct form's gradients are slower, by far.
LEAST_PIXELS = 24 * 24
LEAST_FILTERS = 64
# TensorFlow's direct form unfolds images to nine times their size. Larger ones than
# these bytes are convolved by strips of about so many pixels, at the same speed.
UNFOLDED_BYTES = 16 * 2**20
STRIP_PIXELS = 4096


def convolution_method(method: str):
    """Fixes how convolutions are computed that are traced inside the context.

    Args:
        method: ``"winograd"`` wherever it can (sizes that are multiples of 4, in
            float32 and float64), ``"direct"`` nowhere, ``"auto"`` (the default) where
            it is faster: on CPUs for maps of 24x24 pixels and more and, but for
            gradients, 64 filters and more. On GPUs cuDNN makes that choice itself.

    Raises:
        ValueError: another method.
    """
    if method not in METHODS:
        raise ValueError(f"convolution method {method!r}: choose from {METHODS}")
    return tracing_with(convolution=method)


def uses_winograd(x: tf.Tensor, filters: int | None = None) -> bool:
    """True if 3x3 convolutions of ``x (batch, height, width, channels)`` use that form.

    Args:
        x: their input.
        filters: their output channels; None asks for their gradients.
    """
    height, width = x.shape[1:3]
    method = tracing_options().convolution
    if method == "direct" or x.dtype not in (tf.float32, tf.float64):
        return False
    if height is None or width is None or height % 4 or width % 4:
        return False
    if method == "winograd":
        return True
    if filters is not None and filters < LEAST_FILTERS:
        return False
    return height * width >= LEAST_PIXELS and not on_gpu()


def reference(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """``conv3x3(x) + bias`` as TensorFlow has it."""
    return tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias)


def convolution(
    x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, exact_zeros: bool = False
) -> tf.Tensor:
    """3x3 convolution with stride 1, zero padded.

    Args:
        x: ``(batch, height, width, in)``.
        kernel: ``(3, 3, in, out)``.
        bias: ``(out,)``.
        exact_zeros: whether results that are 0 must be exactly 0, because a ReLU with
            its kink there follows; Winograd's form makes rounding noise of them.

    Returns:
        ``(batch, height, width, out)``.
    """
    if not uses_winograd(x):
        return _direct(x, kernel, bias)
    quick = uses_winograd(x, kernel.shape[-1]) and not exact_zeros
    forward = _winograd_forward if quick else _direct

    @custom_gradient
    def convolve(x, kernel, bias):
        return forward(x, kernel, bias), lambda dy: _winograd_backward(x, kernel, dy)

    return convolve(x, kernel, bias)


def convolution_gradients(x: tf.Tensor, kernel: tf.Tensor, dy: tf.Tensor) -> tuple:
    """Gradients of :func:`convolution` with respect to ``x``, ``kernel`` and bias.

    Args:
        x: ``(batch, height, width, in)``.
        kernel: ``(3, 3, in, out)``.
        dy: ``(batch, height, width, out)``, with respect to the result.
    """
    if uses_winograd(x):
        return _winograd_backward(x, kernel, dy)
    options = {"strides": [1, 1, 1, 1], "padding": "SAME", "out_backprop": dy}
    dx = tf.raw_ops.Conv2DBackpropInput(
        input_sizes=tf.shape(x), filter=kernel, **options
    )
    d_kernel = tf.raw_ops.Conv2DBackpropFilter(
        input=x, filter_sizes=kernel.shape, **options
    )
    return dx, d_kernel, total(short_sums(dy), dy.dtype)


def goes_by_strips(x: tf.Tensor) -> bool:
    """True if a direct convolution of ``x (batch, height, width, channels)`` should.

    That is on CPUs, in float32, which XLA convolves well.
    """
    if tracing_options().convolution != "auto" or not uses_winograd(x):
        return False
    return x.dtype == tf.float32 and 9 * 4 * math.prod(x.shape[1:]) > UNFOLDED_BYTES


def forward_by_strips(x: tf.Tensor, kernel: tf.Tensor, finish) -> tf.Tensor:
    """Convolves directly, one strip of rows after the other.

    To be called inside a compiled function where :func:`goes_by_strips` says so.

    Args:
        x: ``(batch, height, width, in)``.
        kernel: ``(3, 3, in, out)``.
        finish: function of a strip's convolution ``(1, rows, width, out)``, of the
            :class:`ccfpse_tf.ops.winograd.Strips` and of the strip's number; what it
            returns, in that shape, is kept.

    Returns:
        ``(batch, height, width, out)``.
    """
    strips = winograd.Strips(*x.shape[1:3], STRIP_PIXELS // winograd.PIXELS)
    total = strips.count(x)
    shape = (strips.rows * strips.width, kernel.shape[-1])
    padded_shape = (1, strips.rows + 2, strips.width + 2, x.shape[-1])

    def body(strip, y):
        padded = tf.reshape(strips.padded(x, strip), padded_shape)
        part = finish(tf.nn.conv2d(padded, kernel, 1, "VALID"), strips, strip)
        return strip + 1, y.write(strip, tf.reshape(part, shape))

    y = tf.TensorArray(x.dtype, total, element_shape=shape)
    _, y = tf.while_loop(lambda strip, _: strip < total, body, (0, y))
    return strips.images(y.stack())


def _direct(x, kernel, bias):
    if goes_by_strips(x):
        return _strips_forward(x, kernel, bias)
    if uses_columns(x.shape[:3], kernel):
        padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        return tf.nn.bias_add(valid_convolution(padded, kernel), bias)
    return reference(x, kernel, bias)


@xla
def _strips_forward(x, kernel, bias):
    return forward_by_strips(x, kernel, lambda y, *_: tf.nn.bias_add(y, bias))


@xla
def _winograd_forward(x, kernel, bias):
    strips = winograd.Strips(*x.shape[1:3])
    return winograd.forward(
        strips, x, kernel, lambda tiles, _: tiles + bias, kernel.shape[-1]
    )


@xla
def _winograd_backward(x, kernel, dy):
    strips = winograd.Strips(*x.shape[1:3])
    return winograd.backward(
        strips, x, kernel, lambda _, strip: (strips.inner(dy, strip), (), (), ())
    )
