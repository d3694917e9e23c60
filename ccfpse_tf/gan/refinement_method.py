"""The rows of CRN and SIMS in the table of methods; see :mod:`ccfpse_tf.gan.methods`.

Neither has a discriminator.
"""

import dataclasses

from ccfpse_tf.gan.adversaries import NO_ADVERSARY, edges
from ccfpse_tf.gan.method import Method


def _crn_model():
    from ccfpse_tf.gan.crn import CRN

    return CRN


def _crn_generator(config, semantic_channels):
    from ccfpse_tf.models.generators.crn import CRNGenerator, widths_of

    size, chosen = config.data.image_size, config.generator
    return CRNGenerator(
        semantic_channels,
        size,
        widths_of(size, chosen.ngf),
        chosen.images,
        dtype=config.step.precision,
    )


def _crn_problems(config):
    # As ccfpse_tf.models.generators.crn has it, which loads TensorFlow.
    shorter = min(config.data.image_size)
    stride = 2 ** max(0, (shorter // 4).bit_length() - 1)
    problems = {
        edge: f"data.image_size has {edge} {length}, which the architecture crn halves "
        f"until the shorter edge has 4 to 7 pixels, so it needs a multiple of {stride} "
        f"of at least 4; the nearest is {max(4, round(length / stride) * stride)}"
        for edge, length in edges(config)
        if length % stride or length < 4
    }
    return problems | _one_player_problems(config)


def _sims_model():
    from ccfpse_tf.gan.sims import SIMS

    return SIMS


def _sims_generator(config, semantic_channels):
    from ccfpse_tf.models.generators.sims import RefinementNetwork, widths_of

    chosen = config.generator
    return RefinementNetwork(
        semantic_channels,
        config.data.image_size,
        widths_of(chosen.ngf),
        chosen.fine,
        dtype=config.step.precision,
    )


def _sims_problems(config):
    stride = 128 if config.generator.fine else 64
    problems = {
        edge: f"data.image_size has {edge} {length}; the architecture sims needs a "
        f"multiple of {stride}; the nearest is "
        f"{max(stride, round(length / stride) * stride)}"
        for edge, length in edges(config)
        if length < stride or length % stride
    }
    if config.data.half_scale:
        problems["half"] = (
            f"data.half_scale is {config.data.half_scale}; sims is trained on whole "
            "images, as segments keep their places: set it to 0"
        )
    return problems | _one_player_problems(config)


def _one_player_problems(config):
    """Of methods that are trained by a perceptual loss alone."""
    name, problems = config.generator.architecture, {}
    if config.losses.perceptual_network == "off":
        problems["loss"] = (
            f"losses.perceptual_network is off; {name} is trained by that loss, so "
            "choose vgg19-mean-pooling or another network"
        )
    if config.schedule.small_epochs:
        problems["small"] = (
            f"schedule.small_epochs is {config.schedule.small_epochs}; {name} "
            "normalises over whole images, so it is trained at one size: set it to 0"
        )
    return problems


def _tensorflow_adam(config, steps_per_epoch):
    """Adam in Keras's form, which adds epsilon to the uncorrected root."""
    from ccfpse_tf.gan.optimizers import TensorFlowAdam
    from ccfpse_tf.gan.schedules import LinearDecay

    schedule, adam = config.schedule, config.optimizers
    epochs = schedule.epochs, schedule.decay_epochs
    rate = LinearDecay(adam.generator_lr, *epochs, steps_per_epoch)
    return [TensorFlowAdam(rate, adam.beta_1, adam.beta_2, adam.epsilon)]


CRN = Method(
    title="CRN",
    logged=("generator_loss", "perceptual"),
    model=_crn_model,
    generator=_crn_generator,
    encoder=lambda config: None,
    adversaries=NO_ADVERSARY,
    optimizers=_tensorflow_adam,
    problems=_crn_problems,
    z_dim=lambda config: 0,
    summary=lambda config: (
        f"ngf {config.generator.ngf}, images at once: {config.generator.images}"
    ),
    compile_options=lambda config: {
        "loss_weights": {"perceptual": config.losses.perceptual}
    },
    edges=False,
    reads=("generator.images",),
    defaults=(
        *("discriminator.architecture=none", "losses.perceptual=1"),
        "losses.perceptual_network=vgg19-mean-pooling",
        *("optimizers.beta_1=0.9", "optimizers.beta_2=0.999"),
    ),
)

SIMS = dataclasses.replace(
    CRN,
    title="SIMS",
    logged=("generator_loss", "perceptual", "semantic"),
    model=_sims_model,
    generator=_sims_generator,
    problems=_sims_problems,
    summary=lambda config: (
        f"ngf {config.generator.ngf}" + ", fine" * config.generator.fine
    ),
    compile_options=lambda config: {
        "loss_weights": {
            "perceptual": config.losses.perceptual,
            "semantic": config.losses.semantic,
        }
    },
    bank=True,
    reads=("generator.fine", "losses.semantic", "data.bank"),
)
