"""Whole networks in plain NumPy, written from the method's description."""

import numpy as np

from tests.layers import oracle
from tests.layers.oracle import leaky_relu, plain, weights_of


def dense(layer, x):
    return x @ weights_of(layer.kernel) + weights_of(layer.bias)


def latent(model, semantics, z):
    """The coarsest map."""
    height, width = semantics.shape[1:3]
    rows, columns = height // 2**model.depth, width // 2**model.depth
    if z is None:
        x = plain(model.latent, oracle.resize_nearest(semantics, (rows, columns)))
    else:
        flat = dense(model.latent, z)
        x = np.zeros((len(z), rows, columns, 16 * model.ngf))
        # channel, row, column
        for i, j, c in np.ndindex(rows, columns, 16 * model.ngf):
            x[:, i, j, c] = flat[:, (c * rows + i) * columns + j]
    return x


def spade_generator(model, semantics, z=None, training=False):
    """SPADE's images in [-1, 1]."""
    x = latent(model, semantics, z)
    repeated = {5: (0, 2), 6: (0,), 7: (0,)}[model.depth]  # blocks of the same size
    for number, block in enumerate(model.blocks):
        if number not in repeated:
            x = oracle.upsample_nearest(x)
        small = oracle.resize_nearest(semantics, x.shape[1:3])
        x = oracle.spade_block(block, x, small, training)
    return np.tanh(plain(model.image_convolution, leaky_relu(x)))


def generator(model, semantics, z=None, training=False):
    """Images in [-1, 1]; ``model`` gives its weights, depth and width."""
    x = latent(model, semantics, z)
    maps = None
    if model.pyramid is not None:
        maps = oracle.pyramid(model.pyramid, semantics, training)
    # Which of the pyramid's maps each block reads; a new one means twice the size.
    levels = {5: (0, 1, 1, 2, 3, 4, 5), 6: (0, 1, 2, 3, 4, 5, 6)}[model.depth]
    previous = 0
    for block, level in zip(model.blocks, levels, strict=True):
        if level != previous:
            x = oracle.upsample_nearest(x)
        previous = level
        layout = oracle.resize_nearest(semantics, x.shape[1:3])
        if maps is not None:
            layout = np.concatenate([layout, maps[level]], -1)
        x = oracle.block(block, x, layout, training)
    return np.tanh(plain(model.image_convolution, leaky_relu(x)))


def discriminator(model, image, semantics):
    """``(features, scores)``; the embedding is pooled AFTER its convolution."""
    features = []
    x = image
    for layer in model.bottom_up:
        x = oracle.instance_normalized(layer, x)
        features.append(x)
    stride_4, stride_8, stride_16, stride_32 = features[1:]
    coarse_to_fine = []
    for layer, feature in zip(
        model.lateral, (stride_32, stride_16, stride_8, stride_4), strict=True
    ):
        x = oracle.instance_normalized(layer, feature)
        if coarse_to_fine:
            above = coarse_to_fine[-1]
            size = (2 * above.shape[1], 2 * above.shape[2])
            x = x + oracle.resize_bilinear(above, size)
        coarse_to_fine.append(x)
    embedded = plain(model.embedding, semantics)
    scores = []
    for stride, summed, layer in zip(
        (4, 8, 16), coarse_to_fine[:0:-1], model.final, strict=True
    ):
        x = oracle.instance_normalized(layer, summed)
        match = oracle.average_pool(embedded, stride) * plain(
            model.semantic_features, x
        )
        scores.append(plain(model.patch_score, x) + match.sum(-1, keepdims=True))
    return features[1:], scores


def encoder(model, image):
    """``(mu, logvar)``."""
    x = image
    if image.shape[1:3] != (256, 256):
        x = oracle.resize_bilinear(image, (256, 256))
    for layer in model.convolutions:
        x = oracle.instance_normalized(layer, x)
    flat = np.stack([image.transpose(2, 0, 1).ravel() for image in x])
    return dense(model.mean, flat), dense(model.log_variance, flat)
