"""Images of a model, in batches, on one device or on several."""

import numpy as np
import tensorflow as tf

from ccfpse_tf.data.transforms import to_uint8
from ccfpse_tf.gan.synthesizer import Synthesizer
from ccfpse_tf.models.generators.checks import check_maps


class DrawingModel:
    """A model that generates images as bytes.

    Args:
        model: with its weights, made in the scope of the strategy.
        strategy: the devices to use.
    """

    def __init__(self, model: Synthesizer, strategy: tf.distribute.Strategy):
        self.model = model
        self.strategy = strategy

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

        Raises:
            ValueError: as :meth:`ccfpse_tf.gan.synthesizer.Synthesizer.synthesize`.
        """
        # Here, as the graph for several devices does not know all shapes.
        check_maps(self.model.generator, label, instance, z)
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
