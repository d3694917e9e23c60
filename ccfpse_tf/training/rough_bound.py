"""A bound on the memory of a training step, without a measurement."""

import math

from ccfpse_tf.config import Config
from ccfpse_tf.training.step_costs import Place


def rough_bound(config: Config, place: Place) -> float:
    """Returns bytes that steps do not take, of each GPU's memory or of the machine's.

    A guess on the safe side, not a proof: one 256x256 image of the full CC-FPSE gives
    16 GB, and its step was measured to take 4.4 GB (docs/performance.md). Other methods
    were not measured.
    """
    generator, discriminator = config.generator, config.discriminator
    width = generator.ngf + discriminator.ndf + generator.hidden / 8
    if config.losses.perceptual_network != "off":
        width += 64
    squares = (
        generator.ngf**2 + discriminator.ndf**2 + (generator.encoder_ngf or 0) ** 2
    )
    # Weights, gradients and moments, which deeper networks and predictors add to.
    weights = 6e5 * squares * max(1, generator.hidden / 128, generator.blocks / 9)
    weights *= 4 ** max(0, generator.downsamplings - 4)
    images = config.data.batch_size / place.total * generator.images
    one = weights + images * math.prod(config.data.image_size) * width * 1e3
    return 0.5e9 + one if place.gpus else 3e9 + place.replicas * one
