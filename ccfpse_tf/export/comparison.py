"""What a written export draws, against the model that it was made from."""

import dataclasses
from pathlib import Path

import numpy as np
import tensorflow as tf

from ccfpse_tf.layers.compiled import plain_graphs
from ccfpse_tf.layers.convolution import convolution_method
from ccfpse_tf.models.generator import to_uint8
from ccfpse_tf.synthesizer import Synthesizer


@dataclasses.dataclass(frozen=True)
class Difference:
    """Grey levels of 255, over all pixels and channels of ``images`` images."""

    largest: int
    mean: float
    images: int


def compare(folder: Path, model: Synthesizer, layouts: list[tuple]) -> Difference:
    """Loads an export with plain TensorFlow and draws the layouts with both.

    Args:
        folder: of the SavedModel.
        model: in float32.
        layouts: ``(label, instance or None)``, ``(height, width)`` each.
    """
    served = tf.saved_model.load(str(folder)).signatures["synthesize"]
    random = np.random.default_rng(0)
    largest, total = 0, []
    for label, instance in layouts:
        inputs = {"label": label[None].astype(np.int32)}
        if instance is not None:
            inputs["instance"] = instance[None].astype(np.int32)
        if model.z_dim:
            inputs["z"] = random.standard_normal((1, model.z_dim)).astype(np.float32)
        inputs = {name: tf.constant(value) for name, value in inputs.items()}
        found = served(**inputs)["image"].numpy()
        difference = np.abs(found.astype(int) - _expected(model, inputs))
        largest = max(largest, int(difference.max()))
        total.append(difference.mean())
    return Difference(largest, float(np.mean(total)), len(layouts))


def _expected(model, inputs):
    # Eagerly: compiling the whole model for a few images takes longer than drawing.
    with plain_graphs(), convolution_method("direct"):
        layout = model.layout_encoding(inputs["label"], inputs.get("instance"))
        images = model.drawing_generator(layout, inputs.get("z"), training=False)
    return to_uint8(images).numpy().astype(int)
