"""Spectral normalisation of convolution kernels (Miyato et al. 2018).

``M`` is a kernel ``(kh, kw, in, out)`` as an ``(out, kh * kw * in)`` matrix;
``u (out,)`` and ``v (kh * kw * in,)`` approximate its first singular vectors, and
``sigma = u^T M v`` its largest singular value.
"""

import tensorflow as tf

from ccfpse_tf.ops.compilation import custom_gradient, traced


def reference(kernel: tf.Tensor, u: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
    """``kernel / sigma``."""
    return kernel / _sigma(kernel, u, v)


def _transposed_matrix(kernel):
    """``M^T``: ``(kh, kw, in, out)`` to ``(kh * kw * in, out)``."""
    return tf.reshape(kernel, (-1, kernel.shape[-1]))


@traced
def power_iteration(kernel, u, *, epsilon):
    """``v = M^T u / |.|``, then ``u = M v / |.|``: returns the new ``u`` and ``v``.

    ``epsilon`` is the lower bound of the norms that are divided by.
    """

    def normalize(vector):
        return vector / tf.maximum(tf.norm(vector), epsilon)

    matrix = _transposed_matrix(kernel)
    v = normalize(tf.linalg.matvec(matrix, u))
    return normalize(tf.linalg.matvec(matrix, v, transpose_a=True)), v


@custom_gradient
def spectrally_normalized(kernel, u, v):
    """``kernel / sigma``, where ``u`` and ``v`` count as constants."""

    def gradient(dy):
        return _gradient(kernel, u, v, dy), None, None

    return _divided(kernel, u, v), gradient


@traced
def _divided(kernel, u, v):
    return reference(kernel, u, v)


@traced
def _gradient(kernel, u, v, dy):
    sigma = _sigma(kernel, u, v)
    share = tf.reduce_sum(dy * kernel) / sigma
    outer = tf.reshape(v[:, None] * u, kernel.shape)
    return (dy - share * outer) / sigma


def _sigma(kernel, u, v):
    return tf.tensordot(v, tf.linalg.matvec(_transposed_matrix(kernel), u), 1)
