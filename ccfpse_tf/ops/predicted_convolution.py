"""Prediction and application of conditional kernels in one go.

The kernels of a map are nine times as large as the map itself, and the largest tensors
of the whole method (0.89 GB for all blocks of one 256x256 image). Here they are made
part by part, applied, and forgotten; the backward pass makes them again. That costs
one convolution more in training and saves more than it costs wherever memory is slower
than arithmetic.
"""

import tensorflow as tf

from ccfpse_tf.ops import winograd
from ccfpse_tf.ops.compilation import compiled, custom_gradient, recording, traced_once
from ccfpse_tf.ops.conditional_convolution import conditional_depthwise_convolution
from ccfpse_tf.ops.convolution import convolution, uses_winograd
from ccfpse_tf.ops.recomputation import after
from ccfpse_tf.ops.resizing import (
    spatial_size,
    upsample_nearest,
    upsample_nearest_gradient,
)
from ccfpse_tf.ops.scaling import scaled, scaling_gradients

# Channels are worked on in groups. Bytes per group of what it takes most memory for:
# its predicted kernels; or, where Winograd's strips never hold those, the convolution's
# transformed kernels.
GROUP_BYTES = 16 * 2**20


def predicted_convolution(
    x: tf.Tensor,
    hidden: tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor,
    recompute: bool = True,
    coefficients: tuple | None = None,
    upsample: bool = False,
) -> tf.Tensor:
    """Convolves ``x`` with the kernels ``conv3x3(hidden)`` (section 3.2).

    Args:
        x: ``(batch, height, width, channels)``.
        hidden: ``(batch, height, width, in)``, what kernels are predicted from.
        kernel: ``(3, 3, in, 9 * channels)``, of that prediction, tap-major.
        bias: ``(9 * channels,)``.
        recompute: whether to make the kernels again for the gradient; else all of them
            are kept. Sizes that are unknown when a graph is traced are not split.
        coefficients: mean, factor and offset by which ``x`` is scaled first, see
            :func:`ccfpse_tf.ops.scaling.scaled`. The scaled map is not held whole
            where strips are used.
        upsample: whether ``x`` is brought to twice its size first, from
            ``(batch, height / 2, width / 2, channels)``; a group of channels at a time
            where kernels are recomputed.

    Returns:
        ``(batch, height, width, channels)``.
    """
    if coefficients is None:
        zeros = tf.zeros(x.shape[-1:], x.dtype)
        coefficients = zeros, zeros + 1, zeros
    if not recompute:
        x = upsample_nearest(x) if upsample else x
        kernels = convolution(hidden, kernel, bias)
        return conditional_depthwise_convolution(scaled(x, *coefficients), kernels)
    in_groups = _upsampled_in_groups if upsample else _in_groups
    return in_groups(x, *coefficients, hidden, kernel, bias)


@custom_gradient
def _in_groups(*inputs):
    return _groups_forward(inputs, upsample=False)


@custom_gradient
def _upsampled_in_groups(*inputs):
    return _groups_forward(inputs, upsample=True)


def _groups_forward(inputs, upsample):
    x, *_, hidden, kernel, _ = inputs
    strips = uses_winograd(hidden, kernel.shape[-1])
    options = {"count": _group_count(x, hidden, strips), "upsample": upsample}
    run, y = _strips_forward if strips else _direct_forward, []
    for number in range(options["count"]):
        y.append(run(*_group(_turn(number, y), inputs, **options)))

    def gradient(dy):
        run = _strips_gradients if strips else _direct_gradients
        return _groups_backward(run, inputs, dy, options)

    return _joined(y), gradient


def _groups_backward(run, inputs, dy, options):
    x, mean, factor, offset, _, kernel, bias = inputs
    d_hidden, others = [], []
    for number in range(options["count"]):
        turn = _turn(number, d_hidden)
        d_scaled, d_part, *d_weights = run(*_group(turn, inputs, dy, **options))
        d_hidden.append(d_hidden[-1] + d_part if d_hidden else d_part)
        if options["upsample"]:
            d_scaled = upsample_nearest_gradient(d_scaled)
        others.append((d_scaled, *d_weights))
    d_scaled, d_kernel, d_bias = map(_joined, zip(*others, strict=True))
    dx, d_factor, d_offset = scaling_gradients(
        x, mean, factor, offset, d_scaled, activate=False
    )
    d_kernel = tf.reshape(d_kernel, kernel.shape)
    d_bias = tf.reshape(d_bias, bias.shape)
    return dx, None, d_factor, d_offset, d_hidden[-1], d_kernel, d_bias


