"""From label and instance maps to the semantics that every network reads."""

import keras
import tensorflow as tf

from ccfpse_tf.ops.layout import Layout, instance_edges


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class LayoutEncoding(keras.layers.Layer):
    """Labels and, if the data set has instances, one channel of their edges.

    Args:
        label_channels: number of classes, plus one if the data set has a don't-care
            index (the last channel).
        instances: whether there are instance maps.
        edges: whether a channel of their edges follows; without it the maps are
            accepted, as the data set has them, and not read.

    Call shapes: ``label (batch, height, width)`` with ids ``0..label_channels-1`` and
    ``instance (batch, height, width)`` (None without instances) to a :class:`Layout` of
    ``semantic_channels`` channels, one-hot ones counted, that has the instances, too.

    Raises:
        tf.errors.InvalidArgumentError: a label outside the range (it would silently
            count as no class at all). Graphs compiled by XLA do not check.
        ValueError: instances missing, or given where the data set has none.
    """

    def __init__(self, label_channels, instances=False, edges=True, **kwargs):
        super().__init__(**kwargs)
        self.label_channels = label_channels
        self.instances = instances
        self.edges = edges

    @property
    def semantic_channels(self) -> int:
        """Channels of the result."""
        return self.label_channels + self._edge_channels

    @property
    def _edge_channels(self):
        return int(self.instances and self.edges)

    def call(self, label, instance=None):
        """Returns the layout, features in the layer's compute dtype."""
        self._check_instances(instance)
        label = tf.cast(label, tf.int32)
        message = f"label outside 0..{self.label_channels - 1}; remap the labels"
        checks = [
            tf.debugging.assert_non_negative(label, message),
            tf.debugging.assert_less(label, self.label_channels, message),
        ]
        with tf.control_dependencies([check for check in checks if check is not None]):
            label = tf.identity(label)
        if not self._edge_channels:
            none = tf.zeros((*tf.unstack(tf.shape(label)), 0), self.compute_dtype)
            return Layout(label, none, instance)
        edges = tf.cast(instance_edges(instance), self.compute_dtype)
        return Layout(label, edges[..., None], instance)

    def _check_instances(self, instance):
        if self.instances != (instance is not None):
            raise ValueError(
                f"this model {'needs' if self.instances else 'has no'} instance maps, "
                f"and {'none was' if instance is None else 'one was'} given"
            )

    def __call__(self, *args, **kwargs):
        """Returns a :class:`Layout`; Keras itself has symbolic maps as a tuple."""
        return Layout(*super().__call__(*args, **kwargs))

    def compute_output_spec(self, label, instance=None):
        """The symbolic maps of a :class:`Layout`; Keras takes no None among them."""
        self._check_instances(instance)
        shape = tuple(label.shape)
        maps = [
            keras.KerasTensor(shape, "int32"),
            keras.KerasTensor((*shape, self._edge_channels), self.compute_dtype),
        ]
        if instance is not None:
            maps.append(keras.KerasTensor(instance.shape, instance.dtype))
        return tuple(maps)

    def compute_output_shape(self, label_shape, instance_shape=None):
        """A :class:`Layout` of shapes."""
        features = (*label_shape, self._edge_channels)
        return Layout(label_shape, features, instance_shape)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "label_channels": self.label_channels,
            "instances": self.instances,
            "edges": self.edges,
        }
