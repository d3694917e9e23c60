"""The discriminators that methods train against, and the losses that fit them.

``discriminator.architecture`` names one. Commands read this before TensorFlow is
loaded: the functions import the networks when they are called.
"""

import dataclasses
from collections.abc import Callable, Mapping

from ccfpse_tf.config import Config


@dataclasses.dataclass(frozen=True)
class Adversary:
    """A discriminator, and the losses that fit what it returns.

    Attributes:
        network: ``(config, semantic_channels)`` to a
            :class:`ccfpse_tf.models.discriminators.discriminator.Discriminator`.
        losses: returns its :class:`ccfpse_tf.gan.losses.AdversarialLosses`; None
            where there is no discriminator.
        problems: takes a config and returns why it cannot be trained with this
            discriminator, at most one sentence for each key ("height", "width", ...).
        reads: the keys of a config that only training with it reads.
    """

    network: Callable
    losses: Callable
    problems: Callable[[Config], Mapping[str, str]]
    reads: tuple[str, ...] = (
        *("discriminator.ndf", "optimizers.discriminator_lr"),
        *("losses.gan_mode", "losses.feature_matching", "losses.imitation"),
        "step.discriminator_fake",
    )


def edges(config: Config):
    """Pairs of an edge's name and its length, of the images of a config."""
    return zip(("height", "width"), config.data.image_size, strict=True)


def _fpse(config, semantic_channels):
    from ccfpse_tf.models.discriminators.fpse import FPSEDiscriminator

    ndf = config.discriminator.ndf
    return FPSEDiscriminator(semantic_channels, ndf, dtype=config.step.precision)


def _fpse_frozen(config, semantic_channels):
    from ccfpse_tf.models.discriminators.fpse_frozen import FrozenFPSEDiscriminator

    return FrozenFPSEDiscriminator(
        semantic_channels,
        config.discriminator.ndf,
        config.discriminator.backbone_weights,
        dtype=config.step.precision,
    )


def _fpse_plain(config, semantic_channels):
    from ccfpse_tf.models.discriminators.fpse_plain import PlainFPSEDiscriminator

    ndf = config.discriminator.ndf
    return PlainFPSEDiscriminator(semantic_channels, ndf, dtype=config.step.precision)


def _multiscale(config, semantic_channels):
    from ccfpse_tf.models.discriminators.multiscale import (
        FORMS,
        MultiscaleDiscriminator,
    )

    chosen = config.discriminator
    [form] = [form for form, name in FORMS.items() if name == chosen.architecture]
    return MultiscaleDiscriminator(
        semantic_channels,
        chosen.ndf,
        chosen.scales,
        form,
        dtype=config.step.precision,
    )


def _multiscale_losses():
    from ccfpse_tf.gan.losses import MEAN_OVER_SCALES

    return MEAN_OVER_SCALES


def _pix2pixhd_losses():
    from ccfpse_tf.gan.losses import SUM_OVER_SCALES

    return SUM_OVER_SCALES


def _multiscale_problems(config):
    scales = config.discriminator.scales
    return {
        edge: f"data.image_size has {edge} {length}; discriminator.scales={scales} "
        f"needs {2**scales} or more"
        for edge, length in edges(config)
        if length < 2**scales
    }


def _fpse_losses():
    from ccfpse_tf.gan.losses import MEAN_OVER_LEVELS

    return MEAN_OVER_LEVELS


def _fpse_problems(config):
    return {
        edge: f"data.image_size has {edge} {length}; the discriminator needs a "
        "multiple of 32 above 32, such as 64"
        for edge, length in edges(config)
        if length % 32 or length <= 32
    }


FPSE = Adversary(network=_fpse, losses=_fpse_losses, problems=_fpse_problems)
MULTISCALE = Adversary(
    network=_multiscale,
    losses=_multiscale_losses,
    problems=_multiscale_problems,
    reads=(*Adversary.reads, "discriminator.scales"),
)
# Of all generators.
ADVERSARIES = {
    "fpse": FPSE,
    "fpse_frozen": dataclasses.replace(
        FPSE,
        network=_fpse_frozen,
        reads=(*Adversary.reads, "discriminator.backbone_weights"),
    ),
    "fpse_plain": dataclasses.replace(FPSE, network=_fpse_plain),
    "multiscale": MULTISCALE,
    "multiscale_pix2pixhd": dataclasses.replace(MULTISCALE, losses=_pix2pixhd_losses),
}

# Of methods that are trained without a discriminator.
NO_ADVERSARY: dict[str, Adversary] = {
    "none": Adversary(
        network=lambda config, semantic_channels: None,
        losses=lambda: None,
        problems=lambda config: {},
        reads=(),
    )
}
