"""Trains a small model on one or two logical CPUs and saves everything that changed.

``python -m tests.gan_replicas REPLICAS OUT.npz FAKE``; a script of its own, because
TensorFlow fixes its devices at first use.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from tests.small_model import batches, small_model


def main(replicas: int, path: str, fake: str) -> None:
    """Two steps on the same four images a step, split over the replicas."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    logical = [tf.config.LogicalDeviceConfiguration()] * replicas
    tf.config.set_logical_device_configuration(cpu, logical)
    strategy = tf.distribute.get_strategy()
    if replicas > 1:
        devices = [f"CPU:{i}" for i in range(replicas)]
        strategy = tf.distribute.MirroredStrategy(devices)
    keras.utils.set_random_seed(1)
    with strategy.scope():
        # In float64, so that what differs is not rounding.
        model = small_model(dtype="float64", discriminator_fake=fake)
    data = batches(count=2, size=4)
    history = model.fit(data, epochs=1, shuffle=False, verbose=0).history
    result = {f"loss/{name}": values[0] for name, values in history.items()}
    for part in ("generator", "discriminator", "encoder"):
        for variable in getattr(model, part).variables:
            result[f"{part}/{variable.path}"] = np.asarray(variable)
    for name in ("generator_optimizer", "discriminator_optimizer"):
        for variable in getattr(model, name).variables:
            result[f"{name}/{variable.path}"] = np.asarray(variable)
    result["steps"] = np.asarray(model.steps)
    np.savez(path, **result)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
