"""Prediction and application of conditional kernels in one go.

The kernels of a map are nine times as large as the map itself, and the largest tensors
of the whole method (0.89 GB for all blocks of one 256x256 image). Here they are made
part by part, applied, and forgotten; the backward pass makes them again. That costs
one convolution more in training and saves more than it costs wherever memory is slower
than arithmetic.
"""

import tensorflow as tf

from ccfpse_tf.layers import winograd
from ccfpse_tf.layers.compiled import compiled, custom_gradient
from ccfpse_tf.layers.conditional_convolution import conditional_depthwise_convolution
from ccfpse_tf.layers.convolution import convolution, uses_winograd
from ccfpse_tf.layers.resizing import spatial_size

# Kernels of a group of channels, made at once where Winograd's strips are not used.
GROUP_BYTES = 64 * 2**20


def predicted_convolution(
    x: tf.Tensor,
    hidden: tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor,
    recompute: bool = True,
) -> tf.Tensor:
    """Convolves ``x`` with the kernels ``conv3x3(hidden)`` (section 3.2).

    Args:
        x: ``(batch, height, width, channels)``.
        hidden: ``(batch, height, width, in)``, what kernels are predicted from.
        kernel: ``(3, 3, in, 9 * channels)``, of that prediction, tap-major.
        bias: ``(9 * channels,)``.
        recompute: whether to make the kernels again for the gradient; else all of them
            are kept. Sizes that are unknown when a graph is traced are not split.

    Returns:
        ``(batch, height, width, channels)``.
    """
    if not recompute:
        kernels = convolution(hidden, kernel, bias)
        return conditional_depthwise_convolution(x, kernels)
    if uses_winograd(hidden, kernel.shape[-1]):
        return _in_strips(x, hidden, kernel, bias)
    return _in_groups(x, hidden, kernel, bias)


@custom_gradient
def _in_strips(x, hidden, kernel, bias):
    # Else a tape would also record, and keep, what happens inside the function.
    inputs = [tf.stop_gradient(tensor) for tensor in (x, hidden, kernel, bias)]

    def gradient(dy):
        return _strips_backward(*inputs, dy)

    return _strips_forward(*inputs), gradient


@compiled
def _strips_forward(x, hidden, kernel, bias):
    strips = winograd.Strips(*x.shape[1:3])
    padded = winograd.pad(x)

    def apply(tiles, strip):
        kernels = _taps(tiles + bias)
        around = strips.padded(padded, strip)
        return tf.add_n(
            [
                kernels[:, :, tap] * tf.gather(around, strips.neighbours[..., tap])
                for tap in range(9)
            ]
        )

    return winograd.forward(strips, hidden, kernel, apply, x.shape[-1])


@compiled
def _strips_backward(x, hidden, kernel, bias, dy):
    # Larger strips: every one of them adds to the whole gradient of the kernel.
    strips = winograd.Strips(*x.shape[1:3], 2 * winograd.STRIP_TILES)
    padded = winograd.pad(x)

    def start(predict, strip):
        dy_tiles = strips.inner(dy, strip)[:, :, None]
        around = tf.gather(strips.padded(padded, strip), strips.neighbours)
        d_kernels = tf.reshape(around * dy_tiles, (*around.shape[:2], bias.shape[0]))
        dx = _taps(predict() + bias) * dy_tiles
        return d_kernels, strips.add_samples(dx, strips.neighbours)

    d_hidden, d_kernel, d_bias, dx = winograd.backward(
        strips, hidden, kernel, start, (x.shape[-1],)
    )
    return dx, d_hidden, d_kernel, d_bias


def _taps(kernels):
    """``(16, tiles, 9 * channels)`` to ``(16, tiles, 9, channels)``."""
    return tf.reshape(kernels, (*kernels.shape[:2], 9, kernels.shape[-1] // 9))


@custom_gradient
def _in_groups(x, hidden, kernel, bias):
    inputs = [tf.stop_gradient(tensor) for tensor in (x, hidden, kernel, bias)]
    groups = _group_count(x)

    def gradient(dy):
        return _groups_backward(*inputs, dy, groups)

    y = []
    for part in _groups(groups, *_by_channel(*inputs)):
        y.append(_apply_group(inputs[1], *_after(y[-1:], part)))
    return tf.concat(y, -1), gradient


def _groups_backward(x, hidden, kernel, bias, dy, groups):
    d_hidden, others = tf.zeros_like(hidden), []
    for part in _groups(groups, *_by_channel(x, hidden, kernel, bias), dy):
        *part, dy_part = _after([d_hidden], part)
        with tf.GradientTape() as tape:
            tape.watch((hidden, *part))
            y = _apply_group(hidden, *part)
        d_part, *others_part = tape.gradient(y, (hidden, *part), dy_part)
        d_hidden += d_part
        others.append(others_part)
    dx, d_kernel, d_bias = (tf.concat(parts, -1) for parts in zip(*others, strict=True))
    d_kernel = tf.reshape(d_kernel, kernel.shape)
    return dx, d_hidden, d_kernel, tf.reshape(d_bias, bias.shape)


def _after(done, tensors):
    """The tensors, once ``done`` is made: never the kernels of two groups at once."""
    with tf.control_dependencies(done):
        return [tf.identity(tensor) for tensor in tensors]


def _apply_group(hidden, x, kernel, bias):
    channels = x.shape[-1]
    kernel = tf.reshape(kernel, (*kernel.shape[:3], 9 * channels))
    kernels = convolution(hidden, kernel, tf.reshape(bias, (9 * channels,)))
    return conditional_depthwise_convolution(x, kernels)


def _by_channel(x, hidden, kernel, bias):
    """All with the channels of ``x`` last: kernel ``(3, 3, in, 9, c)``, bias."""
    channels = x.shape[-1]
    kernel = tf.reshape(kernel, (*kernel.shape[:3], 9, channels))
    return x, kernel, tf.reshape(bias, (9, channels))


def _groups(count, *tensors):
    """The tensors' channels in ``count`` parts."""
    return zip(*(tf.split(tensor, count, -1) for tensor in tensors), strict=True)


def _group_count(x):
    """In how many equal groups the channels' kernels fit the budget."""
    channels, (height, width) = x.shape[-1], spatial_size(x)
    if not (isinstance(height, int) and isinstance(width, int)):
        return 1
    size = 9 * (x.shape[0] or 1) * height * width * channels * x.dtype.size
    fitting = [n for n in range(1, channels + 1) if channels % n == 0]
    return next((n for n in fitting if size <= n * GROUP_BYTES), channels)
