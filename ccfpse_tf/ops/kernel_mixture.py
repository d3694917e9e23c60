"""Conditional convolution by kernels that are mixtures of a few learned ones."""

import tensorflow as tf

from ccfpse_tf.ops import conditional_convolution


def reference(x: tf.Tensor, coefficients: tf.Tensor, kernels: tf.Tensor) -> tf.Tensor:
    """Mixes a kernel for every pixel and channel, then applies them."""
    mixed = tf.einsum("bijr,uvcr->bijuvc", coefficients, kernels)
    mixed = tf.reshape(mixed, (*tf.unstack(tf.shape(x)[:3]), 9 * x.shape[-1]))
    return conditional_convolution.reference(x, mixed)


def mixture_convolution(
    x: tf.Tensor, coefficients: tf.Tensor, kernels: tf.Tensor
) -> tf.Tensor:
    """Convolves every pixel and channel with a mixture of that channel's kernels.

    The kernel of a pixel and channel is
    ``W[b,i,j,c,u,v] = sum over r of coefficients[b,i,j,r] * kernels[u,v,c,r]``, and is
    applied as in
    :func:`ccfpse_tf.ops.conditional_convolution.conditional_depthwise_convolution`.
    Sums may be exchanged: each learned kernel is applied to the whole map, and the
    results are mixed. So the kernels of the pixels, nine times as large as the map, are
    never made, and the maps that are made stay in the processor's cache.

    Args:
        x: ``(batch, height, width, channels)``.
        coefficients: ``(batch, height, width, mixed)``, predicted from the layout.
        kernels: ``(3, 3, channels, mixed)``, learned.

    Returns:
        ``(batch, height, width, channels)``.
    """
    return tf.add_n(
        [
            coefficient * tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "SAME")
            for coefficient, kernel in zip(
                tf.split(coefficients, kernels.shape[-1], -1),
                tf.split(kernels, kernels.shape[-1], -1),
                strict=True,
            )
        ]
    )
