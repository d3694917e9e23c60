"""Images of a trained run, in batches, on one device or on several."""

import dataclasses

import numpy as np
import tensorflow as tf

from ccfpse_tf.data.transforms import to_uint8
from ccfpse_tf.gan.build import build_model
from ccfpse_tf.runs.checkpoints import CheckpointStore
from ccfpse_tf.runs.run_folder import Run


class TrainedModel:
    """A run's newest checkpoint, ready to generate images.

    Args:
        run: a run with a checkpoint.
        description: of its data (``label_channels`` and ``instances``).
        strategy: the devices to use; default TensorFlow's own choice of one.

    Attributes:
        model: the restored :class:`ccfpse_tf.gan.adversarial_model.AdversarialModel`.
        step: the number of steps that it was trained for.

    Raises:
        InputError: no checkpoint that can be restored, or a config that does not fit
            its networks.
    """

    def __init__(self, run: Run, description, strategy=None):
        self.run = run
        self.strategy = strategy or tf.distribute.get_strategy()
        with self.strategy.scope():
            self.model = build_model(
                _drawing_config(run.config), description, 1, training=False
            )
            self.step = CheckpointStore(self.model, run.checkpoints).restore()

    def images(
        self, label: np.ndarray, instance: np.ndarray | None, z: np.ndarray | None
    ) -> np.ndarray:
        """Generates a batch, each device its share.

        Args:
            label: ``(batch, height, width)`` class indices.
            instance: ``(batch, height, width)`` ids, or None without instances.
            z: ``(batch, z_dim)`` style codes, or None without style.

        Returns:
            uint8 ``(batch, height, width, 3)``.
        """
        inputs = [label, instance, z]
        replicas = self.strategy.num_replicas_in_sync
        if replicas == 1:
            return np.asarray(to_uint8(self.model.synthesize(*inputs)))
        count = len(label)
        share = -(-count // replicas)
        # The last shares may be too short: they are filled up with the last image.
        rows = np.minimum(np.arange(share * replicas), count - 1).reshape(replicas, -1)
        drawn = self._on_replicas(
            *(None if x is None else self._spread(x, rows) for x in inputs)
        )
        return np.concatenate([np.asarray(image) for image in drawn])[:count]

    def _spread(self, values, rows):
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.convert_to_tensor(
                np.asarray(values)[rows[context.replica_id_in_sync_group]]
            )
        )

    @tf.function(reduce_retracing=True)
    def _on_replicas(self, label, instance, z):
        def draw(label, instance, z):
            return to_uint8(self.model.synthesize(label, instance, z))

        drawn = self.strategy.run(draw, (label, instance, z))
        return self.strategy.experimental_local_results(drawn)


def _drawing_config(config):
    # The same images on every machine, also on one that is slow in half precision.
    step = dataclasses.replace(config.step, precision="float32")
    return dataclasses.replace(config, step=step)
