"""The weights of an export, stored in float32, in bfloat16 or in bytes."""

import keras
import numpy as np
import tensorflow as tf


class StoredWeights:
    """Copies of weights, which take their place when an exported graph is traced.

    Kernels, which are nearly all of a model, are stored as the precision says; biases,
    statistics and spectral vectors in float32 always.

    - ``bfloat16``: kernels rounded to bfloat16.
    - ``int8-weights``: kernels as ``round(kernel / scale)`` in -127..127 with
      ``scale = max|kernel| / 127`` of each output channel; the graph multiplies them
      out again when it runs.

    Args:
        weights: built Keras variables.
        precision: ``float32``, ``bfloat16`` or ``int8-weights``.

    Attributes:
        module: holds the stored values, and nothing else.
    """

    def __init__(self, weights: list[keras.Variable], precision: str):
        self._weights = weights
        self._stored, self._scales = [], {}
        for index, weight in enumerate(weights):
            value = np.asarray(weight)
            if value.ndim >= 2 and precision == "bfloat16":
                value = tf.cast(value, tf.bfloat16)
            elif value.ndim >= 2 and precision == "int8-weights":
                value, scale = quantized(value)
                self._scales[str(index)] = tf.Variable(scale, trainable=False)
            name = weight.path.replace("/", ".")
            self._stored.append(tf.Variable(value, trainable=False, name=name))
        self.module = tf.Module("weights")
        self.module.stored, self.module.scales = self._stored, self._scales

    def in_place(self) -> keras.StatelessScope:
        """A context in which the Keras variables have the stored values."""
        return keras.StatelessScope(
            [(weight, self._read(i)) for i, weight in enumerate(self._weights)]
        )

    def _read(self, index):
        value = tf.cast(self._stored[index], self._weights[index].dtype)
        scale = self._scales.get(str(index))
        return value if scale is None else value * scale


def quantized(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``(int8 kernel, float32 scale (out,))`` of a kernel ``(..., out)``."""
    largest = np.abs(kernel).max(tuple(range(kernel.ndim - 1)))
    scale = np.where(largest > 0, largest, 1).astype(np.float32) / np.float32(127)
    return np.round(kernel / scale).astype(np.int8), scale
