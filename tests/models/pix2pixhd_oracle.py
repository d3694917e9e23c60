"""pix2pixHD's networks in plain NumPy, written from the method's description."""

import numpy as np

from tests.layers.oracle import convolve, instance_normalize, relu, weights_of


def reflected(layer, x):
    """A convolution whose border is ``c b | a b c d | c b``."""
    kernel = weights_of(layer.kernel)
    border = kernel.shape[0] // 2
    around = [(0, 0), (border, border), (border, border), (0, 0)]
    y = convolve(np.pad(x, around, "reflect"), kernel)
    return y[:, border:-border, border:-border] + weights_of(layer.bias)


def doubled(layer, x):
    """``y[2 i + u - 1] += x[i] * kernel[u]``; kernels are ``(3, 3, out, in)``."""
    kernel = weights_of(layer.kernel)
    batch, height, width, _ = x.shape
    # One row and column too many on all sides, which are cut off.
    y = np.zeros((batch, 2 * height + 2, 2 * width + 2, kernel.shape[2]))
    for u, v in np.ndindex(3, 3):
        target = y[:, u : u + 2 * height : 2, v : v + 2 * width : 2]
        target += x @ kernel[u, v].T
    return y[:, 1:-1, 1:-1] + weights_of(layer.bias)


def pooled(x):
    """Means of 3x3 pixels around every second one, of those that there are."""
    batch, height, width, channels = x.shape
    y = np.zeros((batch, -(-height // 2), -(-width // 2), channels))
    for i, j in np.ndindex(y.shape[1:3]):
        rows = slice(max(2 * i - 1, 0), 2 * i + 2)
        columns = slice(max(2 * j - 1, 0), 2 * j + 2)
        y[:, i, j] = x[:, rows, columns].mean((1, 2))
    return y


def hourglass(layer, x, coarser=0.0):
    x = relu(instance_normalize(reflected(layer.first, x)))
    for down in layer.down:
        kernel, bias = weights_of(down.kernel), weights_of(down.bias)
        x = relu(instance_normalize(convolve(x, kernel, bias, stride=2)))
    x = x + coarser
    for block in layer.blocks:
        y = relu(instance_normalize(reflected(block.first, x)))
        x = x + instance_normalize(reflected(block.second, y))
    for up in layer.up:
        x = relu(instance_normalize(doubled(up, x)))
    return x


def generator(model, semantics):
    """Images in [-1, 1]; ``model`` gives its weights."""
    inputs = [semantics]
    for _ in model.hourglasses[1:]:
        inputs.append(pooled(inputs[-1]))
    x = 0.0
    for layer, seen in zip(model.hourglasses, reversed(inputs), strict=True):
        x = hourglass(layer, seen, x)
    return np.tanh(reflected(model.image_convolution, x))


def encoder(model, image, ids):
    """Features, averaged over the pixels of each image's ids."""
    y = np.tanh(reflected(model.last, hourglass(model.trunk, image)))
    for features, numbers in zip(y, ids, strict=True):
        for number in np.unique(numbers):
            features[numbers == number] = features[numbers == number].mean(0)
    return y
