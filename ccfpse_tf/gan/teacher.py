"""A trained model whose images another one learns from."""

import tensorflow as tf

from ccfpse_tf.gan.synthesizer import Synthesizer


class Teacher:
    """Draws what a student learns.

    It is not a Keras object: Keras would make its weights part of the student's.

    Args:
        model: the trained model.
        student: gets the model's style encoder.

    Raises:
        ValueError: a student for other semantics or style codes, or with another
            style encoder.
    """

    def __init__(self, model: Synthesizer, student: Synthesizer):
        for name, one in (
            ("semantic channels", lambda x: x.layout_encoding.semantic_channels),
            ("instances", lambda x: x.layout_encoding.instances),
            ("values of the style code", lambda x: x.z_dim),
            ("width of the style encoder", lambda x: x.z_dim and x.encoder.ngf),
        ):
            if one(model) != one(student):
                raise ValueError(
                    f"{name}: the teacher has {one(model)}, the student {one(student)}"
                )
        self._generator = model.drawing_generator
        if student.encoder is not None:
            student.encoder.set_weights(model.encoder.get_weights())

    def draw(self, semantics, z) -> tf.Tensor:
        """Returns images ``(batch, height, width, 3)``, which no gradient passes.

        Args:
            semantics: as for the generator.
            z: ``(batch, z_dim)`` style codes, or None without.
        """
        return tf.stop_gradient(self._generator(semantics, z, training=False))
