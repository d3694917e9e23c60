"""3x3 convolution by the minimal filtering of Winograd, F(4x4, 3x3), and its gradient.

``Y = A^T [(G k G^T) * (B^T d B)] A`` makes a tile of 4x4 results from 6x6 inputs with
36 multiplications per channel pair instead of 144 (Lavin & Gray 2016, "Fast algorithms
for convolutional neural networks", section 4). The sample points are 0, +-3/4 and +-3/2
instead of the usual 0, +-1, +-2, which halves the rounding error in float32 (about five
times that of the direct convolution; Barabasz et al. 2020 study the choice).

The image is worked on in strips of whole tile rows: a strip's transformed values, a few
times as large as its result, then live in the processor's cache, never in memory. All
rearranging is done by looking up rows of channels, and all arithmetic by matrix
products: that is what XLA compiles both quickly and to quick code. The functions here
are meant to be called inside a compiled function with static image sizes.
"""

import functools

import numpy as np
import tensorflow as tf

TILE = 4
POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)  # and infinity
PIXELS = TILE**2  # results per tile
SAMPLES = (TILE + 2) ** 2  # inputs, and products, per tile
STRIP_TILES = 128  # measured: 2 MB of products per 100 output channels stay in cache


def _toom_cook():
    """``A^T (4, 6)``, ``G (6, 3)`` and ``B^T (6, 6)`` of the one-dimensional form."""
    points = np.array(POINTS)
    size = TILE + 2
    output, kernel = np.zeros((TILE, size)), np.zeros((size, 3))
    data = np.zeros((size, size))
    for i in range(size - 1):
        others = np.delete(points, i)
        output[:, i] = points[i] ** np.arange(TILE)
        kernel[i] = points[i] ** np.arange(3) / np.prod(points[i] - others)
        data[i, : size - 1] = np.poly(others)[::-1]
    output[-1, -1] = kernel[-1, -1] = 1
    data[-1] = np.poly(points)[::-1]
    return output, kernel, data


# Both dimensions at once: (16, 36), (36, 9) and (36, 36).
OUTPUT, KERNEL, DATA = (np.kron(matrix, matrix) for matrix in _toom_cook())


def _transform(matrix, x):
    """``matrix (m, n)`` times ``x (n, ...)`` over its first axis: ``(m, ...)``."""
    columns = tf.reshape(x, (matrix.shape[1], -1))
    y = tf.matmul(tf.constant(matrix, x.dtype), columns)
    return tf.reshape(y, (matrix.shape[0], *x.shape[1:]))


def pad(x: tf.Tensor) -> tf.Tensor:
    """One zero on all four sides of ``(batch, height, width, channels)``."""
    return tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])


