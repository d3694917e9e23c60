"""The table of methods: the networks, losses and optimisers that a config trains.

``generator.architecture`` chooses a row of :data:`METHODS`, and
``discriminator.architecture`` one of that row's discriminators. A new method is a new
row, and one file in :mod:`ccfpse_tf.models` for each new network.

Commands read the table before TensorFlow is loaded: the functions of a row import the
networks when they are called.
"""

import dataclasses
from collections.abc import Callable, Mapping

from ccfpse_tf.config import Config, derive
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan import refinement_methods as refinement


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
    """

    network: Callable
    losses: Callable
    problems: Callable[[Config], Mapping[str, str]]


def _adversarial_options(config):
    losses = config.losses
    return {
        "gan_mode": losses.gan_mode,
        "loss_weights": {
            "feature_matching": losses.feature_matching,
            "perceptual": losses.perceptual,
            "kl": losses.kl,
            "imitation": losses.imitation,
        },
        "discriminator_fake": config.step.discriminator_fake,
    }


@dataclasses.dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes:
        title: the name of the method, for people.
        logged: the losses that a step logs, in this order. "perceptual" is missing
            where ``losses.perceptual_network`` is off, and "kl" where there is no style
            code.
        model: returns the class of the trained model, a
            :class:`ccfpse_tf.gan.trainable_model.TrainableModel`.
        generator: ``(config, semantic_channels)`` to the generator, a Keras model that
            is called with semantics and, if ``z_dim`` is not 0, a style code. It has
            the attributes ``architecture``, ``semantic_channels``, ``image_size``,
            ``stride`` (both edges of an image are multiples of it), ``any_size`` (False
            if it draws images of ``image_size`` only) and ``z_dim``.
        encoder: takes a config and returns the style encoder, or None without style.
        adversaries: the discriminators that it can be trained with, by
            ``discriminator.architecture``; ``{"none": NO_ADVERSARY}`` where it is
            trained without.
        optimizers: ``(config, steps_per_epoch)`` to the optimisers of generator and
            discriminator.
        problems: as :attr:`Adversary.problems`, of the generator. Where both name
            the same key, this sentence is shown.
        z_dim: takes a config and returns the length of the style code, 0 if none.
        summary: takes a config and returns a few words about its generator.
        compile_options: takes a config and returns what the model's ``compile`` takes
            beside optimisers, perceptual loss and ``jit_compile``.
        edges: False where the networks see classes alone, without the edges of
            instances.
        bank: True where layouts are filled from a memory bank, see
            :mod:`ccfpse_tf.data.segments`.
    """

    title: str
    logged: tuple[str, ...]
    model: Callable
    generator: Callable
    encoder: Callable
    adversaries: Mapping[str, Adversary]
    optimizers: Callable
    problems: Callable[[Config], Mapping[str, str]]
    z_dim: Callable[[Config], int]
    summary: Callable[[Config], str]
    compile_options: Callable[[Config], dict] = _adversarial_options
    edges: bool = True
    bank: bool = False


def method_of(config: Config) -> Method:
    """Returns the row that ``generator.architecture`` names."""
    return METHODS[config.generator.architecture]


