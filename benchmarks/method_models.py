"""Models of any method as `train --method` makes them, and calls of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np

from benchmarks import models
from benchmarks.cpu import tf
from ccfpse_tf.config import Config, override
from ccfpse_tf.gan import methods
from ccfpse_tf.gan.build import build_model, build_uncompiled_model
from ccfpse_tf.gan.trainable_model import TrainableModel
from ccfpse_tf.models.perceptual.loss import PerceptualLoss

PERCEPTUAL = "vgg19-mean-pooling"


def model_of(method: str, network: models.Network, trained: bool) -> TrainableModel:
    """A compiled model of a method.

    Methods with a discriminator have no perceptual loss; the others have theirs, with
    random weights, on which the time of a step does not depend.

    Args:
        method: a key of :data:`ccfpse_tf.gan.methods.METHODS`.
        network: its sizes; the style code's length is the method's own.
        trained: False for a model that only draws: its discriminator is small, and it
            has no moments of Adam.
    """
    height, width = network.image_size
    ndf = network.ndf if trained else models.SIDE_WIDTH
    settings = [
        f"data.image_size={height}x{width}",
        f"generator.ngf={network.ngf}",
        f"generator.hidden={network.hidden}",
        f"generator.depth={network.depth}",
        f"discriminator.ndf={ndf}",
    ]
    config = override(Config(name=method), [*methods.settings(method), *settings])
    data = SimpleNamespace(label_channels=network.label_channels, instances=True)
    if not trained:
        return build_uncompiled_model(config, data)
    model = build_model(config, data, steps_per_epoch=1, training=False)
    if model.discriminator is None:
        model.perceptual_loss = _perceptual_loss()
    return model


def _perceptual_loss():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vgg19.weights.h5"
        keras.applications.VGG19(include_top=False, weights=None).save_weights(path)
        return PerceptualLoss(PERCEPTUAL, str(path))


def batch(network: models.Network) -> dict[str, np.ndarray]:
    """One random image with square segments, and a canvas for SIMS."""
    one = models.batch(network)
    canvas = np.random.default_rng(1).uniform(size=one["image"].shape)
    return one | {
        "canvas": canvas.astype(np.float32),
        "mask": np.ones(canvas.shape[:3], np.float32),
        "canvas_label": one["label"],
    }


def synthesis(model: TrainableModel, network: models.Network):
    """A call without arguments that makes one image."""
    one = batch(network)
    if hasattr(model, "fill_layouts_with"):
        canvas = one["canvas"], one["mask"], one["canvas_label"]
        model.fill_layouts_with(lambda label: canvas)
    label, instance = tf.constant(one["label"]), tf.constant(one["instance"])
    return lambda: model.synthesize(label, instance)


def training_step(model: TrainableModel, network: models.Network):
    """A call without arguments that makes one training step."""
    one = batch(network)
    return lambda: model.train_on_batch(one)
