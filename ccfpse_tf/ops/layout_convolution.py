"""Convolutions of layouts: a look-up for the classes, a convolution for the rest.

A 3x3 convolution of a one-hot map is the sum of nine rows of its kernel, so its cost
does not grow with the number of classes.
"""

import tensorflow as tf

from ccfpse_tf.ops import winograd
from ccfpse_tf.ops.compilation import compiled, custom_gradient, loop, traced_once
from ccfpse_tf.ops.convolution import (
    convolution,
    convolution_gradients,
    forward_by_strips,
    goes_by_strips,
)
from ccfpse_tf.ops.layout import Layout
from ccfpse_tf.ops.precision import at_least_float32
from ccfpse_tf.ops.resizing import spatial_size
from ccfpse_tf.ops.row_lookup import (
    add_rows,
    gradients_of_rows,
    mean_of_rows,
    no_rows,
    sums_of_rows,
    with_further,
    with_rows,
)


def layout_convolutions(layout, kernels, biases, relu: bool = False) -> list[tf.Tensor]:
    """Several 3x3 convolutions of one layout, stride 1, zero padded, run as one.

    A tap outside the image contributes nothing (it is not class 0).

    Args:
        layout: a :class:`Layout` ``(batch, height, width)`` or a dense tensor
            ``(batch, height, width, channels)``.
        kernels: each ``(3, 3, channels, out)``; the layout's classes come first.
        biases: each ``(out,)``.
        relu: whether ``max(0, .)`` follows.

    Returns:
        For each kernel ``(batch, height, width, out)``.
    """
    if isinstance(layout, Layout):
        return _looked_up(*layout, kernels, biases, relu)
    kernel, bias = tf.concat(kernels, -1), tf.concat(biases, 0)
    y = convolution(layout, kernel, bias, exact_zeros=relu)
    widths = [kernel.shape[-1] for kernel in kernels]
    return tf.split(tf.nn.relu(y) if relu else y, widths, -1)


