"""Sums of rows of tables, looked up by label: convolutions of one-hot maps, and means.

``y[p] = sum over n of table[n, label[n, p]]``, where a label of -1 adds nothing. The
table's gradient is the sum of what reached every row.
"""

import numpy as np
import tensorflow as tf

from ccfpse_tf.ops import compilation
from ccfpse_tf.ops.compilation import custom_gradient, largest, xla, xla_if
from ccfpse_tf.ops.precision import at_least_float32


def reference(labels: list, table: tf.Tensor) -> tf.Tensor:
    """The sum as products with one-hot maps: the equation that the look-up replaces.

    Args:
        labels: ``n`` maps ``(batch, height, width)`` of rows; -1 adds nothing.
        table: ``(n, rows, out)``, or ``(1, rows, out)`` for all ``n`` alike.

    Returns:
        ``(batch, height, width, out)``.
    """
    count, rows, _ = table.shape
    one_hot = [tf.one_hot(label, rows, dtype=table.dtype) for label in labels]
    return tf.add_n([hot @ table[n % count] for n, hot in enumerate(one_hot)])


@custom_gradient
def total_of_rows(cells, table):
    """Sum over ``n`` of the rows ``cells (..., n)``: ``(..., out)``.

    ``table`` is ``(n, rows, out)``, or ``(1, rows, out)`` for all ``n`` alike.
    """
    start = tf.zeros((1, 1, 1, 1), table.dtype)
    total = sum_of_rows(cells, start, table, places=_last_axis, relu=False)

    def gradient(dy):
        none = tf.zeros((table.shape[0], 0, table.shape[-1]), dy.dtype)
        return None, table_gradient(cells, dy, none, table, places=_last_axis)

    return total, gradient


def _last_axis(cells):
    return tf.unstack(cells, axis=-1)


@xla
def sum_of_rows(label, y, table, *, places, relu):
    """``y + sum over n of table[n, places(label)[n]]``.

    Args:
        label: of every pixel, or whatever ``places`` takes.
        y: ``(batch, height, width, out)``, or broadcast to that.
        table: ``(n, rows, out)``, or ``(1, rows, out)`` for all ``n`` alike.
        places: function of ``label``, called inside the compiled one, that returns
            ``n`` maps of rows to look up, ``(batch, height, width)`` each; -1 adds
            nothing.
        relu: whether ``max(0, .)`` follows.
    """
    return add_rows(places(label), y, table, relu)


def add_rows(labels, y, table, relu):
    """As :func:`sum_of_rows`, for use inside a compiled function.

    Args:
        labels: list of the ``n`` maps of rows that ``places`` would return.
        y: as there, like the others.
        table: as there.
        relu: whether ``max(0, .)`` follows.
    """
    rows = tf.reshape(table, (-1, table.shape[-1]))
    total = at_least_float32(y)
    places = _places([tf.maximum(label, 0) for label in labels], table)
    for label, place in zip(labels, places, strict=True):
        found = at_least_float32(tf.gather(rows, place))
        total += tf.where(label[..., None] >= 0, found, 0)
    total = tf.cast(total, table.dtype)
    return tf.nn.relu(total) if relu else total


def _is_large(label, dy, dense, table):
    """Whether compiling saves more time than it takes: tables are written only once."""
    return (
        largest(dy) > compilation.MIN_XLA_ELEMENTS
        or largest(table) > compilation.MIN_XLA_ELEMENTS_IF_SIMPLE
    )


@xla_if(_is_large)
def table_gradient(label, dy, dense, table, *, places):
    """Gradient with respect to a table, in which rows that are not looked up are last.

    Everything is added where it stays: with thousands of classes, putting parts
    together would cost about as much as the optimiser's update.

    Args:
        label: as for :func:`sum_of_rows`.
        dy: ``(batch, height, width, out)``.
        dense: ``(n, m, out)``, the gradient of the last ``m`` rows.
        table: ``(n, rows, out)``, or ``(1, rows, out)``; only its shape matters.
        places: as for :func:`sum_of_rows`.
    """
    sums = scatter_rows(zero_table(table, dy.dtype), places(label), dy, table)
    return append_dense(sums, dense, table)


def zero_table(table, dtype):
    """Zeros for the sums of a table's rows, all in one dimension."""
    dtype = tf.float64 if dtype == tf.float64 else tf.float32
    return tf.zeros((table.shape[0] * table.shape[1], table.shape[2]), dtype)


def scatter_rows(sums, labels, dy, table):
    """Adds ``dy (..., out)`` to the rows that the ``n`` maps ``labels`` name."""
    # Outside: so far before the first row that no tap's place is a row.
    outside = -table.shape[0] * table.shape[1]
    labels = [tf.reshape(label, (-1, 1)) for label in labels]
    labels = [tf.where(label >= 0, label, outside) for label in labels]
    dy = tf.cast(tf.reshape(dy, (-1, dy.shape[-1])), sums.dtype)
    for place in _places(labels, table):
        sums = tf.tensor_scatter_nd_add(sums, place, dy, bad_indices_policy="IGNORE")
    return sums


def _places(labels, table):
    """Where labels are with all of a table's rows in one dimension."""
    count, rows, _ = table.shape
    return [label + rows * (n % count) for n, label in enumerate(labels)]


def append_dense(sums, dense, table):
    """The sums in the table's shape and type, with ``dense`` as last rows."""
    count, rows, out = table.shape
    places = np.arange(count * rows, dtype=np.int32).reshape(count, rows)
    places = places[:, rows - dense.shape[1] :].reshape(-1, 1)
    dense = tf.reshape(tf.cast(dense, sums.dtype), (-1, out))
    sums = tf.tensor_scatter_nd_update(sums, places, dense)
    return tf.cast(tf.reshape(sums, table.shape), table.dtype)
