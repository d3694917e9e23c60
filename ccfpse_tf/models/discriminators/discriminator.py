"""The base class of all discriminators: their inputs in training, and their results."""

from typing import NamedTuple

import keras
import tensorflow as tf


class DiscriminatorOutput(NamedTuple):
    """The result of a discriminator for a batch of images.

    Attributes:
        features: tensors, in any nesting of lists and tuples, which the
            feature-matching loss compares between generated and real images.
        scores: maps ``(batch, h, w, 1)``, in any nesting, high where an image looks
            real.

    The losses that fit a nesting are in the discriminator's row in
    :mod:`ccfpse_tf.gan.methods`.
    """

    features: object
    scores: object


class Discriminator(keras.Model):
    """A network that tells generated images from real ones.

    A subclass has the attributes ``architecture`` (its value of
    ``discriminator.architecture``) and ``semantic_channels``. It implements ``call``
    or, if it takes generated and real images in another way, :meth:`compare`.
    """

    def call(self, image, semantics, training=None):
        """Returns ``(features, scores)`` of images with these semantics.

        Args:
            image: ``(batch, height, width, 3)`` in ``[-1, 1]``.
            semantics: a :class:`ccfpse_tf.ops.layout.Layout` or a dense tensor
                ``(batch, height, width, semantic_channels)``. Its batch may be half of
                the images': both halves of the images then have these semantics.
            training: whether spectral vectors move.
        """
        raise NotImplementedError

    def prepare(self) -> None:
        """Reads what training needs and drawing does not; called before a training.

        Raises:
            InputError: weights that cannot be had.
        """

    def compare(
        self, fake, real, semantics, training=None
    ) -> tuple[DiscriminatorOutput, DiscriminatorOutput]:
        """Returns the outputs for generated and for real images of one layout.

        Both go through the network as one batch, the generated ones first.

        Args:
            fake: ``(batch, height, width, 3)`` in ``[-1, 1]``.
            real: images of that shape.
            semantics: of both, ``batch`` of them.
            training: whether spectral vectors move.
        """
        images = tf.concat([fake, tf.cast(real, fake.dtype)], 0)
        both = self(images, semantics, training=training)
        halves = [tf.split(x, 2) for x in keras.tree.flatten(both)]
        return tuple(
            DiscriminatorOutput(*keras.tree.pack_sequence_as(both, half))
            for half in zip(*halves, strict=True)
        )
