"""How TensorFlow 1 trained CRN and SIMS: kernels updated early, Adam's rounded numbers.

A graph of TensorFlow 1 updates a variable as soon as its gradient is there, while other
operations may still read it. In the fixtures' trainings that happened to some kernels:
the gradient with respect to a convolution's input was computed with the kernel after
its update. Which ones says the module of each method. Our own training steps use the
kernel that the forward pass used.
"""

import functools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from ccfpse_tf.gan.optimizers import TensorFlowAdam, unwrapped
from ccfpse_tf.layers import layer_normalized_convolution as module
from ccfpse_tf.ops.layout import Layout
from ccfpse_tf.ops.layout_convolution import layout_convolution

EARLY = ", some kernels updated early"  # ends a check's name


class RoundedAdam(TensorFlowAdam):
    """TensorFlow 1's Adam, whose numbers are float32 for weights of any type."""

    def _scalars(self, dtype, learning_rate):
        rate = tf.cast(tf.cast(learning_rate, tf.float32), tf.float64)
        beta_1, beta_2 = (np.float32(x) for x in (self.beta_1, self.beta_2))
        steps = tf.convert_to_tensor(self.iterations) + 1
        # Running products, as the variables beta1_power and beta2_power are.
        powers = (tf.reduce_prod(tf.fill([steps], beta)) for beta in (beta_1, beta_2))
        first, second = (1 - tf.cast(power, tf.float64) for power in powers)
        scalars = {
            "lr": rate * tf.sqrt(second) / first,
            "epsilon": float(np.float32(self.epsilon)),
            "beta1": float(beta_1),
            "beta2": float(beta_2),
            "beta1_power": 0.0,
            "beta2_power": 0.0,
        }
        return {
            name: tf.cast(tf.convert_to_tensor(value, tf.float64), dtype)
            for name, value in scalars.items()
        }


@contextmanager
def early_updates(model, layers) -> Iterator[None]:
    """Lets gradients pass some convolutions after their kernels' updates.

    Args:
        model: compiled, with a :class:`TensorFlowAdam`; its training step is to be
            called (traced) within.
        layers: the :class:`LayerNormalizedConvolution` and Keras's ``Conv2D`` that it
            is about.
    """
    optimizer = unwrapped(model.optimizer)
    layer_class = module.LayerNormalizedConvolution
    original = layer_class.call

    def by_updated(layer, operation):
        return functools.partial(_convolution, optimizer, layer.kernel, operation)

    @functools.wraps(original)
    def call(layer, x):
        if all(layer is not other for other in layers):
            return original(layer, x)
        convolution = by_updated(layer, layout_convolution)
        with mock.patch.object(module, "layout_convolution", convolution):
            return original(layer, x)

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(layer_class, "call", call))
        for layer in layers:
            if isinstance(layer, keras.layers.Conv2D):
                convolution = by_updated(layer, layer.convolution_op)
                patch = mock.patch.object(layer, "convolution_op", convolution)
                stack.enter_context(patch)
        yield


def _convolution(optimizer, variable, operation, x, kernel, *bias):
    if isinstance(x, Layout):  # the network's input, which needs no gradient
        return operation(x, kernel, *bias)

    @tf.custom_gradient
    def convolve(x, kernel):
        def gradient(by_output):
            by_kernel = _gradient(operation, x, kernel, bias, kernel, by_output)
            updated = _updated(optimizer, variable, by_kernel)
            by_x = _gradient(operation, x, updated, bias, x, by_output)
            return by_x, by_kernel

        return operation(x, kernel, *bias), gradient

    return convolve(x, tf.convert_to_tensor(kernel))


def _gradient(operation, x, kernel, bias, source, by_output):
    with tf.GradientTape() as tape:
        tape.watch(source)
        output = operation(x, kernel, *bias)
    return tape.gradient(output, source, by_output)


def _updated(optimizer, variable, gradient):
    """The kernel that :meth:`TensorFlowAdam.update_step` is going to make."""
    index = optimizer._get_variable_index(variable)
    mean, square = (
        tf.convert_to_tensor(moments[index])
        for moments in (optimizer._momentums, optimizer._velocities)
    )
    by = optimizer._scalars(gradient.dtype, optimizer.learning_rate)
    mean += (gradient - mean) * (1 - by["beta1"])
    square += (gradient**2 - square) * (1 - by["beta2"])
    return variable - by["lr"] * mean / (tf.sqrt(square) + by["epsilon"])
