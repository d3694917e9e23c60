"""A bound on the memory of a training step, without a measurement."""

import math

from ccfpse_tf.config import Config
from ccfpse_tf.training.step_costs import Place


def rough_bound(config: Config, place: Place) -> float:
    """Returns bytes that steps do not take, of each GPU's memory or of the machine's.

    It is not a proof, but far above what was measured: in small networks 1.8 times as
    high with one image and 2.3 times with four (docs/training.md). Full-size CC-FPSE
    with EfficientNet-Lite0 takes 5.4 GB for one image of 256x256, and the bound is
    21.5 GB. On a CPU it begins at 3 GB, as TensorFlow and a step's graph alone were
    measured to take 2.
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
