"""Less memory for more arithmetic: values made again, one after the other."""

import tensorflow as tf

from ccfpse_tf.layers.compiled import custom_gradient


def after(done, *tensors) -> list[tf.Tensor]:
    """The tensors, once all of ``done`` are made.

    TensorFlow computes whatever does not depend on what is still to come, and holds the
    results: for a network that reads its layout everywhere, nearly everything at once.
    """
    with tf.control_dependencies(list(done)):
        return [tf.identity(tensor) for tensor in tensors]


def recomputed(function, *tensors: tf.Tensor) -> tf.Tensor:
    """``function(*tensors)``, keeping nothing but the tensors for the gradient.

    It is called when the first tensor is made, and for the gradient once more when that
    of the result is; inside graphs, only those of its values that its own gradient
    reads are made again.

    Args:
        function: of the tensors, whose gradients are wanted, and of nothing else that
            has one; it may not change any state.
        *tensors: of floating point.
    """

    @custom_gradient
    def run(*tensors):
        # Else a tape would also record, and keep, what happens inside the function.
        first, *others = (tf.stop_gradient(tensor) for tensor in tensors)

        def gradient(dy):
            inputs = after([dy], first, *others)
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                y = function(*inputs)
            return tape.gradient(y, inputs, dy, tf.UnconnectedGradients.ZERO)

        return function(first, *after([first], *others)), gradient

    return run(*tensors)
