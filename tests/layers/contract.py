"""Checks that the tests of several layers and models share."""

import json

import keras
import numpy as np
import tensorflow as tf

from tests.layers import oracle


def round_trip(layer):
    """Serialises and rebuilds; the configuration must survive, as JSON too."""
    saved = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    copy = keras.saving.deserialize_keras_object(saved)
    assert type(copy) is type(layer)
    assert copy.get_config() == layer.get_config()
    assert copy.dtype_policy == layer.dtype_policy
    return copy


def numbers(seed, *shape, dtype="float32"):
    """Normal values, the same for the same seed."""
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def randomize(layer, seed=0):
    """Gives every weight a value that shows: initial ones hide half the equations."""
    rng = np.random.default_rng(seed)
    for variable in layer.weights:
        shape = variable.shape
        if variable.name in ("gamma", "moving_variance"):
            value = rng.uniform(0.5, 1.5, shape)
        elif variable.name == "kernel":
            value = rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1]))
        else:
            value = 0.3 * rng.normal(size=shape)
        variable.assign(value)
    for part in (layer, *layer._flatten_layers()):
        if hasattr(part, "u") and hasattr(part, "v"):
            # Random vectors would make sigma about 0; these nearly have converged.
            kernel = oracle.weights_of(part.kernel)
            matrix = kernel.reshape(-1, kernel.shape[-1]).T
            u = rng.normal(size=matrix.shape[0])
            for _ in range(2):
                u, v = oracle.power_iteration(matrix, u)
            part.u.assign(u)
            part.v.assign(v)
    return layer


def dynamic(function, *arrays):
    """Calls ``function`` traced with unknown batch, height and width."""
    specs = []
    for array in arrays:
        array = np.asarray(array)
        shape = [None] * min(3, array.ndim) + list(array.shape[3:])
        specs.append(tf.TensorSpec(shape, array.dtype))
    return tf.function(function, input_signature=specs)(*arrays)
