"""What is made of a 3x3 convolution pixel by pixel, without holding its result.

Attention and SPADE's modulation are as large as the features they apply to, or twice
that. Here they are made strip by strip, applied, and forgotten; the backward pass makes
them again.
"""

import tensorflow as tf

from ccfpse_tf.ops import winograd
from ccfpse_tf.ops.compilation import custom_gradient, xla
from ccfpse_tf.ops.convolution import convolution, uses_winograd


def reference(function, hidden, kernel, bias, x, *weights):
    """``function(conv3x3(hidden), x, *weights)`` of the whole map at once."""
    return function(convolution(hidden, kernel, bias), x, *weights)


def apply_to_convolution(
    function,
    hidden: tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor,
    x: tf.Tensor,
    *weights: tf.Tensor,
) -> tf.Tensor:
    """``function(conv3x3(hidden), x, *weights)``, by strips in Winograd's form.

    Where that form is not used, see
    :func:`ccfpse_tf.ops.convolution.uses_winograd`, of the whole map at once.

    Args:
        function: of single pixels' values, which lie along the last axis of the first
            two arguments; traced once for equal shapes.
        hidden: ``(batch, height, width, in)``.
        kernel: ``(3, 3, in, out)``.
        bias: ``(out,)``.
        x: ``(batch, height, width, channels)``.
        *weights: shared by all pixels.

    Returns:
        ``(batch, height, width, channels of the function's result)``.
    """
    if not uses_winograd(hidden, kernel.shape[-1]):
        return reference(function, hidden, kernel, bias, x, *weights)

    @custom_gradient
    def run(*inputs):
        def gradient(dy):
            return _backward(*inputs, dy, function=function)

        return _forward(*inputs, function=function), gradient

    return run(hidden, kernel, bias, x, *weights)


def pointwise_convolution(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """A 1x1 convolution ``(1, 1, in, out)`` of images, or of pixels in any order."""
    if len(x.shape) == 4:
        return tf.nn.conv2d(x, kernel, 1, "SAME")
    y = tf.matmul(tf.reshape(x, (-1, x.shape[-1])), kernel[0, 0])
    return tf.reshape(y, (*x.shape[:-1], kernel.shape[-1]))


@xla
def _forward(hidden, kernel, bias, x, *weights, function):
    strips = winograd.Strips(*x.shape[1:3])

    def apply(tiles, strip):
        return function(tiles + bias, strips.inner(x, strip), *weights)

    pixel = [tf.zeros((1, 1, n), x.dtype) for n in (bias.shape[0], x.shape[-1])]
    channels = function(*pixel, *weights).shape[-1]
    return winograd.forward(strips, hidden, kernel, apply, channels)


@xla
def _backward(hidden, kernel, bias, x, *weights_and_dy, function):
    *weights, dy = weights_and_dy
    strips = winograd.Strips(*x.shape[1:3])

    def start(predict, strip):
        inputs = [predict() + bias, strips.inner(x, strip), *weights]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = function(*inputs)
        gradients = tape.gradient(
            y, inputs, strips.inner(dy, strip), tf.UnconnectedGradients.ZERO
        )
        d_tiles, dx, *d_weights = gradients
        return d_tiles, (), (strips.in_rows(dx),), d_weights

    d_hidden, d_kernel, d_bias, dx, *d_weights = winograd.backward(
        strips,
        hidden,
        kernel,
        start,
        inner=(x.shape[-1],),
        shared=[weight.shape for weight in weights],
    )
    return d_hidden, d_kernel, d_bias, dx, *d_weights
