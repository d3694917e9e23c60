"""A layout-to-image model without its training: its networks and their images."""

import keras
import tensorflow as tf

from ccfpse_tf.gan import averaging
from ccfpse_tf.models.generators.checks import check_maps
from ccfpse_tf.models.style_encoder import sample_style
from ccfpse_tf.ops.noise import replica_noise

PARTS = ("layout_encoding", "generator", "discriminator", "encoder")


class Synthesizer(keras.Model):
    """The networks of a :class:`ccfpse_tf.gan.ccfpse.CCFPSE`, which documents them.

    A model that only draws may have None for its discriminator.
    """

    def __init__(
        self,
        layout_encoding,
        generator,
        discriminator,
        encoder=None,
        seed=0,
        average_decay=0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.layout_encoding = layout_encoding
        self.generator = generator
        self.discriminator = discriminator
        self.encoder = encoder
        self.seed = seed
        self._check_parts()
        for part in (generator, discriminator, encoder):
            if part is not None and not part.built:
                part.build()
        self.average_decay = average_decay
        self.average = averaging.copy_of(generator) if average_decay else None

    def _check_parts(self):
        channels = self.layout_encoding.semantic_channels
        for part in (self.generator, self.discriminator):
            if part is not None and part.semantic_channels != channels:
                raise ValueError(
                    f"{part.name} expects {part.semantic_channels} semantic channels, "
                    f"but the layout encoding makes {channels}"
                )
        z_dim = 0 if self.encoder is None else self.encoder.z_dim
        if z_dim != self.generator.z_dim:
            raise ValueError(
                f"the generator's style code has {self.generator.z_dim} values, "
                f"the encoder's {z_dim}"
            )

    @property
    def z_dim(self) -> int:
        """Length of the style code, 0 without."""
        return self.generator.z_dim

    def layout_in(self, policy: str):
        """Returns what makes of layouts, outside of training, what the generator reads.

        Args:
            policy: its precision, of Keras.

        Returns:
            A function of class indices and, maybe, instances, ``(batch, height,
            width)`` each.
        """
        own = self.layout_encoding
        return type(own).from_config(own.get_config() | {"dtype": policy})

    def _unpack(self, data):
        batch, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        semantics = self.layout_encoding(batch["label"], batch.get("instance"))
        return batch["image"], semantics

    def call(self, inputs, training=False):
        """Images ``(batch, height, width, 3)`` of a batch dictionary.

        The style is ``inputs["z"]``, or the mean style of ``inputs["image"]``.
        """
        semantics = self.layout_encoding(inputs["label"], inputs.get("instance"))
        z = inputs.get("z")
        if z is None and self.z_dim:
            z, _ = self.encoder(inputs["image"], training=training)
        generator = self.generator if training else self.drawing_generator
        return generator(semantics, z, training=training)

    @property
    def drawing_generator(self):
        """The generator for use outside of training: the average, if there is one."""
        return self.generator if self.average is None else self.average

    def accumulate_statistics(self, data, count):
        """Re-estimates the averaged generator's batch statistics, one batch a call.

        The trained generator's do not fit the averaged weights. Call this in replica
        context, with ``count`` from 0; statistics are the mean over the calls.

        Args:
            data: a batch, as in training.
            count: batches before this one, a scalar tensor.
        """
        real, semantics = self._unpack(data)
        z = None
        if self.z_dim:
            mu, logvar = self.encoder(real, training=False)
            rows, counter = tf.shape(mu)[0], -1 - tf.cast(count, tf.int64)
            noise = replica_noise(self.seed, counter, rows, self.z_dim, mu.dtype)
            z = sample_style(mu, logvar, noise)
        with averaging.accumulating_statistics(self.average, count):
            self.average(semantics, z, training=True)

    def synthesize(self, label, instance=None, z=None):
        """Images in evaluation mode.

        Args:
            label: ``(batch, height, width)`` class indices.
            instance: ``(batch, height, width)`` ids, if the model uses instances.
            z: ``(batch, z_dim)`` style codes, if the model has style.

        Returns:
            ``(batch, height, width, 3)`` in ``[-1, 1]``.

        Raises:
            ValueError: a size that the generator cannot draw; instances or style codes
                that are missing, not expected or of another shape.
        """
        check_maps(self.generator, label, instance, z)
        return self._synthesize(label, instance, z)

    @tf.function(reduce_retracing=True)
    def _synthesize(self, label, instance, z):
        semantics = self.layout_encoding(label, instance)
        return self.drawing_generator(semantics, z, training=False)

    @tf.function(reduce_retracing=True)
    def encode(self, image):
        """``(mu, logvar)``, each ``(batch, z_dim)``, of images in ``[-1, 1]``.

        Raises:
            ValueError: a model without style code.
        """
        if not self.z_dim:
            raise ValueError("this model has no style encoder (z_dim is 0)")
        return self.encoder(image, training=False)

    def get_config(self):
        """Returns the constructor's arguments, parts serialised."""
        serialize = keras.saving.serialize_keras_object
        parts = {name: serialize(getattr(self, name)) for name in PARTS}
        own = {"seed": self.seed, "average_decay": self.average_decay}
        return super().get_config() | parts | own

    @classmethod
    def from_config(cls, config):
        """Rebuilds the model with its parts."""
        for name in PARTS:
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)
