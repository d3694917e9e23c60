"""Semi-parametric image synthesis as a Keras model."""

import keras
import tensorflow as tf

# Importing this module registers every part, so that saved models can be loaded.
from ccfpse_tf.gan.one_player_model import OnePlayerModel
from ccfpse_tf.layers import layout  # noqa: F401
from ccfpse_tf.models.generators import sims  # noqa: F401
from ccfpse_tf.ops.precision import at_least_float32


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class SIMS(OnePlayerModel):
    """A network that makes an image of segments of photographs, pasted on a canvas.

    The method of Qi et al. 2018, "Semi-parametric image synthesis". Batches have,
    beside ``image`` and ``label``, the canvas that was made for that layout:
    ``canvas (batch, height, width, 3)`` in ``[0, 1]``, its ``mask (batch, height,
    width)``, 1 where there is any colour, and ``canvas_label (batch, height, width)``,
    the layout with the outlines of the segments that were pasted.

    The losses are the perceptual distance to the photograph, and the cross entropy
    between the scores of the classes and the layout as it was asked for.

    Args:
        layout_encoding: the :class:`LayoutEncoding` of the data set, without edges.
        generator: the :class:`ccfpse_tf.models.generators.sims.RefinementNetwork`.
        discriminator: None.
        encoder: None.
        seed: of nothing, as there is no noise.
        average_decay: as :class:`ccfpse_tf.gan.ccfpse.CCFPSE`.
    """

    _filler = None

    def fill_layouts_with(self, filler) -> None:
        """Sets what makes canvases of layouts outside of training.

        Args:
            filler: takes int32 class indices ``(batch, height, width)`` and returns
                arrays ``canvas``, ``mask`` and ``canvas_label`` as batches have them.
        """
        self._filler = filler

    def layout_in(self, policy: str):
        """See the base class; layouts are filled, in this model's precision."""
        return self._filled

    def _filled(self, label, instance=None):
        if self._filler is None:
            raise ValueError(
                "SIMS draws on canvases that are filled from a memory bank, and this "
                "model was not given any; call fill_layouts_with"
            )
        label = tf.cast(label, tf.int32)
        types = tf.float32, tf.float32, tf.int32
        canvas, mask, changed = tf.numpy_function(self._filler, [label], types)
        canvas.set_shape((*label.shape, 3))
        mask.set_shape(label.shape)
        changed.set_shape(label.shape)
        batch = {"canvas": canvas, "mask": mask}
        semantics = self.layout_encoding(changed, instance)
        return semantics.with_features(self._canvas(batch))

    def call(self, inputs, training=False):
        """Images ``(batch, height, width, 3)`` of a batch dictionary."""
        semantics = self._filled(inputs["label"], inputs.get("instance"))
        generator = self.generator if training else self.drawing_generator
        return generator(semantics, training=training)

    @tf.function(reduce_retracing=True)
    def _synthesize(self, label, instance, z):
        # On canvases filled from the memory bank.
        return self.drawing_generator(self._filled(label, instance), z, training=False)

    def _unpack(self, data):
        batch, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        semantics = self.layout_encoding(
            batch["canvas_label"], batch.get("instance")
        ).with_features(self._canvas(batch))
        return batch["image"], semantics

    def _canvas(self, batch):
        colors, mask = batch["canvas"], batch["mask"]
        colors = tf.cast(colors, self.compute_dtype)
        mask = tf.cast(mask, self.compute_dtype)[..., None]
        return tf.concat([colors, mask], -1)

    def _terms(self, data, training):
        real, semantics = self._unpack(data)
        batch, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        generator = self.generator if training else self.drawing_generator
        fake, scores = generator.draw_with_scores(semantics)
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
            tf.cast(batch["label"], tf.int32), at_least_float32(scores)
        )
        return {
            "perceptual": self.perceptual_loss(fake, real),
            "semantic": tf.reduce_mean(entropy),
        }
