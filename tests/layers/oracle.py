"""The method's operations in plain NumPy, written from its equations.

Nothing here imports the package: layers come in as arguments, and only their weights
are read. All arrays are ``(batch, height, width, channels)``, computed in float64.
"""

import numpy as np


def weights_of(variable) -> np.ndarray:
    """A copy: TensorFlow may change the buffer that it shows to NumPy."""
    return np.asarray(variable).astype(np.float64)


def leaky_relu(x):
    return np.where(x > 0, x, 0.2 * x)


def relu(x):
    return np.maximum(x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def convolve(x, kernel, bias=0.0, stride=1):
    """Zeros on all four sides; ``kernel`` is ``(kh, kw, in, out)``."""
    size = kernel.shape[0]
    border = size // 2
    padded = np.pad(x, [(0, 0), (border, border), (border, border), (0, 0)])
    rows = (x.shape[1] + 2 * border - size) // stride + 1
    columns = (x.shape[2] + 2 * border - size) // stride + 1
    y = np.zeros((x.shape[0], rows, columns, kernel.shape[3])) + bias
    for u in range(size):
        for v in range(size):
            seen = padded[:, u:, v:][:, ::stride, ::stride][:, :rows, :columns]
            y += seen @ kernel[u, v]
    return y


def conditional_convolve(x, kernels):
    """``kernels (batch, height, width, 3, 3, channels)``; outside the image is 0."""
    _, height, width, _ = x.shape
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    return sum(
        kernels[:, :, :, u, v] * padded[:, u : u + height, v : v + width]
        for u, v in np.ndindex(3, 3)
    )


def resize_nearest(x, size):
    """Source index ``floor(dst * in / out)``."""
    rows = [i * x.shape[1] // size[0] for i in range(size[0])]
    columns = [j * x.shape[2] // size[1] for j in range(size[1])]
    return x[:, rows][:, :, columns]


def upsample_nearest(x):
    return resize_nearest(x, (2 * x.shape[1], 2 * x.shape[2]))


def resize_bilinear(x, size):
    """Half-pixel centres, borders repeated, no antialiasing."""

    def along(x, axis, out):
        have = x.shape[axis]
        x = np.moveaxis(x, axis, 0)
        y = np.zeros((out, *x.shape[1:]))
        for i in range(out):
            source = (i + 0.5) * have / out - 0.5
            low = int(np.floor(source))
            for index, share in ((low, low + 1 - source), (low + 1, source - low)):
                y[i] += share * x[min(max(index, 0), have - 1)]
        return np.moveaxis(y, 0, axis)

    return along(along(x, 1, size[0]), 2, size[1])


def resize_aligned(x, size):
    """Bilinear with corners on corners, by a loop."""
    out = np.zeros((len(x), *size, x.shape[-1]))
    for i, j in np.ndindex(*size):
        weights = 1
        for axis, (place, have, new) in enumerate(
            zip((i, j), x.shape[1:3], size, strict=True)
        ):
            source = place * (have - 1) / max(new - 1, 1)
            near = np.maximum(0, 1 - np.abs(np.arange(have) - source))
            weights = weights * near.reshape([-1, 1] if axis == 0 else [1, -1])
        out[:, i, j] = (x * weights[None, :, :, None]).sum((1, 2))
    return out


def average_pool(x, stride):
    b, h, w, c = x.shape
    blocks = x.reshape(b, h // stride, stride, w // stride, stride, c)
    return blocks.mean((2, 4))


def batch_moments(x):
    """Mean and biased variance per channel."""
    mean = x.mean((0, 1, 2))
    return mean, ((x - mean) ** 2).mean((0, 1, 2))


def normalize(x, mean, variance, gamma=1.0, beta=0.0):
    return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta


def instance_normalize(x):
    mean = x.mean((1, 2), keepdims=True)
    return normalize(x, mean, ((x - mean) ** 2).mean((1, 2), keepdims=True))


def power_iteration(matrix, u):
    """``matrix (out, rest)``; returns the next ``(u, v)``."""
    v = matrix.T @ u
    v = v / max(np.linalg.norm(v), 1e-12)
    u = matrix @ v
    return u / max(np.linalg.norm(u), 1e-12), v


def numerical_gradient(function, x, step=1e-6):
    """Central differences of a scalar function, one element after the other."""
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        moved = [x.copy(), x.copy()]
        moved[0][index] += step
        moved[1][index] -= step
        gradient[index] = (function(moved[0]) - function(moved[1])) / (2 * step)
    return gradient


# Whole layers, from their weights.


def plain(layer, x):
    return convolve(x, weights_of(layer.kernel), weights_of(layer.bias))


def spectral(layer, x, training=False):
    kernel = weights_of(layer.kernel)
    matrix = kernel.reshape(-1, kernel.shape[-1]).T
    u, v = weights_of(layer.u), weights_of(layer.v)
    if training:
        u, v = power_iteration(matrix, u)
    bias = weights_of(layer.bias) if layer.use_bias else 0.0
    return convolve(x, kernel / (u @ matrix @ v), bias, layer.strides)


def batch_norm(layer, x, training=False):
    moments = weights_of(layer.moving_mean), weights_of(layer.moving_variance)
    if training:
        moments = batch_moments(x)
    if not layer.affine:
        return normalize(x, *moments)
    return normalize(x, *moments, weights_of(layer.gamma), weights_of(layer.beta))


def batch_normalized(layer, x, training=False):
    """Spectral convolution, batch norm, leaky ReLU."""
    x = spectral(layer.convolution, x, training)
    return leaky_relu(batch_norm(layer.norm, x, training))


def instance_normalized(layer, x):
    """Spectral convolution, instance norm, leaky ReLU."""
    return leaky_relu(instance_normalize(spectral(layer.convolution, x)))


def predictor(layer, layout):
    return plain(layer.output_convolution, relu(plain(layer.shared, layout)))


def spade(layer, x, layout, training=False):
    hidden = relu(plain(layer.shared, layout))
    x = batch_norm(layer.norm, x, training)
    return x * (1 + plain(layer.gamma, hidden)) + plain(layer.beta, hidden)


def spade_block(layer, x, layout, training=False):
    """SPADE's residual block; the layout has the size of ``x``."""
    h = x
    for norm, convolution in (
        (layer.first_norm, layer.first_convolution),
        (layer.second_norm, layer.second_convolution),
    ):
        h = leaky_relu(spade(norm, h, layout, training))
        h = spectral(convolution, h, training)
    if layer.shortcut_norm is not None:
        x = spade(layer.shortcut_norm, x, layout, training)
        x = spectral(layer.shortcut_pointwise, x, training)
    return x + h


def block(layer, x, layout, training=False):
    """The CC block; the kernels' channels are tap-major in this project."""
    layout = resize_nearest(layout, x.shape[1:3])
    h = x
    for norm, kernels, pointwise, attention in (
        (
            layer.first_norm,
            layer.first_kernels,
            layer.first_pointwise,
            layer.first_attention,
        ),
        (
            layer.second_norm,
            layer.second_kernels,
            layer.second_pointwise,
            layer.second_attention,
        ),
    ):
        channels = h.shape[-1]
        taps = predictor(kernels, layout).reshape(*h.shape[:3], 3, 3, channels)
        h = conditional_convolve(batch_norm(norm, h, training), taps)
        h = leaky_relu(plain(pointwise, h) * sigmoid(predictor(attention, layout)))
    if x.shape[-1] != h.shape[-1]:
        x = spade(layer.shortcut_norm, x, layout, training)
        x = spectral(layer.shortcut_pointwise, x, training)
    return x + h


def pyramid(layer, semantics, training=False):
    """Maps, coarsest first."""
    features = []
    x = semantics
    for convolution in layer.bottom_up:
        x = batch_normalized(convolution, x, training)
        features.append(x)
    maps = [features[-1]]
    for level in range(len(features) - 2, -1, -1):
        step = len(features) - 2 - level
        side = batch_normalized(layer.lateral[step], features[level], training)
        x = upsample_nearest(maps[-1]) + side
        maps.append(batch_normalized(layer.top_down[step], x, training))
    return maps
