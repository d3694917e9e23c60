"""The models and inputs that are timed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmarks.cpu import tf
from ccfpse_tf import (
    CCFPSE,
    FPSEDiscriminator,
    Generator,
    LayoutEncoding,
    StyleEncoder,
)
from ccfpse_tf.gan.synthesizer import Synthesizer

_SEGMENT = 32  # pixels along the edge of a drawn segment
SIDE_WIDTH = 4  # of the networks that inference does not use


@dataclass(frozen=True)
class Network:
    """Sizes of a model with style code and instances; the default is COCO-Stuff's.

    `label_channels` include the don't-care index; `image_size` is (height, width).
    """

    label_channels: int = 183
    image_size: tuple[int, int] = (256, 256)
    ngf: int = 64
    ndf: int = 64
    hidden: int = 128
    z_dim: int = 256
    depth: int = 5


def model_to_synthesize(network: Network) -> CCFPSE:
    """A model whose generator alone has full size; the rest does not run."""
    return _model(network, SIDE_WIDTH, SIDE_WIDTH)


def model_to_train(
    network: Network,
    recompute_kernels: bool = False,
    discriminator_fake: str = "regenerate",
) -> CCFPSE:
    """A compiled model without perceptual loss."""
    options = {"recompute_kernels": recompute_kernels}
    model = _model(network, network.ndf, network.ngf, **options)
    model.compile(discriminator_fake=discriminator_fake)
    return model


def _model(network, ndf, encoder_width, **options) -> CCFPSE:
    layout = LayoutEncoding(network.label_channels, instances=True)
    channels = layout.semantic_channels
    generator = Generator(
        channels,
        network.image_size,
        ngf=network.ngf,
        depth=network.depth,
        z_dim=network.z_dim,
        hidden=network.hidden,
        **options,
    )
    return CCFPSE(
        layout,
        generator,
        FPSEDiscriminator(channels, ndf=ndf),
        StyleEncoder(encoder_width, network.z_dim),
    )


def batch(network: Network, images: int = 1) -> dict[str, np.ndarray]:
    """Random images with square segments, as the data pipeline gives them."""
    random = np.random.default_rng(0)
    height, width = network.image_size
    small = (images, -(-height // _SEGMENT), -(-width // _SEGMENT))

    def enlarged(values):
        large = values.repeat(_SEGMENT, 1).repeat(_SEGMENT, 2)
        return np.ascontiguousarray(large[:, :height, :width], np.int32)

    return {
        "image": random.uniform(-1, 1, (images, height, width, 3)).astype(np.float32),
        "label": enlarged(random.integers(0, network.label_channels, small)),
        "instance": enlarged(np.arange(math.prod(small)).reshape(small)),
    }


def style_code(network: Network) -> tf.Tensor:
    """One random style code, ``(1, z_dim)``."""
    return tf.random.stateless_normal((1, network.z_dim), (0, 0))


def synthesis(model: CCFPSE, network: Network):
    """A call without arguments that makes one image."""
    one = batch(network)
    label, instance = tf.constant(one["label"]), tf.constant(one["instance"])
    z = style_code(network)
    return lambda: model.synthesize(label, instance, z)


def training_step(model: CCFPSE, network: Network, images: int = 1):
    """A call without arguments that makes one training step."""
    data = batch(network, images)
    return lambda: model.train_on_batch(data)


def weight_bytes(network: Network) -> int:
    """Bytes of the generator's weights in float32."""
    layout = LayoutEncoding(network.label_channels, instances=True)
    generator = Generator(
        layout.semantic_channels,
        network.image_size,
        ngf=network.ngf,
        depth=network.depth,
        z_dim=network.z_dim,
        hidden=network.hidden,
    )
    generator.build()
    return _bytes(generator)


def needed_for(task: str, model: Synthesizer) -> int:
    """Bytes that no implementation can do without, in float32.

    Args:
        task: "inference" (the generator's weights) or "training" (all weights, their
            gradients and the two moments of Adam).
        model: the model.
    """
    if task == "inference":
        return _bytes(model.generator)
    trained = model.generator, model.discriminator, model.encoder
    return 4 * _bytes(*(part for part in trained if part is not None))


def _bytes(*parts):
    return 4 * sum(math.prod(w.shape) for part in parts for w in part.weights)
