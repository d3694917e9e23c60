"""A network of the kind of Coral's DeepLab that reads classes off the red channel."""

import dataclasses
import functools

import tensorflow as tf

from ccfpse_tf.evaluation.networks import coral_deeplab
from ccfpse_tf.files.digests import sha256

STEP = 10
"""A class's red is its index times this."""


@functools.cache
def content(height: int = coral_deeplab.TILE, dtype: str = "int64") -> bytes:
    """The bytes of a ``.tflite`` for uint8 ``(1, height, 513, 3)``."""
    shape = (1, height, coral_deeplab.TILE, 3)

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.uint8)])
    def segment(image):
        return tf.cast(tf.cast(image[..., 0], tf.int32) // STEP, dtype)

    concrete = segment.get_concrete_function()
    return tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert()


def write(folder, monkeypatch, made: bytes | None = None):
    """Writes such a file, takes it for the published one, and returns its path."""
    made = content() if made is None else made
    path = folder / "small.tflite"
    path.write_bytes(made)
    file = dataclasses.replace(coral_deeplab.FILE, sha256=sha256(made))
    monkeypatch.setattr(coral_deeplab, "FILE", file)
    return path
