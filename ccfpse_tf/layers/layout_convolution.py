"""Convolutions of layouts: a look-up for the classes, a convolution for the rest.

A 3x3 convolution of a one-hot map is the sum of nine rows of its kernel, so its cost
does not grow with the number of classes.
"""

import tensorflow as tf

from ccfpse_tf.layers.compiled import at_least_float32, compiled
from ccfpse_tf.layers.convolution import convolution
from ccfpse_tf.layers.layout import Layout
from ccfpse_tf.layers.resizing import spatial_size


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
    bias = tf.concat(biases, 0)
    if not isinstance(layout, Layout):
        y = convolution(layout, tf.concat(kernels, -1), bias, exact_zeros=relu)
        y = tf.nn.relu(y) if relu else y
        return tf.split(y, [kernel.shape[-1] for kernel in kernels], -1)
    further = layout.features.shape[-1]
    classes = kernels[0].shape[2] - further
    if further:
        dense = tf.concat([kernel[:, :, classes:] for kernel in kernels], -1)
        y = convolution(layout.features, dense, bias, exact_zeros=relu)
    else:
        y = bias[None, None, None]
    tables = [
        tf.reshape(kernel[:, :, :classes], (9, classes, kernel.shape[-1]))
        for kernel in kernels
    ]
    return _add_rows(y, _taps(layout.label), tables, relu)


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
    table = kernel[0, :, :classes] / size**2
    cells = [
        layout.label[:, row::size, column::size]
        for row in range(size)
        for column in range(size)
    ]
    return _add_rows(y, tf.stack(cells, -1), [table])[0]


def _taps(label):
    """The nine labels around every pixel, ``(batch, height, width, 9)``; -1 outside."""
    height, width = spatial_size(label)
    padded = tf.pad(label, [[0, 0], [1, 1], [1, 1]], constant_values=-1)
    taps = [
        padded[:, row : row + height, column : column + width]
        for row in range(3)
        for column in range(3)
    ]
    return tf.stack(taps, -1)


def _add_rows(y, rows, tables, relu=False):
    """``y[..., part] + sum over n of table[n, rows[..., n]]`` for each table's part.

    Args:
        y: ``(batch, height, width, sum of out)``, or broadcast to that.
        rows: ``(batch, height, width, n)``; -1 adds nothing.
        tables: each ``(n, rows, out)``, or ``(1, rows, out)`` for all ``n`` alike.
        relu: whether ``max(0, .)`` follows.

    Returns:
        For each table ``(batch, height, width, out)``.
    """

    @tf.custom_gradient
    def add(y, *tables):
        # Else a tape would also record, and keep, what happens inside the function.
        constant = [tf.stop_gradient(tensor) for tensor in (y, *tables)]
        outputs = _rows_forward(rows, *constant, relu=relu)

        def gradient(*dy):
            masks = outputs if relu else ()
            size = tables[0].shape
            dy, *d_tables = _rows_backward(
                rows, dy, masks, shared=size[0] == 1, classes=size[1]
            )
            if y.shape[1:3] == (1, 1):  # a bias alone
                dy = tf.reduce_sum(dy, (0, 1, 2), keepdims=True)
            return dy, *d_tables

        return tuple(outputs), gradient

    return list(add(y, *tables))


@compiled
def _rows_forward(rows, y, *tables, relu):
    outputs, start = [], 0
    for table in tables:
        # Row 0 of zeros is what -1 finds.
        wide = at_least_float32(tf.pad(table, [[0, 0], [1, 0], [0, 0]]))
        found = [
            tf.gather(wide[n % table.shape[0]], rows[..., n] + 1)
            for n in range(rows.shape[-1])
        ]
        width = table.shape[-1]
        part = at_least_float32(y[..., start : start + width])
        output = tf.cast(part + tf.add_n(found), table.dtype)
        outputs.append(tf.nn.relu(output) if relu else output)
        start += width
    return outputs


@compiled
def _rows_backward(rows, dy, masks, *, shared, classes):
    if masks:
        dy = [tf.where(mask > 0, part, 0) for part, mask in zip(dy, masks, strict=True)]
    taps = range(rows.shape[-1])

    def d_table(part):
        wide = at_least_float32(part)
        sums = [tf.math.unsorted_segment_sum(wide, rows[..., n], classes) for n in taps]
        return tf.cast(tf.add_n(sums)[None] if shared else tf.stack(sums), part.dtype)

    return tf.concat(dy, -1), *[d_table(part) for part in dy]
