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


def _square(size):
    """Down and right of every pixel of a square, each ``(size * size,)``."""
    return np.indices((size, size), np.int32).reshape(2, -1)


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
        down, right = np.divmod(np.arange(self.tiles, dtype=np.int32), across)
        self._corner = TILE * down, TILE * right

    # Places are made inside the graph, as sums of what differs along single axes: every
    # graph that a function is part of keeps a copy of its constants.
    def _places(self, size, width):
        """``(size * size, tiles)``: rows, in images of some width, of tiles' pixels."""
        down, right = _square(size)
        corner_down, corner_right = self._corner
        inside = (down * width + right)[:, None]
        return tf.add(inside, corner_down * width + corner_right)

    def samples(self):
        """``(36, tiles)``: the row of a padded strip that every tile's input is."""
        return self._places(TILE + 2, self.width + 2)

    def pixels(self):
        """``(16, tiles)``: the row of a strip that every tile's result is."""
        return self._places(TILE, self.width)

    def neighbours(self):
        """``(16, tiles, 9)``: rows of a padded strip around every tile's result."""
        width = self.width + 2
        down, right = _square(3)
        return self._places(TILE, width)[..., None] + (down * width + right)

    def order(self):
        """``(rows * width,)``: where in tile order every pixel of a strip is."""
        down, right = (np.arange(n, dtype=np.int32) for n in (self.rows, self.width))
        across = self.width // TILE
        down = down % TILE * TILE * self.tiles + down // TILE * across
        right = right % TILE * self.tiles + right // TILE
        return tf.reshape(tf.add(down[:, None], right), (-1,))

    def padded(self, x, strip):
        """Rows ``((rows + 2) * (width + 2), channels)``: a strip and one pixel around.

        Zeros outside of the image; cut from ``x`` itself, so that no padded copy of it
        is needed.
        """
        first, part = self.rows * strip, strip % self.per_image
        # Where there is no row above or below, one of the strip's own times 0.
        inside = [
            tf.cast(found, tf.int32) for found in (part > 0, part < self.per_image - 1)
        ]
        above = self._rows(x, first - inside[0], 1)
        below = self._rows(x, first + inside[1] + (self.rows - 1), 1)
        above *= tf.cast(inside[0], x.dtype)
        below *= tf.cast(inside[1], x.dtype)
        around = tf.concat([above, self.cut(x, strip), below], 1)
        around = tf.pad(around, [[0, 0], [0, 0], [1, 1], [0, 0]])
        return tf.reshape(around, (-1, x.shape[-1]))

    def cut(self, x, strip):
        """The strip's own pixels, ``(1, rows, width, channels)``."""
        return self._rows(x, self.rows * strip, self.rows)

    def _rows(self, x, first, count):
        """Rows of the images' pixels as if those lay one below the other."""
        images = tf.reshape(x, (1, -1, self.width, x.shape[-1]))
        size = 1, count, self.width, x.shape[-1]
        return tf.slice(images, first * np.array([0, 1, 0, 0], np.int32), size)

    def inner(self, x, strip):
        """The strip's own pixels in tile order, ``(16, tiles, channels)``."""
        return self.in_tiles(self.cut(x, strip))

    def in_tiles(self, y):
        """From pixel order to tile order ``(16, tiles, channels)``."""
        return tf.gather(tf.reshape(y, (-1, y.shape[-1])), self.pixels())

    def in_rows(self, y):
        """From tile order ``(16, tiles, channels)`` to pixel order."""
        return tf.gather(tf.reshape(y, (-1, y.shape[-1])), self.order())

    def add_samples(self, values, where):
        """Adds up ``values`` at the rows ``where`` of a padded strip."""
        rows = (self.rows + 2) * (self.width + 2)
        values = tf.reshape(values, (-1, values.shape[-1]))
        return tf.math.unsorted_segment_sum(values, tf.reshape(where, (-1,)), rows)

    def split_padded(self, strip):
        """A padded strip's own pixels, ``(rows * width, channels)``, and the rest.

        That is what lies above and below, ``(2, width, channels)``; what lies beside
        belongs to nothing.
        """
        channels = strip.shape[-1]
        strip = tf.reshape(strip, (self.rows + 2, self.width + 2, channels))[:, 1:-1]
        own = tf.reshape(strip[1:-1], (-1, channels))
        return own, tf.stack([strip[0], strip[-1]])

    def images(self, strips):
        """Puts strips of pixels together: ``(batch, height, width, channels)``."""
        return tf.reshape(strips, (-1, self.height, self.width, strips.shape[-1]))

    def overlapping_images(self, strips, others):
        """Puts strips from :meth:`split_padded` together and adds up what overlaps."""
        channels, count = strips.shape[-1], tf.shape(strips)[0]
        part = tf.range(count) % self.per_image
        first = self.rows * tf.range(count)  # row of all images
        rows = tf.stack([first - 1, first + self.rows], 1)
        inside = tf.stack([part > 0, part < self.per_image - 1], 1)
        others = tf.where(inside[..., None, None], others, 0)
        # Added in place, to what is already the result.
        sums = tf.tensor_scatter_nd_add(
            tf.reshape(strips, (-1, self.width, channels)),
            tf.reshape(tf.where(inside, rows, 0), (-1, 1)),
            tf.reshape(others, (-1, self.width, channels)),
        )
        return self.images(sums)

    def count(self, x):
        """Strips of a whole batch ``x``."""
        return tf.shape(x)[0] * self.per_image


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
    transformed, total = _transform_kernel(kernel), strips.count(x)
    shape = (strips.rows * strips.width, channels)

    def body(strip, samples, y):
        tiles = _tiles(_transform(DATA, samples), transformed)
        y = y.write(strip, strips.in_rows(finish(tiles, strip)))
        return strip + 1, _samples(strips, x, tf.minimum(strip + 1, total - 1)), y

    y = tf.TensorArray(x.dtype, total, element_shape=shape)
    state = 0, _samples(strips, x, 0), y
    *_, y = tf.while_loop(lambda strip, *_: strip < total, body, state)
    return strips.images(y.stack())


