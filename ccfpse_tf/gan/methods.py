"""The table of methods: the networks, losses and optimisers that a config trains.

``generator.architecture`` chooses a row of :data:`METHODS`, and
``discriminator.architecture`` one of that row's discriminators, which are in
:mod:`ccfpse_tf.gan.adversaries`. A new method is a new row, and one file in
:mod:`ccfpse_tf.models` for each new network.

Commands read the table before TensorFlow is loaded: the functions of a row import the
networks when they are called.
"""

import dataclasses

from ccfpse_tf.config import Config, derive
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan.adversaries import ADVERSARIES, edges
from ccfpse_tf.gan.method import Method, adams
from ccfpse_tf.gan.pix2pixhd_method import LOCAL, PIX2PIXHD
from ccfpse_tf.gan.refinement_method import CRN, SIMS


def method_of(config: Config) -> Method:
    """Returns the row that ``generator.architecture`` names."""
    return METHODS[config.generator.architecture]


def settings(name: str) -> list[str]:
    """Returns what `train --method NAME` sets, as texts for ``config.override``."""
    return [f"generator.architecture={name}", *METHODS[name].defaults]


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
        f"{config.generator.architecture!r} is trained with: {wanted}; choose such a "
        "value, or another generator.architecture"
    }


def _ccfpse_model():
    from ccfpse_tf.gan.ccfpse import CCFPSE

    return CCFPSE


def _adversarial_model():
    from ccfpse_tf.gan.adversarial_model import AdversarialModel

    return AdversarialModel


def _ccfpse_generator(config, semantic_channels):
    from ccfpse_tf.models.generators.ccfpse import Generator

    return Generator(
        semantic_channels,
        **_shape(config),
        recompute_kernels=config.step.recompute_kernels,
        pyramid=config.generator.pyramid,
    )


def _spade_generator(config, semantic_channels):
    from ccfpse_tf.models.generators.spade import SpadeGenerator

    recompute = config.step.recompute_kernels
    return SpadeGenerator(semantic_channels, **_shape(config), recompute=recompute)


def _compact_generator(config, semantic_channels):
    from ccfpse_tf.models.generators.ccfpse_compact import CompactGenerator

    mixed = config.generator.mixed
    return CompactGenerator(semantic_channels, **_shape(config), mixed=mixed)


def _shape(config):
    """The arguments that all these generators take."""
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
    return _one_size_problems(config) | _depth_problems(config)


def _compact_problems(config):
    return _size_problems(config) | _depth_problems(config) | _pyramid_problems(config)


def _spade_problems(config):
    return _one_size_problems(config) | _pyramid_problems(config)


def _pyramid_problems(config):
    if config.generator.pyramid:
        return {}
    return {
        "pyramid": "generator.pyramid is false, which is for "
        f"generator.architecture=ccfpse; with {config.generator.architecture!r} leave "
        "it true"
    }


def _depth_problems(config):
    if config.generator.depth < 7:
        return {}
    return {
        "depth": "generator.depth is 7, which only generator.architecture=spade can "
        f"be; with {config.generator.architecture!r} it is 5 or 6"
    }


def _one_size_problems(config):
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
        for edge, length in edges(config)
        if length < stride or length % stride
    }


def _style_encoder(config):
    from ccfpse_tf.models.style_encoder import StyleEncoder

    chosen = config.generator
    if not chosen.z_dim:
        return None
    width = chosen.encoder_ngf or chosen.ngf
    return StyleEncoder(width, chosen.z_dim, dtype=config.step.precision)


# What _shape, the style encoder and its loss read.
_SHAPE = (
    *("generator.depth", "generator.hidden", "generator.z_dim"),
    *("generator.encoder_ngf", "losses.kl"),
)

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
    adversaries=ADVERSARIES,
    optimizers=adams,
    problems=_ccfpse_problems,
    z_dim=lambda config: config.generator.z_dim,
    summary=lambda config: (
        f"ngf {config.generator.ngf}, depth {config.generator.depth}"
    ),
    reads=(*_SHAPE, "generator.pyramid", "step.recompute_kernels"),
    defaults=(
        *("discriminator.architecture=fpse", "losses.feature_matching=20"),
        "losses.kl=0.1",
    ),
)

COMPACT = dataclasses.replace(
    CC_FPSE,
    title="compact CC-FPSE",
    generator=_compact_generator,
    problems=_compact_problems,
    summary=lambda config: (
        f"ngf {config.generator.ngf}, depth {config.generator.depth}, "
        f"{config.generator.mixed} kernels mixed"
    ),
    reads=(*_SHAPE, "generator.mixed"),
    defaults=("losses.feature_matching=20", "losses.kl=0.1"),
)

SPADE = dataclasses.replace(
    CC_FPSE,
    title="SPADE",
    model=_adversarial_model,
    generator=_spade_generator,
    problems=_spade_problems,
    reads=(*_SHAPE, "step.recompute_kernels"),
    defaults=(
        # Without style code, as in the paper's table. With one, its KL weight of 0.05
        # is of a sum over the images of a GPU: 0.1 is that of two, as CC-FPSE's.
        *("generator.z_dim=0", "losses.kl=0.1"),
        *("discriminator.architecture=multiscale", "losses.feature_matching=10"),
    ),
)

METHODS = {
    "ccfpse": CC_FPSE,
    "ccfpse_compact": COMPACT,
    "spade": SPADE,
    "pix2pixhd": PIX2PIXHD,
    "pix2pixhd_local": LOCAL,
    "crn": CRN,
    "sims": SIMS,
}
