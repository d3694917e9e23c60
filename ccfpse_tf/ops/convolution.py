"""3x3 convolutions of full maps, by whichever way is quickest on this machine."""

import math

import tensorflow as tf

from ccfpse_tf.ops import winograd
from ccfpse_tf.ops.compilation import (
    compiled,
    custom_gradient,
    loop,
    on_gpu,
    setting,
    tracing_with,
)

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
    """Whether 3x3 convolutions of ``x (batch, height, width, channels)`` do.

    Args:
        x: their input.
        filters: their output channels; None asks for their gradients.
    """
    height, width = x.shape[1:3]
    method = setting("convolution", "auto")
    if method == "direct" or x.dtype not in (tf.float32, tf.float64):
        return False
    if height is None or width is None or height % 4 or width % 4:
        return False
    if method == "winograd":
        return True
    if filters is not None and filters < LEAST_FILTERS:
        return False
    return height * width >= LEAST_PIXELS and not on_gpu()


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
    return dx, d_kernel, tf.reduce_sum(dy, (0, 1, 2))


def goes_by_strips(x: tf.Tensor) -> bool:
    """Whether direct convolutions of ``x (batch, height, width, channels)`` should.

    On CPUs, in float32, which XLA convolves well.
    """
    if setting("convolution", "auto") != "auto" or not uses_winograd(x):
        return False
    return x.dtype == tf.float32 and 9 * 4 * math.prod(x.shape[1:]) > UNFOLDED_BYTES


def forward_by_strips(x: tf.Tensor, kernel: tf.Tensor, finish, widths) -> list:
    """Convolves directly, one strip of rows after the other.

    To be called inside a compiled function where :func:`goes_by_strips` says so.

    Args:
        x: ``(batch, height, width, in)``.
        kernel: ``(3, 3, in, out)``.
        finish: function of a strip's convolution ``(1, rows, width, out)``, of the
            :class:`ccfpse_tf.ops.winograd.Strips` and of the strip's number; it
            returns a list of maps of the strip.
        widths: channels of each.

    Returns:
        These maps of all images, each ``(batch, height, width, channels)``.
    """
    strips = winograd.Strips(*x.shape[1:3], STRIP_PIXELS // winograd.PIXELS)
    total, pixels = strips.count(x), strips.rows * strips.width

    def body(strip, arrays):
        padded = tf.reshape(
            strips.padded(x, strip), (1, strips.rows + 2, strips.width + 2, x.shape[-1])
        )
        y = tf.nn.conv2d(padded, kernel, 1, "VALID")
        maps = finish(y, strips, strip)
        arrays = [
            array.write(strip, tf.reshape(map_, (pixels, map_.shape[-1])))
            for array, map_ in zip(arrays, maps, strict=True)
        ]
        return (arrays,)

    arrays = [
        tf.TensorArray(x.dtype, total, element_shape=(pixels, width))
        for width in widths
    ]
    [arrays] = loop(total, body, arrays)
    return [strips.images(array.stack()) for array in arrays]


def _direct(x, kernel, bias):
    if goes_by_strips(x):
        return _strips_forward(x, kernel, bias)
    return tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias)


@compiled
def _strips_forward(x, kernel, bias):
    [y] = forward_by_strips(
        x, kernel, lambda y, *_: [tf.nn.bias_add(y, bias)], kernel.shape[-1:]
    )
    return y


@compiled
def _winograd_forward(x, kernel, bias):
    strips = winograd.Strips(*x.shape[1:3])
    return winograd.forward(
        strips, x, kernel, lambda tiles, _: tiles + bias, kernel.shape[-1]
    )


@compiled
def _winograd_backward(x, kernel, dy):
    strips = winograd.Strips(*x.shape[1:3])
    return winograd.backward(
        strips, x, kernel, lambda _, strip: (strips.inner(dy, strip), (), (), ())
    )
