"""From label and instance maps to the semantics that every network reads."""

import keras
import tensorflow as tf


def instance_edges(instance: tf.Tensor) -> tf.Tensor:
    """Marks pixels whose instance id differs from a 4-neighbour's.

    Both sides of a boundary are edges; the image border is none.

    Args:
        instance: ``(batch, height, width)`` of any integer ids.

    Returns:
        Boolean ``(batch, height, width)``.
    """
    vertical = instance[:, 1:] != instance[:, :-1]
    horizontal = instance[:, :, 1:] != instance[:, :, :-1]
    up = tf.pad(vertical, [[0, 0], [1, 0], [0, 0]])
    down = tf.pad(vertical, [[0, 0], [0, 1], [0, 0]])
    left = tf.pad(horizontal, [[0, 0], [0, 0], [1, 0]])
    right = tf.pad(horizontal, [[0, 0], [0, 0], [0, 1]])
    return up | down | left | right


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class LayoutEncoding(keras.layers.Layer):
    """One-hot labels and, if the data set has instances, one channel of their edges.

    Args:
        label_channels: number of classes, plus one if the data set has a don't-care
            index (the last channel).
        instances: whether an edge channel follows.

    Call shapes: ``label (batch, height, width)`` with ids ``0..label_channels-1`` and
    ``instance (batch, height, width)`` (None without instances) to
    ``(batch, height, width, semantic_channels)``.

    Raises:
        tf.errors.InvalidArgumentError: a label outside the range (a one-hot of it would
            silently be all zeros). Graphs compiled by XLA do not check.
        ValueError: instances missing, or given where the data set has none.
    """

    def __init__(self, label_channels, instances=False, **kwargs):
        super().__init__(**kwargs)
        self.label_channels = label_channels
        self.instances = instances

    @property
    def semantic_channels(self) -> int:
        """Channels of the result."""
        return self.label_channels + int(self.instances)

    def call(self, label, instance=None):
        """Returns the semantics in the layer's compute dtype."""
        if self.instances != (instance is not None):
            raise ValueError(
                f"this model {'needs' if self.instances else 'has no'} instance maps, "
                f"and {'none was' if instance is None else 'one was'} given"
            )
        label = tf.cast(label, tf.int32)
        message = f"label outside 0..{self.label_channels - 1}; remap the labels"
        checks = [
            tf.debugging.assert_non_negative(label, message),
            tf.debugging.assert_less(label, self.label_channels, message),
        ]
        with tf.control_dependencies([check for check in checks if check is not None]):
            one_hot = tf.one_hot(label, self.label_channels, dtype=self.compute_dtype)
        if instance is None:
            return one_hot
        edges = tf.cast(instance_edges(instance), one_hot.dtype)
        return tf.concat([one_hot, edges[..., None]], -1)

    def compute_output_shape(self, label_shape, instance_shape=None):
        """``(*label_shape, semantic_channels)``."""
        return (*label_shape, self.semantic_channels)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "label_channels": self.label_channels,
            "instances": self.instances,
        }
