"""Prediction and application of conditional kernels in one go.

The kernels of a map are nine times as large as the map itself, and the largest tensors
of the whole method (0.89 GB for all blocks of one 256x256 image). Here they are made
part by part, applied, and forgotten; the backward pass makes them again. That costs
one convolution more in training and saves more than it costs wherever memory is slower
than arithmetic.
"""

import tensorflow as tf

from ccfpse_tf.ops import winograd
from ccfpse_tf.ops.compilation import custom_gradient, traced, xla
from ccfpse_tf.ops.conditional_convolution import conditional_depthwise_convolution
from ccfpse_tf.ops.convolution import convolution, uses_winograd
from ccfpse_tf.ops.recomputation import wait_for
from ccfpse_tf.ops.resizing import spatial_size

# Channels are worked on in groups. Bytes per group of what it takes most memory for:
# its predicted kernels; or, where Winograd's strips never hold those, the convolution's
# transformed kernels.
GROUP_BYTES = 16 * 2**20


def reference(
    x: tf.Tensor, hidden: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor
) -> tf.Tensor:
    """Predicts all kernels, then applies them."""
    return conditional_depthwise_convolution(x, convolution(hidden, kernel, bias))


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
    return (_in_groups if recompute else reference)(x, hidden, kernel, bias)


@custom_gradient
def _in_groups(x, hidden, kernel, bias):
    """Group by group of channels; a group is convolved as if it were all."""
    strips = uses_winograd(hidden, kernel.shape[-1])
    count = _group_count(x, hidden, strips)
    forward = _strips_forward if strips else reference
    backward = _strips_gradients if strips else _direct_gradients
    y = []
    for number in range(count):
        part = _group(_turn(number, y), x, kernel, bias, count=count)
        y.append(forward(part[0], hidden, *part[1:]))

    def gradient(dy):
        dx, d_hidden, d_weights = [], [], []
        for number in range(count):
            turn = _turn(number, d_hidden)
            *part, d_part = _group(turn, x, kernel, bias, dy, count=count)
            d_x, d_h, *d_w = backward(part[0], hidden, *part[1:], d_part)
            dx.append(d_x)
            d_hidden.append(d_hidden[-1] + d_h if d_hidden else d_h)
            d_weights.append([_split_taps(d) for d in d_w])
        d_kernel, d_bias = map(_joined, zip(*d_weights, strict=True))
        d_kernel = tf.reshape(d_kernel, kernel.shape)
        return _joined(dx), d_hidden[-1], d_kernel, tf.reshape(d_bias, bias.shape)

    return _joined(y), gradient


def _turn(number, done):
    """A group's number, known once the group before it is made.

    TensorFlow would cut parts out as soon as it has the tensors: a second copy of the
    weights, held through the whole step.
    """
    return wait_for(done[-1:], tf.constant(number))[0] if done else tf.constant(number)


def _joined(parts):
    return tf.concat(parts, -1) if len(parts) > 1 else parts[0]


def _split_taps(weights):
    """``(..., 9 * channels)`` to ``(..., 9, channels)``."""
    return tf.reshape(weights, (*weights.shape[:-1], 9, weights.shape[-1] // 9))


@traced
def _group(number, x, kernel, bias, *maps, count):
    """Group ``number`` of ``count`` equal ones of the channels.

    Args:
        number: int32 scalar.
        x: ``(batch, height, width, channels)``.
        kernel: ``(3, 3, in, 9 * channels)``.
        bias: ``(9 * channels,)``.
        *maps: further ones, as ``x``.
        count: int.

    Returns:
        A list of all of them.
    """
    if count == 1:
        return [x, kernel, bias, *maps]
    width = x.shape[-1] // count

    def part(tensor):
        *others, _ = tensor.shape
        start = [*(0 for _ in others), number * width]
        return tf.slice(tensor, start, [*(n or -1 for n in others), width])

    kernel, bias = (part(_split_taps(weights)) for weights in (kernel, bias))
    kernel = tf.reshape(kernel, (*kernel.shape[:3], 9 * width))
    return [part(x), kernel, tf.reshape(bias, (-1,)), *map(part, maps)]


def _group_count(x, hidden, strips):
    """In how many equal groups the channels' kernels fit the budget."""
    channels, (height, width) = x.shape[-1], spatial_size(hidden)
    if strips:
        places = winograd.SAMPLES * hidden.shape[-1]
    elif isinstance(height, int) and isinstance(width, int):
        places = (x.shape[0] or 1) * height * width
    else:
        return 1
    size = 9 * places * channels * x.dtype.size
    fitting = [n for n in range(1, channels + 1) if channels % n == 0]
    return next((n for n in fitting if size <= n * GROUP_BYTES), channels)


@traced
def _direct_gradients(x, hidden, kernel, bias, dy):
    inputs = [x, hidden, kernel, bias]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = reference(*inputs)
    return tape.gradient(y, inputs, dy)


@xla
def _strips_forward(x, hidden, kernel, bias):
    strips = winograd.Strips(*x.shape[1:3])

    def apply(tiles, strip):
        kernels = _split_taps(tiles + bias)
        around = strips.padded(x, strip)
        taps, neighbours = (
            tf.unstack(t, axis=2) for t in (kernels, strips.neighbours())
        )
        pairs = zip(taps, neighbours, strict=True)
        return tf.add_n([tap * tf.gather(around, places) for tap, places in pairs])

    return winograd.forward(strips, hidden, kernel, apply, x.shape[-1])


@xla
def _strips_gradients(x, hidden, kernel, bias, dy):
    # Larger strips: every one of them adds to the whole gradient of the kernel.
    strips = winograd.Strips(*x.shape[1:3], 2 * winograd.STRIP_TILES)

    def start(predict, strip):
        neighbours = strips.neighbours()
        dy_tiles = strips.inner(dy, strip)[:, :, None]
        around = tf.gather(strips.padded(x, strip), neighbours)
        d_kernels = tf.reshape(around * dy_tiles, (*around.shape[:2], bias.shape[0]))
        dx = _split_taps(predict() + bias) * dy_tiles
        return d_kernels, (strips.add_samples(dx, neighbours),), (), ()

    d_hidden, d_kernel, d_bias, dx = winograd.backward(
        strips, hidden, kernel, start, padded=(x.shape[-1],)
    )
    return dx, d_hidden, d_kernel, d_bias