def backward(strips, x, kernel, start, padded=(), inner=(), shared=()):
    """Gradients of the convolution, strip by strip.

    Args:
        strips: the :class:`Strips` of the image size.
        x: ``(batch, height, width, in)``.
        kernel: ``(3, 3, in, out)``.
        start: function of a callable that makes the strip's convolution in tile order
            ``(16, tiles, out)`` again, and of the strip's number. It returns the
            gradient with respect to it, and three lists of other gradients: of padded
            strips ``((rows + 2) * (width + 2), width)``, of strips in pixel order
            ``(rows * width, width)``, and of what all strips share.
        padded: channels of the first list.
        inner: channels of the second.
        shared: shapes of the third.

    Returns:
        Gradients with respect to ``x``, ``kernel`` and a bias ``(out,)``, then the
        other ones: ``(batch, height, width, width)``, and sums over all strips.
    """
    transformed, total = _transform_kernel(kernel), strips.count(x)
    dtype, out = x.dtype, kernel.shape[-1]
    pixels = strips.rows * strips.width
    shapes = [(pixels, width) for width in (x.shape[-1], *padded, *inner)]
    shapes += [(2, strips.width, width) for width in (x.shape[-1], *padded)]
    arrays = tuple(tf.TensorArray(dtype, total, element_shape=s) for s in shapes)

    def body(strip, samples, sums, arrays):
        data = _transform(DATA, samples)
        dy, *others, summands = start(lambda: _tiles(data, transformed), strip)
        products = _transform(OUTPUT.T, dy)
        d_transformed = tf.matmul(data, products, transpose_a=True)
        d_data = tf.matmul(products, transformed, transpose_b=True)
        dx = strips.add_samples(_transform(DATA.T, d_data), strips.samples())
        # Sums over all pixels in float64, as a bias's gradient may nearly cancel out.
        d_bias = tf.reduce_sum(tf.cast(tf.reduce_sum(dy, 0), tf.float64), 0)
        added = zip(sums, (d_transformed, d_bias, *summands), strict=True)
        own, around = zip(*map(strips.split_padded, (dx, *others[0])), strict=True)
        arrays = tuple(
            array.write(strip, value)
            for array, value in zip(arrays, (*own, *others[1], *around), strict=True)
        )
        sums = tuple(a + b for a, b in added)
        following = _samples(strips, x, tf.minimum(strip + 1, total - 1))
        return strip + 1, following, sums, arrays

    sums = tuple(tf.zeros(shape, dtype) for shape in (transformed.shape, *shared))
    sums = (sums[0], tf.zeros((out,), tf.float64), *sums[1:])
    state = 0, _samples(strips, x, 0), sums, arrays
    state = tf.while_loop(lambda strip, *_: strip < total, body, state)
    *_, (d_transformed, *sums), arrays = state
    d_kernel = tf.reshape(_transform(KERNEL.T, d_transformed), kernel.shape)
    values = [array.stack() for array in arrays]
    count = 1 + len(padded)
    own, others, around = values[:count], values[count:-count], values[-count:]
    dx, *images = map(strips.overlapping_images, own, around)
    images += map(strips.images, others)
    return dx, d_kernel, tf.cast(sums[0], dtype), *images, *sums[1:]


def _transform_kernel(kernel):
    """``(3, 3, in, out)`` to ``(36, in, out)``."""
    return _transform(KERNEL, tf.reshape(kernel, (9, *kernel.shape[2:])))


def _samples(strips, x, strip):
    """The strip's input in tile order, ``(36, tiles, in)``.

    Looked up one turn of the loop ahead: XLA takes what a loop carries as it is, but
    would merge a look-up with the reshaping that follows, and go number by number.
    """
    return tf.gather(strips.padded(x, strip), strips.samples())


def _tiles(data, transformed):
    """The convolution in tile order, ``(16, tiles, out)``."""
    return _transform(OUTPUT, tf.matmul(data, transformed))
