"""Convolutions of layouts: a look-up for the classes, a convolution for the rest.

A 3x3 convolution of a one-hot map is the sum of nine rows of its kernel, so its cost
does not grow with the number of classes.
"""

import numpy as np
import tensorflow as tf

from ccfpse_tf.layers import winograd
from ccfpse_tf.layers.compiled import (
    SMALL,
    SMALL_IF_SIMPLE,
    compiled,
    compiled_if,
    custom_gradient,
    largest,
    traced_once,
)
from ccfpse_tf.layers.convolution import (
    convolution,
    convolution_gradients,
    forward_by_strips,
    goes_by_strips,
)
from ccfpse_tf.layers.layout import Layout
from ccfpse_tf.layers.precision import at_least_float32
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
        # Else a tape would also record, and keep, what happens inside the function.
        features, *weights = map(tf.stop_gradient, (features, *weights))
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
    taps = _taps(_known(label, classes))
    # Without ReLU, Winograd's form is quicker.
    if relu and goes_by_strips(features):
        return _strips_forward(taps, features, kernels, biases)
    bias = tf.concat(biases, 0)
    if features.shape[-1]:
        y = convolution(features, _dense(kernels, classes), bias, exact_zeros=relu)
    else:
        y = bias[None, None, None]
    return _rows_forward(taps, y, *_tables(kernels), relu=relu)


@compiled
def _strips_forward(taps, features, kernels, biases):
    bias, tables = tf.concat(biases, 0), _tables(kernels)
    dense = _dense(kernels, kernels[0].shape[2] - features.shape[-1])

    def finish(y, cut):
        return _with_rows(cut(taps), tf.nn.bias_add(y, bias), tables, relu=True)

    widths = [kernel.shape[-1] for kernel in kernels]
    return forward_by_strips(features, dense, finish, widths)


@traced_once
def _backward(label, features, kernels, dy, masks):
    further = features.shape[-1]
    classes = kernels[0].shape[2] - further
    taps = _taps(_known(label, classes))
    if masks and goes_by_strips(features):
        return _strips_backward(taps, features, kernels, dy, masks)
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
    d_tables = _rows_gradients(taps, dy, _rows(d_dense), *_tables(kernels))
    return _gradients(d_features, d_tables, d_bias, kernels)


@compiled
def _strips_backward(taps, features, kernels, dy, masks):
    """As :func:`_backward`; ReLU's gradient, as large as its result, is never whole."""
    strips, tables = winograd.Strips(*features.shape[1:3]), _tables(kernels)
    pairs = list(zip(dy, masks, strict=True))

    def masked(strip):
        parts = [
            tf.where(strips.cut(y, strip) > 0, strips.cut(d, strip), 0)
            for d, y in pairs
        ]
        return tf.concat(parts, -1)

    def add_strip(strip, sums):
        return strip + 1, _add_rows(
            sums, strips.cut(taps, strip), masked(strip), tables
        )

    dense = _dense(kernels, kernels[0].shape[2] - features.shape[-1])
    d_features, d_dense, d_bias = winograd.backward(
        strips,
        features,
        dense,
        lambda _, strip: (strips.in_tiles(masked(strip)), (), (), ()),
    )
    total = strips.count(features)
    _, sums = tf.while_loop(
        lambda strip, _: strip < total,
        add_strip,
        (0, _no_rows(tables, features.dtype)),
    )
    d_tables = _with_further(sums, _rows(d_dense), tables)
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
    return y + _mean_rows(tf.stack(cells, -1), kernel[0, :, :classes])


def _known(label, classes):
    """Labels that are no class become -1, as they have no channel in a one-hot map."""
    return tf.where((label >= 0) & (label < classes), label, -1)


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


@custom_gradient
def _mean_rows(cells, table):
    """Mean of rows ``cells (..., n)`` of ``table (1, rows, out)``: ``(..., out)``."""
    cells, table = tf.stop_gradient(cells), tf.stop_gradient(table)
    count = cells.shape[-1]
    [total] = _rows_forward(
        cells, tf.zeros((1, 1, 1, 1), table.dtype), table, relu=False
    )

    def gradient(dy):
        none = tf.zeros((1, 0, table.shape[-1]), dy.dtype)
        [d_table] = _rows_gradients(cells, dy, none, table)
        return None, d_table / count

    return total / count, gradient


