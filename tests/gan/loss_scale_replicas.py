"""Overflows on one replica of two: prints what the weights of both are after it.

``python -m tests.gan.loss_scale_replicas``; a script of its own, because TensorFlow
fixes its devices at first use.
"""

import json

import keras
import numpy as np
import tensorflow as tf

from ccfpse_tf.gan.optimizers import Adam, LossScaleOptimizer


def main() -> None:
    """Three steps: infinite on replica 1, NaN on replica 0, then finite on both."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    logical = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, logical)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        weight = keras.Variable([1.0, 2.0])
        optimizer = LossScaleOptimizer(Adam(0.25), initial_scale=16.0)
        optimizer.build([weight])

    @tf.function
    def step(where, value):
        def on_replica():
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            gradient = tf.where(replica == where, [value, 1.0], [1.0, 1.0])
            optimizer.apply([gradient * optimizer.dynamic_scale], [weight])

        strategy.run(on_replica)

    for where, value in ((1, np.inf), (0, np.nan), (-1, 0.0)):
        step(tf.constant(where), tf.constant(value))
        weights = strategy.experimental_local_results(weight.value)
        found = {
            "weights": [np.asarray(x).tolist() for x in weights],
            "scale": np.asarray(optimizer.dynamic_scale).item(),
            "iterations": np.asarray(optimizer.iterations).item(),
        }
        print(json.dumps(found))


if __name__ == "__main__":
    main()
