"""Less memory for more arithmetic: values made again for the gradient (checkpoints)."""

import tensorflow as tf

from ccfpse_tf.ops.compilation import custom_gradient


def wait_for(done, *tensors) -> list[tf.Tensor]:
    """The tensors, available once all of ``done`` are made.

    TensorFlow computes whatever does not depend on what is still to come, and holds the
    results: for a network that reads its layout everywhere, nearly everything at once.
    """
    with tf.control_dependencies(list(done)):
        return [tf.identity(tensor) for tensor in tensors]


def checkpointed(function, first: tf.Tensor, *others: tf.Tensor) -> tf.Tensor:
    """``function(first, *others)``, of which only the arguments are kept.

    It is called when the first tensor is made, and for the gradient once more when that
    of the result is (Chen et al. 2016, "Training deep nets with sublinear memory
    cost"). Inside graphs, only those of its values that its own gradient reads are made
    again.

    Args:
        function: of the tensors, whose gradients are wanted, and of nothing else that
            has one; it may not change any state.
        first: of floating point, as all.
        *others: further tensors.
    """

    @custom_gradient
    def run(first, *others):
        def gradient(dy):
            inputs = wait_for([dy], first, *others)
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                y = function(*inputs)
            return tape.gradient(y, inputs, dy, tf.UnconnectedGradients.ZERO)

        return function(first, *wait_for([first], *others)), gradient

    return run(first, *others)
