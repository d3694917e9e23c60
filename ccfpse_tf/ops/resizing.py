"""Resizing with the sampling positions that CC-FPSE's networks assume.

``tf.image.resize`` picks other pixels in its nearest mode, and returns float32 whatever
it is given, so these are written out: they work in every floating dtype, on every
device, and have exact gradients.
"""

import tensorflow as tf

from ccfpse_tf.ops.compilation import custom_gradient, traced


def sizes(x: tf.Tensor, axes: tuple | None = None) -> tuple[int | tf.Tensor, ...]:
    """Sizes of ``x`` along some axes or, by default, all; static where known."""
    axes = range(x.shape.rank) if axes is None else axes
    known = [x.shape[axis] for axis in axes]
    dynamic = tf.shape(x) if None in known else None
    pairs = zip(axes, known, strict=True)
    return tuple(dynamic[axis] if size is None else size for axis, size in pairs)


def spatial_size(x: tf.Tensor) -> tuple[int | tf.Tensor, int | tf.Tensor]:
    """``(height, width)`` of ``(batch, height, width, ...)``, static if known."""
    return sizes(x, (1, 2))


def resize_nearest(x: tf.Tensor, size: tuple) -> tf.Tensor:
    """Takes from source index ``floor(dst * in / out)``, the top-left of each cell.

    Args:
        x: ``(batch, height, width, channels)`` or ``(batch, height, width)``.
        size: ``(height, width)`` of the result, ints or scalar tensors.

    Returns:
        The resized tensor, same dtype.
    """
    for axis, out in zip((1, 2), size, strict=True):
        x = _nearest_along(x, axis, out)
    return x


def _nearest_along(x, axis, out):
    have = spatial_size(x)[axis - 1]
    if isinstance(have, int) and isinstance(out, int):
        if have == out:
            return x
        if have % out == 0:
            step = have // out
            return x[:, ::step] if axis == 1 else x[:, :, ::step]
    # In float32, as the reference computes it: 5 * float32(1.4) is what it floors.
    scale = tf.cast(have, tf.float32) / tf.cast(out, tf.float32)
    index = tf.cast(tf.range(out), tf.float32) * scale
    index = tf.minimum(tf.cast(tf.floor(index), tf.int32), have - 1)
    return tf.gather(x, index, axis=axis)


def reference_nearest(x: tf.Tensor) -> tf.Tensor:
    """The equation of :func:`upsample_nearest`."""
    return tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)


def upsample_nearest(x: tf.Tensor) -> tf.Tensor:
    """Repeats every pixel twice both ways: ``(b, h, w, c) -> (b, 2h, 2w, c)``."""

    @custom_gradient
    def double(x):
        # The gradient is the sum of 2x2 pixels.
        return _repeated(x), lambda dy: 4 * tf.nn.avg_pool2d(dy, 2, 2, "VALID")

    return double(x)


@traced
def _repeated(x):
    batch, h, w, c = sizes(x)
    x = tf.reshape(x, [batch, h, 1, w, 1, c])
    x = tf.broadcast_to(x, [batch, h, 2, w, 2, c])
    return tf.reshape(x, [batch, 2 * h, 2 * w, c])


def reference_bilinear(x: tf.Tensor) -> tf.Tensor:
    """The equation of :func:`upsample_bilinear`, as products with two matrices."""
    height, width = spatial_size(x)
    rows = _interpolation_matrix(height, 2 * height, x.dtype)
    columns = _interpolation_matrix(width, 2 * width, x.dtype)
    return tf.einsum("yh,xw,bhwc->byxc", rows, columns, x)


def upsample_bilinear(x: tf.Tensor) -> tf.Tensor:
    """Doubles height and width with half-pixel centres (``align_corners=False``).

    Every output is 3/4 of the nearest input and 1/4 of the next one; borders repeat.
    ``(b, h, w, c) -> (b, 2h, 2w, c)``.
    """

    @custom_gradient
    def double(x):
        return _interpolated(x), _interpolation_gradient

    return double(x)


@traced
def _interpolated(x):
    return _double_along(_double_along(x, 1), 2)


@traced
def _interpolation_gradient(dy):
    return _halve_along(_halve_along(dy, 2), 1)


def _double_along(x, axis):
    doubled = list(sizes(x))
    doubled[axis] *= 2
    before, after = _around(x, x, axis)
    even, odd = 0.25 * before + 0.75 * x, 0.75 * x + 0.25 * after
    return tf.reshape(tf.stack([even, odd], axis + 1), doubled)