class Strips:
    """How images of one size are cut into strips of tiles.

    Args:
        height: of the image, a multiple of 4.
        width: likewise.
        tiles: at least one row of tiles and at most about so many tiles per strip.
    """

    def __init__(self, height, width, tiles=STRIP_TILES):
        self.height, self.width = height, width
        rows = [r for r in range(1, height // TILE + 1) if height // TILE % r == 0]
        across = width // TILE
        fitting = [r for r in rows if r * across <= tiles] or rows[:1]
        self.per_image = height // TILE // fitting[-1]
        self.rows = TILE * fitting[-1]
        self.tiles = fitting[-1] * across
        down, right = np.divmod(np.arange(self.tiles), across)
        self._corner = TILE * down, TILE * right

    def _index(self, row, column, width):
        down, right = self._corner
        return ((down + row) * width + right + column).astype(np.int32)

    @functools.cached_property
    def samples(self):
        """``(36, tiles)``: the row of a padded strip that every tile's input is."""
        size, width = range(TILE + 2), self.width + 2
        return np.stack([self._index(a, b, width) for a in size for b in size])

    @functools.cached_property
    def pixels(self):
        """``(16, tiles)``: the row of a strip that every tile's result is."""
        size = range(TILE)
        return np.stack([self._index(a, b, self.width) for a in size for b in size])

    @functools.cached_property
    def neighbours(self):
        """``(16, tiles, 9)``: rows of a padded strip around every tile's result."""
        size, width = range(TILE), self.width + 2
        around = [
            np.stack(
                [self._index(a + u, b + v, width) for u in range(3) for v in range(3)],
                -1,
            )
            for a in size
            for b in size
        ]
        return np.stack(around)

    def padded(self, x, strip):
        """Rows ``((rows + 2) * (width + 2), channels)`` of the padded ``x``."""
        return self._cut(x, strip, self.rows + 2, self.width + 2)

    def inner(self, x, strip):
        """The strip's own pixels in tile order, ``(16, tiles, channels)``."""
        return tf.gather(self._cut(x, strip, self.rows, self.width), self.pixels)

    def _cut(self, x, strip, rows, width):
        image, part = strip // self.per_image, strip % self.per_image
        channels = x.shape[-1]
        part = tf.slice(x, (image, self.rows * part, 0, 0), (1, rows, width, channels))
        return tf.reshape(part, (-1, channels))

    def in_rows(self, y):
        """From tile order ``(16, tiles, channels)`` to pixel order."""
        order = np.argsort(self.pixels.ravel()).astype(np.int32)
        return tf.gather(tf.reshape(y, (-1, y.shape[-1])), order)

    def add_samples(self, values, where):
        """Adds up ``values`` at the rows ``where`` of a padded strip."""
        rows = (self.rows + 2) * (self.width + 2)
        values = tf.reshape(values, (-1, values.shape[-1]))
        return tf.math.unsorted_segment_sum(values, where.ravel(), rows)

    def images(self, strips):
        """Puts strips of pixels together: ``(batch, height, width, channels)``."""
        return tf.reshape(strips, (-1, self.height, self.width, strips.shape[-1]))

    def overlapping_images(self, strips):
        """Puts padded strips together; where two overlap, they add up."""
        channels = strips.shape[-1]
        shape = (-1, self.per_image, self.rows + 2, self.width + 2, channels)
        strips = tf.reshape(strips, shape)[:, :, :, 1:-1]
        before = tf.pad(strips[:, 1:, :1], _at(1, 0, 1, self.rows - 1, 0))
        after = tf.pad(strips[:, :-1, -1:], _at(1, 1, 0, 0, self.rows - 1))
        return self.images(strips[:, :, 1:-1] + before + after)

    def count(self, x):
        """Strips of a whole batch ``x``."""
        return tf.shape(x)[0] * self.per_image


def _at(axis, first, last, above, below):
    """Paddings of ``(batch, strips, rows, width, channels)``."""
    paddings = [[0, 0] for _ in range(5)]
    paddings[axis] = [first, last]
    paddings[axis + 1] = [above, below]
    return paddings


def forward(strips, x, kernel, finish, channels):
    """Convolves strip by strip.

    Args:
        strips: the :class:`Strips` of the image size.
        x: ``(batch, height, width, in)``.
        kernel: ``(3, 3, in, out)``.
        finish: function of the convolution in tile order ``(16, tiles, out)`` and the
            strip's number; what it returns, ``(16, tiles, channels)``, is kept.
        channels: of the result.

    Returns:
        ``(batch, height, width, channels)``.
    """
    transformed, padded = _transform_kernel(kernel), pad(x)
    total = strips.count(x)
    shape = (strips.rows * strips.width, channels)

    def body(strip, y):
        tiles = _tiles(_data(strips, padded, strip), transformed)
        return strip + 1, y.write(strip, strips.in_rows(finish(tiles, strip)))

    y = tf.TensorArray(x.dtype, total, element_shape=shape)
    _, y = tf.while_loop(lambda strip, _: strip < total, body, (0, y))
    return strips.images(y.stack())


def backward(strips, x, kernel, start, widths=()):
    """Gradients of the convolution, strip by strip.

    Args:
        strips: the :class:`Strips` of the image size.
        x: ``(batch, height, width, in)``.
        kernel: ``(3, 3, in, out)``.
        start: function of a callable that makes the strip's convolution in tile order
            ``(16, tiles, out)`` again, and of the strip's number. It returns the
            gradient with respect to it, and padded strips
            ``((rows + 2) * (width + 2), width)`` of other gradients.
        widths: channels of these other gradients.

    Returns:
        Gradients with respect to ``x``, ``kernel`` and a bias ``(out,)``, then the
        other ones ``(batch, height, width, widths[i])``.
    """
    transformed, padded = _transform_kernel(kernel), pad(x)
    total, dtype, out = strips.count(x), x.dtype, kernel.shape[-1]
    size = (strips.rows + 2) * (strips.width + 2)
    arrays = tuple(
        tf.TensorArray(dtype, total, element_shape=(size, width))
        for width in (x.shape[-1], *widths)
    )

    def body(strip, d_transformed, d_bias, arrays):
        data = _data(strips, padded, strip)
        dy, *others = start(lambda: _tiles(data, transformed), strip)
        d_bias += tf.reduce_sum(tf.reduce_sum(dy, 1), 0)
        products = _transform(OUTPUT.T, dy)
        d_transformed += tf.matmul(data, products, transpose_a=True)
        d_data = tf.matmul(products, transformed, transpose_b=True)
        dx = strips.add_samples(_transform(DATA.T, d_data), strips.samples)
        arrays = tuple(
            array.write(strip, value)
            for array, value in zip(arrays, (dx, *others), strict=True)
        )
        return strip + 1, d_transformed, d_bias, arrays

    state = (0, tf.zeros_like(transformed), tf.zeros((out,), dtype), arrays)
    _, d_transformed, d_bias, arrays = tf.while_loop(
        lambda strip, *_: strip < total, body, state
    )
    d_kernel = tf.reshape(_transform(KERNEL.T, d_transformed), kernel.shape)
    dx, *others = (strips.overlapping_images(array.stack()) for array in arrays)
    return dx, d_kernel, d_bias, *others


def _transform_kernel(kernel):
    """``(3, 3, in, out)`` to ``(36, in, out)``."""
    return _transform(KERNEL, tf.reshape(kernel, (9, *kernel.shape[2:])))


def _data(strips, padded, strip):
    """The strip's transformed input, ``(36, tiles, in)``."""
    return _transform(DATA, tf.gather(strips.padded(padded, strip), strips.samples))


def _tiles(data, transformed):
    """The convolution in tile order, ``(16, tiles, out)``."""
    return _transform(OUTPUT, tf.matmul(data, transformed))
