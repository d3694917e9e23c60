"""Sums of rows of tables, looked up by label: convolutions of one-hot maps, and means.

A table's gradient is the sum of what reached every row.
"""

import numpy as np
import tensorflow as tf

from ccfpse_tf.ops.compilation import (
    SMALL,
    SMALL_IF_SIMPLE,
    compiled,
    compiled_if,
    custom_gradient,
    largest,
)
from ccfpse_tf.ops.precision import at_least_float32


@custom_gradient
def mean_of_rows(cells, table):
    """Mean of rows ``cells (..., n)`` of ``table (1, rows, out)``: ``(..., out)``."""
    count = cells.shape[-1]
    start = tf.zeros((1, 1, 1, 1), table.dtype)
    [total] = sums_of_rows(cells, start, table, places=_last_axis, relu=False)

    def gradient(dy):
        none = tf.zeros((1, 0, table.shape[-1]), dy.dtype)
        [d_table] = gradients_of_rows(cells, dy, none, table, places=_last_axis)
        return None, d_table / count

    return total / count, gradient


def _last_axis(cells):
    return tf.unstack(cells, axis=-1)


@compiled
def sums_of_rows(label, y, *tables, places, relu):
    """``y[..., part] + sum over n of table[n, places(label)[n]]`` for each table.

    Args:
        label: of every pixel, or whatever ``places`` takes.
        y: ``(batch, height, width, sum of out)``, or broadcast to that.
        *tables: each ``(n, rows, out)``, or ``(1, rows, out)`` for all ``n`` alike.
        places: function of ``label``, called inside the compiled one, that returns
            ``n`` maps of rows to look up, ``(batch, height, width)`` each; -1 adds
            nothing.
        relu: whether ``max(0, .)`` follows.
    """
    return with_rows(places(label), y, tables, relu)


def with_rows(taps, y, tables, relu):
    """As :func:`sums_of_rows`, for use inside a compiled function.

    Args:
        taps: list of the ``n`` maps of rows that ``places`` would return.
        y: as there, like the others.
        tables: list.
        relu: bool.
    """
    outputs, start = [], 0
    inside = [label[..., None] >= 0 for label in taps]
    places = _places([tf.maximum(label, 0) for label in taps], tables)
    for table in tables:
        count, rows, width = table.shape
        part = y if y.shape[-1] == 1 else y[..., start : start + width]
        total = at_least_float32(part)
        table_rows = tf.reshape(table, (count * rows, width))
        for known, place in zip(inside, places[count, rows], strict=True):
            found = at_least_float32(tf.gather(table_rows, place))
            total += tf.where(known, found, 0)
        output = tf.cast(total, table.dtype)
        outputs.append(tf.nn.relu(output) if relu else output)
        start += width
    return outputs


def _are_large(label, dy, further, *tables):
    """Whether compiling saves more time than it takes: tables are written only once."""
    return largest(dy) > SMALL or largest(tables) > SMALL_IF_SIMPLE


@compiled_if(_are_large)
def gradients_of_rows(label, dy, further, *tables, places):
    """Gradients with respect to tables of rows, and of what follows in the same tables.

    Everything is added where it stays: with thousands of classes, putting parts
    together would cost about as much as the optimiser's update.

    Args:
        label: as for :func:`sums_of_rows`.
        dy: ``(batch, height, width, sum of out)``.
        further: ``(n, m, sum of out)``, of every table's last rows, which are not
            looked up.
        *tables: each ``(n, rows, out)``, or ``(1, rows, out)`` for all ``n`` alike.
            Only their shapes matter.
        places: as for :func:`sums_of_rows`.

    Returns:
        For each table its gradient.
    """
    sums = no_rows(tables, at_least_float32(dy).dtype, label)
    sums = add_rows(sums, places(label), dy, tables)
    return with_further(sums, further, tables)


def no_rows(tables, dtype, label):
    """Zeros in the size of every table, with all its rows in one dimension.

    Each is made of another comparison with the first ``label``, which never holds: of
    constants XLA would make one table of zeros, and copy that for every other.
    """
    first = tf.maximum(tf.reshape(label, (-1,))[0], -1)
    zeros = [tf.cast(first < -1 - number, dtype) for number in range(len(tables))]
    return [
        tf.fill((table.shape[0] * table.shape[1], table.shape[2]), zero)
        for table, zero in zip(tables, zeros, strict=True)
    ]


def add_rows(sums, taps, dy, tables):
    """Adds ``dy (..., sum of out)`` to the rows that the ``n`` maps ``taps`` name."""
    taps = [tf.reshape(label, (-1, 1)) for label in taps]
    # Outside: so far before the first row that no tap's place is a row.
    none = -max(table.shape[0] * table.shape[1] for table in tables)
    places = _places([tf.where(label >= 0, label, none) for label in taps], tables)

    def added(total, part, shape):
        count, rows, out = shape
        part = tf.cast(tf.reshape(part, (-1, out)), total.dtype)
        for place in places[count, rows]:
            total = tf.tensor_scatter_nd_add(
                total, place, part, bad_indices_policy="IGNORE"
            )
        return total

    shapes = [table.shape for table in tables]
    parts = sums, tf.split(dy, [shape[-1] for shape in shapes], -1), shapes
    return [added(*each) for each in zip(*parts, strict=True)]


def _places(taps, tables):
    """For every (n, rows) of the tables: where taps are with all rows in one axis."""
    return {
        (count, rows): [
            label + rows * (number % count) if number % count else label
            for number, label in enumerate(taps)
        ]
        for count, rows, _ in (table.shape for table in tables)
    }


def with_further(sums, further, tables):
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