def _halve_along(dy, axis):
    """The gradient of :func:`_double_along`."""
    split = list(sizes(dy))
    split[axis : axis + 1] = split[axis] // 2, 2
    even, odd = tf.unstack(tf.reshape(dy, split), axis=axis + 1)
    before, after = _around(even, odd, axis)
    return 0.75 * (even + odd) + 0.25 * (before + after)


def _around(first, last, axis):
    """``first[0], last[:-1]`` and ``first[1:], last[-1]`` along an axis."""

    def part(x, start, stop):
        return x[(*[slice(None)] * axis, slice(start, stop))]

    before = tf.concat([part(first, 0, 1), part(last, 0, -1)], axis)
    return before, tf.concat([part(first, 1, None), part(last, -1, None)], axis)


def downsample_mean(x: tf.Tensor) -> tf.Tensor:
    """Means of 3x3 pixels around every second one; outside the image is left out.

    ``(b, h, w, c) -> (b, ceil(h / 2), ceil(w / 2), c)``, from the first pixel on.
    """
    border = [[0, 0], [1, 1], [1, 1], [0, 0]]
    sums, count = (
        tf.nn.avg_pool2d(tf.pad(values, border), 3, 2, "VALID")
        for values in (x, tf.ones_like(x[:1, :, :, :1]))
    )
    return sums / count


def resize_bilinear(x: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Bilinear, half-pixel centres, no antialiasing, to a fixed size.

    Args:
        x: ``(batch, height, width, channels)``, floating.
        size: ``(height, width)`` of the result.

    Returns:
        ``(batch, *size, channels)`` in the dtype of ``x``; ``x`` itself if it fits.
    """
    if tuple(x.shape[1:3]) == tuple(size):  # False where a size is not yet known
        return x
    return _interpolated_to(x, size, _half_pixel_positions)


def reference_aligned(x: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """The equation of :func:`resize_aligned`, as products with two matrices."""
    rows, columns = (
        _interpolation_matrix(have, out, x.dtype, _corner_positions)
        for have, out in zip(spatial_size(x), size, strict=True)
    )
    return tf.einsum("yh,xw,bhwc->byxc", rows, columns, x)


def resize_aligned(x: tf.Tensor, size: tuple) -> tf.Tensor:
    """Bilinear with corners on corners (``align_corners=True``), no antialiasing.

    Output ``i`` of ``out`` lies at input ``i * (have - 1) / (out - 1)``.

    Args:
        x: ``(batch, height, width, channels)``, floating.
        size: ``(height, width)`` of the result, ints or scalar tensors.

    Returns:
        ``(batch, *size, channels)`` in the dtype of ``x``; ``x`` itself if it fits.
    """
    known = all(isinstance(edge, int) for edge in size)
    if known and tuple(x.shape[1:3]) == tuple(size):
        return x
    return _interpolated_to(x, size, _corner_positions)


def _interpolated_to(x, size, positions):
    """One matrix product per axis; their gradients are products, too."""
    h, w = spatial_size(x)
    rows = _interpolation_matrix(h, size[0], x.dtype, positions)
    columns = _interpolation_matrix(w, size[1], x.dtype, positions)
    x = tf.einsum("yh,bhwc->bywc", rows, x)
    return tf.einsum("xw,bywc->byxc", columns, x)


def _half_pixel_positions(have, out, real):
    scale = tf.cast(have, real) / tf.cast(out, real)
    return tf.maximum((tf.cast(tf.range(out), real) + 0.5) * scale - 0.5, 0)


def _corner_positions(have, out, real):
    steps = tf.cast(tf.maximum(out - 1, 1), real)
    return tf.cast(tf.range(out), real) * (tf.cast(have - 1, real) / steps)


def _interpolation_matrix(have, out, dtype, positions=_half_pixel_positions):
    """``(out, have)``: row ``i`` holds the two weights that make output pixel ``i``."""
    real = tf.float64 if dtype == tf.float64 else tf.float32
    source = positions(have, out, real)
    low = tf.minimum(tf.cast(tf.floor(source), tf.int32), have - 1)
    high = tf.minimum(low + 1, have - 1)
    weight = (source - tf.cast(low, real))[:, None]
    matrix = tf.one_hot(low, have, dtype=real) * (1 - weight)
    matrix += tf.one_hot(high, have, dtype=real) * weight
    return tf.cast(matrix, dtype)


def halve(x: tf.Tensor) -> tf.Tensor:
    """Means of cells of 2x2 pixels: ``(b, 2h, 2w, c) -> (b, h, w, c)``."""
    return tf.nn.avg_pool2d(x, 2, 2, "VALID")
