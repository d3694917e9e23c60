"""Trains a small model over different numbers of replicas and saves the changes.

``python -m tests.gan.replicas FOLDER REPLICAS [options]``; a script of its own, because
TensorFlow fixes its devices at first use. REPLICAS is ``1``, ``N`` or ``1,N``: a model
of its own for each, on so many logical CPUs (two different groups of them in a process
is more than TensorFlow's collectives take); with ``TF_CONFIG`` it is the number of
workers. Every model sees the same four images a step.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ccfpse_tf import PerceptualLoss
from ccfpse_tf.runtime.devices import Devices, open_strategy
from ccfpse_tf.runtime.tf_config import Workers, read_workers
from ccfpse_tf.runtime.workers import WorkerGroup
from tests.small_model import NETWORKS, ONE_PLAYER, batches, small_model

BATCH = 4


def main(argv=None) -> None:
    """Writes ``FOLDER/REPLICAS.npz`` for every number of replicas."""
    arguments = _parser().parse_args(argv)
    workers = read_workers()
    # Hundreds of small functions need not be traced where one step is all there is.
    tf.config.run_functions_eagerly(arguments.eager)
    counts = [int(count) for count in arguments.replicas.split(",")]
    largest = 1 if workers.several else max(counts)
    strategy = open_strategy(Devices(gpus=(), cpus=largest), workers)
    for count in counts:
        one = count == 1 and not workers.several
        chosen = tf.distribute.get_strategy() if one else strategy
        assert chosen.num_replicas_in_sync == count
        values = _trained(chosen, workers, arguments)
        if workers.chief:
            np.savez(arguments.folder / f"{count}.npz", **values)


def _parser():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("replicas")
    parser.add_argument("--eager", action="store_true", help="trace no functions")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--method", default="ccfpse", choices=[*NETWORKS, *ONE_PLAYER])
    parser.add_argument("--fake", default="regenerate")
    parser.add_argument("--gan-mode", default="hinge")
    parser.add_argument("--vgg", help="weights of the perceptual loss")
    return parser


def _trained(strategy, workers: Workers, arguments):
    """Losses, weights and optimisers after the steps, by name."""
    keras.utils.clear_session()  # which numbers layers from the start
    keras.utils.set_random_seed(1)
    perceptual = _perceptual(arguments.vgg) if arguments.vgg else None
    with strategy.scope():
        # In float64, so that what differs is not rounding.
        model = small_model(
            dtype="float64",
            method=arguments.method,
            discriminator_fake=arguments.fake,
            gan_mode=arguments.gan_mode,
            perceptual_loss=perceptual,
            run_eagerly=arguments.eager,
        )
    for name in model.optimizer_names:
        # Variables made later would be one device's: graphs die on a placeholder.
        assert getattr(model, name).built
    result = {"noise": _noise(model, strategy)} if model.z_dim else {}
    data = WorkerGroup(strategy, workers).stream(
        lambda shard=(0, 1): _rows(arguments, *shard), BATCH
    )
    model.fit(data, steps_per_epoch=arguments.steps, shuffle=False, verbose=0)
    result |= {
        f"loss/{name}": np.asarray(value)
        for name, value in model.get_metrics_result().items()
    }
    for part in ("generator", "discriminator", "encoder"):
        network = getattr(model, part)
        for variable in network.variables if network is not None else ():
            result[f"{part}/{variable.path}"] = np.asarray(variable)
    for name in model.optimizer_names:
        for variable in getattr(model, name).variables:
            result[f"{name}/{variable.path}"] = np.asarray(variable)
    (first,) = batches(1, 2, arguments.method)
    z = tf.ones((2, model.z_dim), tf.float64) if model.z_dim else None
    image = model.synthesize(first["label"], first["instance"], z)
    return result | {"image": np.asarray(image), "steps": np.asarray(model.steps)}


def _perceptual(weights):
    loss = PerceptualLoss("torchvision", weights)
    return lambda *images: tf.cast(loss(*images), tf.float64)


def _noise(model, strategy):
    """All replicas' noise, each in its rows of the batch."""
    rows = BATCH // strategy.num_replicas_in_sync

    def on_replica():
        replica = tf.distribute.get_replica_context()
        before = replica.replica_id_in_sync_group * rows
        around = [[before, BATCH - rows - before], [0, 0]]
        return tf.pad(model.style_noise(rows, phase=0), around)

    sums = strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(on_replica), None)
    return np.asarray(sums)


def _rows(arguments, index, count):
    rows = BATCH // count
    first = index * rows
    return batches(arguments.steps, BATCH, arguments.method).map(
        lambda batch: {key: x[first : first + rows] for key, x in batch.items()}
    )


if __name__ == "__main__":
    main()