def check(config: Config) -> Method:
    """Returns the row of a config that its networks can be built from.

    Raises:
        InputError: listing everything that does not fit the networks.
    """
    method, found = method_of(config), _problems(config)
    if not found and config.schedule.small_epochs:
        half = [edge // 2 for edge in config.data.image_size]
        small = derive(config, data={"image_size": tuple(half)})
        found = {
            key: f"schedule.small_epochs trains at half the size: {text}"
            for key, text in _problems(small).items()
        }
    if found:
        listed = "\n  ".join(found[key] for key in sorted(found))
        raise InputError(f"the config cannot be used:\n  {listed}")
    return method


def _problems(config):
    method, asked = method_of(config), config.discriminator.architecture
    if asked in method.adversaries:
        return method.adversaries[asked].problems(config) | method.problems(config)
    wanted = ", ".join(method.adversaries)
    return method.problems(config) | {
        "pair": f"discriminator.architecture is {asked!r}; the generator "
        f"{config.generator.architecture!r} is trained with: {wanted}"
    }


def _ccfpse_model():
    from ccfpse_tf.gan.ccfpse import CCFPSE

    return CCFPSE


def _ccfpse_generator(config, semantic_channels):
    from ccfpse_tf.models.generators.ccfpse import Generator

    return Generator(
        semantic_channels,
        **_shape(config),
        recompute_kernels=config.step.recompute_kernels,
    )


def _compact_generator(config, semantic_channels):
    from ccfpse_tf.models.generators.ccfpse_compact import CompactGenerator

    mixed = config.generator.mixed
    return CompactGenerator(semantic_channels, **_shape(config), mixed=mixed)


def _shape(config):
    """The arguments that both generators take."""
    chosen = config.generator
    return {
        "image_size": config.data.image_size,
        "ngf": chosen.ngf,
        "depth": chosen.depth,
        "z_dim": chosen.z_dim,
        "hidden": chosen.hidden,
        "dtype": config.step.precision,
    }


def _ccfpse_problems(config):
    problems = _size_problems(config)
    if config.schedule.small_epochs and config.generator.z_dim:
        problems["small"] = (
            "schedule.small_epochs: a generator of this architecture with style code "
            "draws one size only; set it to 0, generator.z_dim=0 or "
            "generator.architecture=ccfpse_compact"
        )
    return problems


def _size_problems(config):
    depth = config.generator.depth
    stride = 2**depth
    return {
        edge: f"data.image_size has {edge} {length}, which is not a multiple of "
        f"{stride} = 2**{depth} as generator.depth needs; the nearest is "
        f"{max(64, round(length / stride) * stride)}"
        for edge, length in _edges(config)
        if length < stride or length % stride
    }


def _style_encoder(config):
    from ccfpse_tf.models.style_encoder import StyleEncoder

    chosen = config.generator
    if not chosen.z_dim:
        return None
    width = chosen.encoder_ngf or chosen.ngf
    return StyleEncoder(width, chosen.z_dim, dtype=config.step.precision)


def _adams(config, steps_per_epoch):
    from ccfpse_tf.gan.optimizers import Adam
    from ccfpse_tf.gan.schedules import LinearDecay

    schedule, adam = config.schedule, config.optimizers
    epochs = schedule.epochs, schedule.decay_epochs
    return tuple(
        Adam(
            LinearDecay(rate, *epochs, steps_per_epoch),
            adam.beta_1,
            adam.beta_2,
            adam.epsilon,
        )
        for rate in (adam.generator_lr, adam.discriminator_lr)
    )


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


def _fpse_losses():
    from ccfpse_tf.gan.losses import MEAN_OVER_LEVELS

    return MEAN_OVER_LEVELS


def _fpse_problems(config):
    return {
        edge: f"data.image_size has {edge} {length}; the discriminator needs a "
        "multiple of 32 above 32, such as 64"
        for edge, length in _edges(config)
        if length % 32 or length <= 32
    }


def _edges(config):
    return zip(("height", "width"), config.data.image_size, strict=True)


FPSE = Adversary(network=_fpse, losses=_fpse_losses, problems=_fpse_problems)
FPSE_FROZEN = dataclasses.replace(FPSE, network=_fpse_frozen)

CC_FPSE = Method(
    title="CC-FPSE",
    logged=(
        "generator_loss",
        "gan",
        "feature_matching",
        "perceptual",
        "kl",
        "discriminator_loss",
        "d_fake",
        "d_real",
    ),
    model=_ccfpse_model,
    generator=_ccfpse_generator,
    encoder=_style_encoder,
    adversaries={"fpse": FPSE, "fpse_frozen": FPSE_FROZEN},
    optimizers=_adams,
    problems=_ccfpse_problems,
    z_dim=lambda config: config.generator.z_dim,
    summary=lambda config: (
        f"ngf {config.generator.ngf}, depth {config.generator.depth}"
    ),
)

COMPACT = dataclasses.replace(
    CC_FPSE,
    title="compact CC-FPSE",
    generator=_compact_generator,
    problems=_size_problems,
    summary=lambda config: (
        f"ngf {config.generator.ngf}, depth {config.generator.depth}, "
        f"{config.generator.mixed} kernels mixed"
    ),
)

NO_ADVERSARY = Adversary(
    network=lambda config, semantic_channels: None,
    losses=lambda: None,
    problems=lambda config: {},
)

CRN = Method(
    title="CRN",
    logged=("generator_loss", "perceptual"),
    model=refinement.crn_model,
    generator=refinement.crn_generator,
    encoder=lambda config: None,
    adversaries={"none": NO_ADVERSARY},
    optimizers=refinement.keras_adam,
    problems=refinement.crn_problems,
    z_dim=lambda config: 0,
    summary=lambda config: (
        f"ngf {config.generator.ngf}, images at once: {config.generator.images}"
    ),
    compile_options=lambda config: {
        "loss_weights": {"perceptual": config.losses.perceptual}
    },
    edges=False,
)

SIMS = dataclasses.replace(
    CRN,
    title="SIMS",
    logged=("generator_loss", "perceptual", "semantic"),
    model=refinement.sims_model,
    generator=refinement.sims_generator,
    problems=refinement.sims_problems,
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
)

METHODS = {
    "ccfpse": CC_FPSE,
    "ccfpse_compact": COMPACT,
    "crn": CRN,
    "sims": SIMS,
}
