"""Less memory for more arithmetic: values made again, one after the other."""

import tensorflow as tf

from ccfpse_tf.ops.compilation import custom_gradient, recording


def after(done, *tensors) -> list[tf.Tensor]:
    """The tensors, once all of ``done`` are made.

    TensorFlow computes whatever does not depend on what is still to come, and holds the
    results: for a network that reads its layout everywhere, nearly everything at once.
    """
    with tf.control_dependencies(list(done)):
        return [tf.identity(tensor) for tensor in tensors]


def in_turn(first: tf.Tensor, second: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Both, for two branches that are never computed side by side.

    What is made of ``second`` waits for ``first``, and what the gradient of ``first``
    is made into waits for that of ``second``.
    """

    @custom_gradient
    def run(first, second):
        def gradient(d_first, d_second):
            return *after([d_second], d_first), d_second

        return (tf.identity(first), *after([first], second)), gradient

    return run(first, second)


def recomputed(
    function, first: tf.Tensor, shared: tf.Tensor, *others: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """``function(first, shared, *others)``, keeping only tensors for the gradient.

    It is called when the first tensor is made, and for the gradient once more when that
    of the result is; inside graphs, only those of its values that its own gradient
    reads are made again.

    Args:
        function: of the tensors, whose gradients are wanted, and of nothing else that
            has one; it may not change any state.
        first: of floating point, as all.
        shared: what is also read elsewhere.
        *others: further tensors.

    Returns:
        The result, and ``shared`` for whoever reads it next: so its gradients are
        added up one after the other instead of all being held to the end.
    """

    @custom_gradient
    def run(first, *others):
        def gradient(dy, d_shared):
            inputs = after([dy], first, *others)
            with recording() as tape:
                tape.watch(inputs)
                y = function(*inputs)
            d_first, d_own, *d_others = tape.gradient(
                y, inputs, dy, tf.UnconnectedGradients.ZERO
            )
            return d_first, d_own + d_shared, *d_others

        y = function(first, *after([first], *others))
        return (y, tf.identity(others[0])), gradient

    return run(first, shared, *others)