def _looked_up(label, features, kernels, biases, relu):
    """The convolutions with their gradient.

    Kernels are used as they lie in memory: with thousands of classes, copies of them
    would take longer than the convolution.
    """

    @custom_gradient
    def convolve(features, *weights):
        kernels, biases = weights[: len(weights) // 2], weights[len(weights) // 2 :]
        outputs = _forward(label, features, kernels, biases, relu=relu)

        def gradient(*dy):
            masks = outputs if relu else []
            return _backward(label, features, kernels, list(dy), masks)

        return tuple(outputs), gradient

    return list(convolve(features, *kernels, *biases))


@traced_once
def _forward(label, features, kernels, biases, *, relu):
    classes = kernels[0].shape[2] - features.shape[-1]
    # Without ReLU, Winograd's form is quicker.
    if relu and goes_by_strips(features):
        return _strips_forward(label, features, kernels, biases)
    bias = tf.concat(biases, 0)
    if features.shape[-1]:
        y = convolution(features, _dense(kernels, classes), bias, exact_zeros=relu)
    else:
        y = bias[None, None, None]
    known = _known(label, classes)
    return sums_of_rows(known, y, *_tables(kernels), places=_taps, relu=relu)


@compiled
def _strips_forward(label, features, kernels, biases):
    bias, tables = tf.concat(biases, 0), _tables(kernels)
    classes = kernels[0].shape[2] - features.shape[-1]
    dense = _dense(kernels, classes)

    def finish(y, strips, strip):
        taps = _strip_taps(label, classes, strips, strip)
        return with_rows(taps, tf.nn.bias_add(y, bias), tables, relu=True)

    widths = [kernel.shape[-1] for kernel in kernels]
    return forward_by_strips(features, dense, finish, widths)


@traced_once
def _backward(label, features, kernels, dy, masks):
    further = features.shape[-1]
    classes = kernels[0].shape[2] - further
    if masks and goes_by_strips(features):
        return _strips_backward(label, features, kernels, dy, masks)
    if masks:
        pairs = zip(dy, masks, strict=True)
        dy = [tf.raw_ops.ReluGrad(gradients=d, features=y) for d, y in pairs]
    dy = tf.concat(dy, -1)
    if further:
        dense = _dense(kernels, classes)
        d_features, d_dense, d_bias = convolution_gradients(features, dense, dy)
    else:
        d_features = tf.zeros_like(features)
        d_dense = tf.zeros((3, 3, 0, dy.shape[-1]), dy.dtype)
        d_bias = tf.reduce_sum(dy, (0, 1, 2))
    known, d_dense = _known(label, classes), _rows(d_dense)
    d_tables = gradients_of_rows(known, dy, d_dense, *_tables(kernels), places=_taps)
    return _gradients(d_features, d_tables, d_bias, kernels)


@compiled
def _strips_backward(label, features, kernels, dy, masks):
    """As :func:`_backward`; ReLU's gradient, as large as its result, is never whole."""
    strips, tables = winograd.Strips(*features.shape[1:3]), _tables(kernels)
    classes = kernels[0].shape[2] - features.shape[-1]
    pairs = list(zip(dy, masks, strict=True))

    def masked(strip):
        parts = [
            tf.where(strips.cut(y, strip) > 0, strips.cut(d, strip), 0)
            for d, y in pairs
        ]
        return tf.concat(parts, -1)

    def add_strip(strip, sums):
        taps = _strip_taps(label, classes, strips, strip)
        return (add_rows(sums, taps, masked(strip), tables),)

    dense = _dense(kernels, classes)
    d_features, d_dense, d_bias = winograd.backward(
        strips,
        features,
        dense,
        lambda _, strip: (strips.in_tiles(masked(strip)), (), (), ()),
    )
    sums = no_rows(tables, features.dtype, label)
    [sums] = loop(strips.count(features), add_strip, sums)
    d_tables = with_further(sums, _rows(d_dense), tables)
    return _gradients(d_features, d_tables, d_bias, kernels)


def _gradients(d_features, d_tables, d_bias, kernels):
    """With respect to the features, every kernel and every bias."""
    d_kernels = [
        tf.reshape(d_table, kernel.shape)
        for d_table, kernel in zip(d_tables, kernels, strict=True)
    ]
    widths = [kernel.shape[-1] for kernel in kernels]
    return d_features, *d_kernels, *tf.split(d_bias, widths)


def _rows(dense):
    """A kernel ``(3, 3, in, out)`` as nine tables of rows."""
    return tf.reshape(dense, (9, *dense.shape[2:]))


def _tables(kernels):
    """The kernels as nine tables of rows each."""
    return [_rows(kernel) for kernel in kernels]


def _dense(kernels, classes):
    """What the kernels do with the features, side by side."""
    return tf.concat([kernel[:, :, classes:] for kernel in kernels], -1)


def pooled_embedding(layout, kernel, bias, size: int) -> tf.Tensor:
    """``conv1x1`` of a layout, averaged over cells of ``size * size`` pixels.

    Args:
        layout: a :class:`Layout` ``(batch, height, width)`` or a dense tensor
            ``(batch, height, width, channels)``, sizes multiples of ``size``.
        kernel: ``(1, 1, channels, out)``; the layout's classes come first.
        bias: ``(out,)``.
        size: of a cell.

    Returns:
        ``(batch, height / size, width / size, out)`` in float32 at least.
    """
    kernel, bias = at_least_float32(kernel), at_least_float32(bias)
    # Pooling first and convolving after is the same, with a sixteenth of the work.
    if not isinstance(layout, Layout):
        pooled = tf.nn.avg_pool2d(at_least_float32(layout), size, size, "VALID")
        return tf.nn.bias_add(tf.nn.conv2d(pooled, kernel, 1, "VALID"), bias)
    further = layout.features.shape[-1]
    classes = kernel.shape[2] - further
    y = bias[None, None, None]
    if further:
        features = at_least_float32(layout.features)
        pooled = tf.nn.avg_pool2d(features, size, size, "VALID")
        y += tf.nn.conv2d(pooled, kernel[:, :, classes:], 1, "VALID")
    label = _known(layout.label, classes)
    cells = [
        label[:, row::size, column::size]
        for row in range(size)
        for column in range(size)
    ]
    return y + mean_of_rows(tf.stack(cells, -1), kernel[0, :, :classes])


def _known(label, classes):
    """Labels that are no class become -1, as they have no channel in a one-hot map."""
    return tf.where((label >= 0) & (label < classes), label, -1)


def _taps(label):
    """The nine labels around pixels, each ``(batch, height, width)``; -1 outside."""
    height, width = spatial_size(label)
    padded = tf.pad(label, [[0, 0], [1, 1], [1, 1]], constant_values=-1)
    return _windows(padded, height, width)


def _strip_taps(label, classes, strips, strip):
    """As :func:`_taps`, of a strip ``(1, rows, width)`` of labels known or not."""
    # Strips are padded with zeros.
    around = strips.padded(
        label[..., None], strip, change=lambda found: _known(found, classes) + 1
    )
    size = strips.rows, strips.width
    return _windows(tf.reshape(around - 1, (1, size[0] + 2, size[1] + 2)), *size)


def _windows(padded, height, width):
    return [
        padded[:, row : row + height, column : column + width]
        for row in range(3)
        for column in range(3)
    ]
