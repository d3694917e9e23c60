"""3x3 convolutions of full maps, by whichever way is quickest on this machine."""

import tensorflow as tf

from ccfpse_tf.layers import winograd
from ccfpse_tf.layers.compiled import (
    compiled,
    custom_gradient,
    on_gpu,
    setting,
    tracing_with,
)

METHODS = ("auto", "direct", "winograd")
# Below these the transformed kernels (four times as large) or the transformation of the
# input cost more than they save. The direct form's gradients are slower, by far.
LEAST_PIXELS = 24 * 24
LEAST_FILTERS = 64


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
        # Else a tape would also record, and keep, what happens inside the function.
        x, kernel, bias = (tf.stop_gradient(tensor) for tensor in (x, kernel, bias))
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


def _direct(x, kernel, bias):
    return tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias)


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
