"""Compares the images of a written export with those of its model."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from ccfpse_tf.data.transforms import to_uint8
from ccfpse_tf.files.saved_model import Signature
from ccfpse_tf.gan.synthesizer import Synthesizer
from ccfpse_tf.ops.compilation import plain_graphs
from ccfpse_tf.ops.convolution import convolution_method

Ask = Callable[[dict[str, np.ndarray]], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Difference:
    """Grey levels of 255, over all pixels and channels of ``images`` images."""

    largest: int
    mean: float
    images: int


def saved_model(folder: Path) -> Ask:
    """Loads an export with plain TensorFlow, as a function of its inputs."""
    served = Signature(folder, "synthesize")

    def ask(inputs):
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        return served(**tensors)["image"].numpy()

    return ask


def compare(ask: Ask, model: Synthesizer, layouts: list[tuple]) -> Difference:
    """Compares the images of an export with those of its model.

    Args:
        ask: maps inputs of ``synthesize`` to the export's images.
        model: in float32.
        layouts: ``(label, instance or None)``, ``(height, width)`` each.
    """
    random = np.random.default_rng(0)
    differences = []
    for label, instance in layouts:
        inputs = {"label": label[None].astype(np.int32)}
        if instance is not None:
            inputs["instance"] = instance[None].astype(np.int32)
        if model.z_dim:
            inputs["z"] = random.standard_normal((1, model.z_dim)).astype(np.float32)
        differences.append(np.abs(ask(inputs).astype(int) - drawn_by(model, inputs)))
    largest, mean = np.max(differences), np.mean(differences)
    return Difference(int(largest), float(mean), len(layouts))


def drawn_by(model: Synthesizer, inputs: dict) -> np.ndarray:
    """The model's own images of inputs of ``synthesize``, int ``(batch, h, w, 3)``."""
    # Eagerly: compiling the whole model for a few images takes longer than they do.
    with plain_graphs(), convolution_method("direct"):
        layout = model.layout_encoding(inputs["label"], inputs.get("instance"))
        images = model.drawing_generator(layout, inputs.get("z"), training=False)
    return to_uint8(images).numpy().astype(int)
