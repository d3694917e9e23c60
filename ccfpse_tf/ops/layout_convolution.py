"""Convolutions of layouts: a look-up for the classes, a convolution for the rest.

A 3x3 convolution of a one-hot map is the sum of nine rows of its kernel, so its cost
does not grow with the number of classes.
"""

import tensorflow as tf

from ccfpse_tf.ops import winograd
from ccfpse_tf.ops.column_convolution import valid_convolution
from ccfpse_tf.ops.compilation import custom_gradient, traced, xla
from ccfpse_tf.ops.convolution import (
    convolution,
    convolution_gradients,
    forward_by_strips,
    goes_by_strips,
)
from ccfpse_tf.ops.layout import Layout, pad_layout, windows
from ccfpse_tf.ops.precision import at_least_float32
from ccfpse_tf.ops.row_lookup import (
    add_rows,
    append_dense,
    scatter_rows,
    sum_of_rows,
    table_gradient,
    total_of_rows,
    zero_table,
)


def reference(layout, kernel, bias, relu: bool = False) -> tf.Tensor:
    """The convolution of the layout with all its one-hot channels written out."""
    if isinstance(layout, Layout):
        layout = layout.one_hot(kernel.shape[2] - layout.features.shape[-1])
    y = tf.nn.conv2d(layout, kernel, 1, "SAME") + bias
    return tf.nn.relu(y) if relu else y


def layout_convolution(
    layout: Layout | tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, relu: bool = False
) -> tf.Tensor:
    """3x3 convolution of a layout, stride 1, zero padded.

    A tap outside the image contributes nothing (it is not class 0).

    Args:
        layout: a :class:`Layout` ``(batch, height, width)`` or a dense tensor
            ``(batch, height, width, channels)``.
        kernel: ``(3, 3, channels, out)``; the layout's classes come first. It is used
            as it lies in memory: with thousands of classes, a copy of it would take
            longer than the convolution.
        bias: ``(out,)``.
        relu: whether ``max(0, .)`` follows.

    Returns:
        ``(batch, height, width, out)``.
    """
    if not isinstance(layout, Layout):
        y = convolution(layout, kernel, bias, exact_zeros=relu)
        return tf.nn.relu(y) if relu else y
    label = layout.label

    @custom_gradient
    def convolve(features, kernel, bias):
        y = _forward(label, features, kernel, bias, relu=relu)

        def gradient(dy):
            mask = [y] if relu else []
            return _backward(label, features, kernel, dy, mask)

        return y, gradient

    return convolve(layout.features, kernel, bias)


@traced
def _forward(label, features, kernel, bias, *, relu):
    classes = kernel.shape[2] - features.shape[-1]
    # Without ReLU, Winograd's form is quicker.
    if relu and goes_by_strips(features):
        return _strips_forward(label, features, kernel, bias)
    if features.shape[-1]:
        y = convolution(features, kernel[:, :, classes:], bias, exact_zeros=relu)
    else:
        y = bias[None, None, None]
    known = _known(label, classes)
    return sum_of_rows(known, y, _rows(kernel), places=_taps, relu=relu)


@xla
def _strips_forward(label, features, kernel, bias):
    classes = kernel.shape[2] - features.shape[-1]

    def finish(y, strips, strip):
        taps = _strip_taps(label, classes, strips, strip)
        return add_rows(taps, tf.nn.bias_add(y, bias), _rows(kernel), relu=True)

    return forward_by_strips(features, kernel[:, :, classes:], finish)


@traced
def _backward(label, features, kernel, dy, mask):
    """Gradients; ``mask`` is the result, in a list, where ReLU followed."""
    further = features.shape[-1]
    classes = kernel.shape[2] - further
    if mask and goes_by_strips(features):
        return _strips_backward(label, features, kernel, dy, *mask)
    if mask:
        dy = tf.raw_ops.ReluGrad(gradients=dy, features=mask[0])
    if further:
        d_features, d_dense, d_bias = convolution_gradients(
            features, kernel[:, :, classes:], dy
        )
    else:
        d_features = tf.zeros_like(features)
        d_dense = tf.zeros((3, 3, 0, dy.shape[-1]), dy.dtype)
        d_bias = tf.reduce_sum(dy, (0, 1, 2))
    known = _known(label, classes)
    d_table = table_gradient(known, dy, _rows(d_dense), _rows(kernel), places=_taps)
    return d_features, tf.reshape(d_table, kernel.shape), d_bias


