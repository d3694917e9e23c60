"""Pooling and resizing exactly as the evaluation networks' training code had it."""

import tensorflow as tf


def resize_bilinear(x: tf.Tensor, size, step: float | None = None) -> tf.Tensor:
    """Bilinear between half-pixel centres, without antialiasing.

    Output pixel ``i`` is read at ``(i + 0.5) * step - 0.5``, not below 0; borders
    repeat.

    Args:
        x: ``(batch, height, width, channels)``, float32.
        size: ``(height, width)`` of the result, ints or a tensor.
        step: source pixels per output pixel, for both axes; None divides the sizes.
            Where a scaled size was rounded down, ``1 / scale`` is another number.

    Returns:
        ``(batch, *size, channels)``.
    """
    if step is None:
        return tf.raw_ops.ResizeBilinear(
            images=x, size=size, align_corners=False, half_pixel_centers=True
        )
    for axis in (1, 2):
        x = _resample_along(x, axis, size[axis - 1], step)
    return x


def _resample_along(x, axis, out, step):
    last = tf.shape(x)[axis] - 1
    source = (tf.range(tf.cast(out, tf.float32)) + 0.5) * step - 0.5
    source = tf.maximum(source, 0.0)
    low = tf.minimum(tf.cast(tf.floor(source), tf.int32), last)
    high = tf.minimum(low + 1, last)
    shape = (1, -1, 1, 1) if axis == 1 else (1, 1, -1, 1)
    weight = tf.reshape(source - tf.cast(low, tf.float32), shape)
    return (1 - weight) * tf.gather(x, low, axis=axis) + weight * tf.gather(
        x, high, axis=axis
    )


def max_pool(x: tf.Tensor, ceil_mode: bool = False) -> tf.Tensor:
    """3x3 maxima at stride 2, one pixel of padding that never wins.

    Args:
        x: ``(batch, height, width, channels)``, float32.
        ceil_mode: whether windows may reach beyond the padding, which makes one more
            of them at even sizes.

    Returns:
        ``(batch, height', width', channels)``, each side ``floor((n - 1) / 2) + 1`` or,
        in ceil mode, ``ceil((n - 1) / 2) + 1``.
    """
    after = [1, 1]
    if ceil_mode:  # even sizes need a second pixel
        after = [2 - tf.shape(x)[axis] % 2 for axis in (1, 2)]
    paddings = [[0, 0], [1, after[0]], [1, after[1]], [0, 0]]
    x = tf.pad(x, paddings, constant_values=x.dtype.min)
    return tf.nn.max_pool2d(x, 3, 2, "VALID")


def adaptive_average_pool(x: tf.Tensor, bins: int) -> tf.Tensor:
    """Means over ``bins`` x ``bins`` rectangles that cover the map.

    Rectangle ``i`` holds rows ``floor(i n / bins)`` up to, not including,
    ``ceil((i + 1) n / bins)``: they overlap where ``bins`` does not divide ``n``, and
    repeat pixels where ``n`` is smaller.

    Args:
        x: ``(batch, height, width, channels)``, float32.
        bins: per axis.

    Returns:
        ``(batch, bins, bins, channels)``.
    """
    shape = tf.shape(x)
    x = tf.einsum("yh,bhwc->bywc", _means(shape[1], bins), x)
    return tf.einsum("xw,bywc->byxc", _means(shape[2], bins), x)


def _means(cells, bins):
    """``(bins, cells)``: row ``i`` averages the cells of bin ``i``."""
    index = tf.range(bins)[:, None]
    start = index * cells // bins
    end = -(-(index + 1) * cells // bins)
    cell = tf.range(cells)[None]
    inside = tf.cast((cell >= start) & (cell < end), tf.float32)
    return inside / tf.cast(end - start, tf.float32)


def transposed_depthwise(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Spreads every pixel over a square of twice the stride, channel by channel.

    ``out[s i + u - s / 2, s j + v - s / 2] += x[i, j] * kernel[u, v]`` for ``u, v`` in
    ``0 .. 2 s - 1``; what falls outside the enlarged map is lost. At the border nothing
    comes from outside, so a bilinear kernel fades there where a resize would repeat.

    Args:
        x: ``(batch, height, width, channels)``.
        kernel: ``(2 s, 2 s, channels)`` for the even stride ``s``.

    Returns:
        ``(batch, s height, s width, channels)``.
    """
    shape, stride = tf.shape(x), kernel.shape[0] // 2
    rows, columns = shape[1] + 1, shape[2] + 1
    # Squares overlap by halves: each cell gets its own pixel's first half and its
    # neighbour's second half, along both axes.
    padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])[:, :, None, :, None]
    halves = tf.reshape(kernel, (2, stride, 1, 2, stride, x.shape[-1]))
    out = 0.0
    for i in (0, 1):
        for j in (0, 1):
            pixels = padded[:, 1 - i : 1 - i + rows, :, 1 - j : 1 - j + columns]
            out += pixels * halves[i, :, :, j]
    size = [shape[0], stride * rows, stride * columns, x.shape[-1]]
    cut = slice(stride // 2, -(stride // 2))
    return tf.reshape(out, size)[:, cut, cut]