def _turn(number, done):
    """A group's number, known once the group before it is made.

    TensorFlow would cut parts out as soon as it has the tensors: a second copy of the
    weights, held through the whole step.
    """
    return after(done[-1:], tf.constant(number))[0] if done else tf.constant(number)


def _joined(parts):
    return tf.concat(parts, -1) if len(parts) > 1 else parts[0]


def _split_taps(weights):
    """``(..., 9 * channels)`` to ``(..., 9, channels)``."""
    return tf.reshape(weights, (*weights.shape[:-1], 9, weights.shape[-1] // 9))


@traced_once
def _group(number, inputs, *further, count, upsample):
    """Group ``number`` of ``count`` equal ones of the channels, as if it were all.

    Args:
        number: int32 scalar.
        inputs: list of what :func:`predicted_convolution` takes.
        *further: maps ``(batch, height, width, channels)``.
        count: int.
        upsample: whether ``x`` is brought to twice its size.

    Returns:
        A list of all of them.
    """

    def part(tensor):
        if count == 1:
            return tensor
        *others, channels = tensor.shape
        width = channels // count
        start = [*(0 for _ in others), number * width]
        return tf.slice(tensor, start, [*(n or -1 for n in others), width])

    x, mean, factor, offset, hidden, kernel, bias = inputs
    x, *scaling = map(part, (x, mean, factor, offset))
    kernel, bias = (part(_split_taps(weights)) for weights in (kernel, bias))
    together = 9 * x.shape[-1]
    kernel = tf.reshape(kernel, (*kernel.shape[:3], together))
    bias = tf.reshape(bias, (together,))
    x = upsample_nearest(x) if upsample else x
    return [x, *scaling, hidden, kernel, bias, *map(part, further)]


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


@traced_once
def _direct_forward(x, mean, factor, offset, hidden, kernel, bias):
    return _whole(scaled(x, mean, factor, offset), hidden, kernel, bias)


@traced_once
def _direct_gradients(x, mean, factor, offset, hidden, kernel, bias, dy):
    inputs = [scaled(x, mean, factor, offset), hidden, kernel, bias]
    with recording() as tape:
        tape.watch(inputs)
        y = _whole(*inputs)
    d_scaled, d_hidden, *d_weights = tape.gradient(y, inputs, dy)
    return d_scaled, d_hidden, *map(_split_taps, d_weights)


def _whole(x, hidden, kernel, bias):
    """A group whose predicted kernels are all made before they are applied."""
    return conditional_depthwise_convolution(x, convolution(hidden, kernel, bias))


def _scaling(mean, factor, offset):
    return lambda pixels: (pixels - mean) * factor + offset


@compiled
def _strips_forward(x, mean, factor, offset, hidden, kernel, bias):
    strips = winograd.Strips(*x.shape[1:3])

    def apply(tiles, strip):
        kernels = _split_taps(tiles + bias)
        around = strips.padded(x, strip, _scaling(mean, factor, offset))
        taps, neighbours = (
            tf.unstack(t, axis=2) for t in (kernels, strips.neighbours())
        )
        pairs = zip(taps, neighbours, strict=True)
        return tf.add_n([tap * tf.gather(around, places) for tap, places in pairs])

    return winograd.forward(strips, hidden, kernel, apply, x.shape[-1])


@compiled
def _strips_gradients(x, mean, factor, offset, hidden, kernel, bias, dy):
    # Larger strips: every one of them adds to the whole gradient of the kernel.
    strips = winograd.Strips(*x.shape[1:3], 2 * winograd.STRIP_TILES)

    def start(predict, strip):
        neighbours = strips.neighbours()
        dy_tiles = strips.inner(dy, strip)[:, :, None]
        around = tf.gather(
            strips.padded(x, strip, _scaling(mean, factor, offset)), neighbours
        )
        d_kernels = tf.reshape(around * dy_tiles, (*around.shape[:2], bias.shape[0]))
        dx = _split_taps(predict() + bias) * dy_tiles
        return d_kernels, (strips.add_samples(dx, neighbours),), (), ()

    d_hidden, d_kernel, d_bias, d_scaled = winograd.backward(
        strips, hidden, kernel, start, padded=(x.shape[-1],)
    )
    return d_scaled, d_hidden, _split_taps(d_kernel), _split_taps(d_bias)