@compiled
def _rows_forward(taps, y, *tables, relu):
    """``y[..., part] + sum over n of table[n, taps[..., n]]`` for each table's part.

    Args:
        taps: ``(batch, height, width, n)``; -1 adds nothing.
        y: ``(batch, height, width, sum of out)``, or broadcast to that.
        *tables: each ``(n, rows, out)``, or ``(1, rows, out)`` for all ``n`` alike.
        relu: whether ``max(0, .)`` follows.
    """
    return _with_rows(taps, y, tables, relu)


def _with_rows(taps, y, tables, relu):
    outputs, start = [], 0
    inside = tf.unstack(taps[..., None] >= 0, axis=-2)
    taps = tf.maximum(taps, 0)
    for table in tables:
        count, rows, width = table.shape
        table = tf.reshape(table, (count * rows, width))
        part = y if y.shape[-1] == 1 else y[..., start : start + width]
        total = at_least_float32(part)
        firsts = rows * (np.arange(taps.shape[-1]) % count)
        places = tf.unstack(taps + tf.constant(firsts, taps.dtype), axis=-1)
        for place, known in zip(places, inside, strict=True):
            found = at_least_float32(tf.gather(table, place))
            total += tf.where(known, found, 0)
        output = tf.cast(total, table.dtype)
        outputs.append(tf.nn.relu(output) if relu else output)
        start += width
    return outputs


def _are_large(taps, dy, further, *tables):
    """Whether compiling saves more time than it takes: tables are written only once."""
    return largest(dy) > SMALL or largest(tables) > SMALL_IF_SIMPLE


@compiled_if(_are_large)
def _rows_gradients(taps, dy, further, *tables):
    """Gradients with respect to tables of rows, and of what follows in the same tables.

    Everything is added where it stays: with thousands of classes, putting parts
    together would cost about as much as the optimiser's update.

    Args:
        taps: ``(batch, height, width, n)``; -1 belongs to no row.
        dy: ``(batch, height, width, sum of out)``.
        further: ``(n, m, sum of out)``, of every table's last rows, which are not
            looked up.
        *tables: each ``(n, rows, out)``, or ``(1, rows, out)`` for all ``n`` alike.
            Only their shapes matter.

    Returns:
        For each table its gradient.
    """
    sums = _add_rows(_no_rows(tables, at_least_float32(dy).dtype), taps, dy, tables)
    return _with_further(sums, further, tables)


def _no_rows(tables, dtype):
    """Zeros in the size of every table, with all its rows in one dimension."""
    return [
        tf.zeros((n * rows, out), dtype)
        for n, rows, out in (table.shape for table in tables)
    ]


def _add_rows(sums, taps, dy, tables):
    """Adds ``dy (..., sum of out)`` to the rows that ``taps (..., n)`` looked up."""
    taps = tf.unstack(tf.reshape(taps, (-1, taps.shape[-1])), axis=-1)

    def added(total, part, shape):
        count, rows, out = shape
        part = tf.cast(tf.reshape(part, (-1, out)), total.dtype)
        for number, label in enumerate(taps):
            place = tf.where(label >= 0, label + rows * (number % count), -1)
            total = tf.tensor_scatter_nd_add(
                total, place[:, None], part, bad_indices_policy="IGNORE"
            )
        return total

    shapes = [table.shape for table in tables]
    parts = sums, tf.split(dy, [shape[-1] for shape in shapes], -1), shapes
    return [added(*each) for each in zip(*parts, strict=True)]


def _with_further(sums, further, tables):
    """The sums in their tables' shapes and types, with ``further`` as last rows."""

    def completed(total, others, table):
        count, rows, out = table.shape
        looked_up = rows - others.shape[1]
        places = np.arange(count * rows, dtype=np.int32).reshape(count, rows)
        total = tf.tensor_scatter_nd_update(
            total,
            places[:, looked_up:].reshape(-1, 1),
            tf.reshape(tf.cast(others, total.dtype), (-1, out)),
        )
        return tf.cast(tf.reshape(total, table.shape), table.dtype)

    parts = sums, tf.split(further, [table.shape[-1] for table in tables], -1), tables
    return [completed(*each) for each in zip(*parts, strict=True)]