@xla
def _strips_backward(label, features, kernel, dy, y):
    """As :func:`_backward`; ReLU's gradient, as large as its result, is never whole."""
    strips, table = winograd.Strips(*features.shape[1:3]), _rows(kernel)
    classes = kernel.shape[2] - features.shape[-1]

    def masked(strip):
        return tf.where(strips.cut(y, strip) > 0, strips.cut(dy, strip), 0)

    def add_strip(strip, sums):
        taps = _strip_taps(label, classes, strips, strip)
        return strip + 1, scatter_rows(sums, taps, masked(strip), table)

    d_features, d_dense, d_bias = winograd.backward(
        strips,
        features,
        kernel[:, :, classes:],
        lambda _, strip: (strips.in_tiles(masked(strip)), (), (), ()),
    )
    count, sums = strips.count(features), zero_table(table, dy.dtype)
    _, sums = tf.while_loop(lambda strip, _: strip < count, add_strip, (0, sums))
    d_table = append_dense(sums, _rows(d_dense), table)
    return d_features, tf.reshape(d_table, kernel.shape), d_bias


def _rows(kernel):
    """A kernel ``(size, size, in, out)`` as a table of rows for each of its taps."""
    return tf.reshape(kernel, (kernel.shape[0] ** 2, *kernel.shape[2:]))


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
    cells = tf.stack(windows(label, size, size), -1)
    return y + total_of_rows(cells, kernel[0, :, :classes]) / size**2


def valid_layout_convolution(
    layout: Layout | tf.Tensor, kernel: tf.Tensor, strides: int = 1
) -> tf.Tensor:
    """Convolution of a layout by a kernel of any size, without padding or bias.

    Args:
        layout: a :class:`Layout` ``(batch, height, width)`` or a dense tensor
            ``(batch, height, width, channels)``, padded (see
            :func:`ccfpse_tf.ops.layout.pad_layout`) where that is wanted.
        kernel: ``(size, size, channels, out)``; the layout's classes come first.
        strides: in both directions.

    Returns:
        ``(batch, (height - size) // strides + 1, ..., out)``.
    """
    if not isinstance(layout, Layout):
        return valid_convolution(layout, kernel, strides)
    classes = kernel.shape[2] - layout.features.shape[-1]
    cells = windows(_known(layout.label, classes), kernel.shape[0], strides)
    y = total_of_rows(tf.stack(cells, -1), _rows(kernel))
    if classes < kernel.shape[2]:
        features = layout.features
        y += tf.nn.conv2d(features, kernel[:, :, classes:], strides, "VALID")
    return y


def joint_convolution(
    layout: Layout | tf.Tensor, image: tf.Tensor, kernel: tf.Tensor, strides: int
) -> tf.Tensor:
    """Convolution of a layout and an image, concatenated, with zeros on all sides.

    Args:
        layout: of a part of the images, in the same order for every such part: what
            is made of it is made once for all of them.
        image: ``(batch, height, width, channels)``.
        kernel: ``(size, size, layout channels + channels, out)``; half of its size,
            rounded down, is padded.
        strides: in both directions.

    Returns:
        ``(batch, (height + padded - size) // strides + 1, ..., out)``.
    """
    further = image.shape[-1]
    of_layout, of_image = tf.split(kernel, [kernel.shape[2] - further, further], 2)
    border = kernel.shape[0] // 2
    x, y = (
        valid_layout_convolution(pad_layout(map_, border), part, strides)
        for map_, part in ((image, of_image), (layout, of_layout))
    )
    return x + tf.tile(y, [tf.shape(x)[0] // tf.shape(y)[0], 1, 1, 1])


def _known(label, classes):
    """Labels that are no class become -1, as they have no channel in a one-hot map."""
    return tf.where((label >= 0) & (label < classes), label, -1)


def _taps(label):
    """The nine labels around pixels, each ``(batch, height, width)``; -1 outside."""
    padded = tf.pad(label, [[0, 0], [1, 1], [1, 1]], constant_values=-1)
    return windows(padded, 3, 1)


def _strip_taps(label, classes, strips, strip):
    """As :func:`_taps`, of a strip ``(1, rows, width)`` of labels known or not."""
    # Strips are padded with zeros.
    around = strips.padded(_known(label, classes)[..., None] + 1, strip) - 1
    size = strips.rows + 2, strips.width + 2
    return windows(tf.reshape(around, (1, *size)), 3, 1)
