"""pix2pixHD's row in the table of methods; see :mod:`ccfpse_tf.gan.methods`."""

import dataclasses

from ccfpse_tf.gan.adversaries import ADVERSARIES, edges
from ccfpse_tf.gan.method import Method, adams

ENCODER_WIDTH = 16  # of the feature encoder, where the config names none


def is_pix2pixhd(config) -> bool:
    """True if the generator of a config is one of pix2pixHD's."""
    return config.generator.architecture in ("pix2pixhd", "pix2pixhd_local")


def _model():
    from ccfpse_tf.gan.pix2pixhd import Pix2PixHD

    return Pix2PixHD


def _enhancers(config):
    chosen = config.generator
    return chosen.enhancers if chosen.architecture == "pix2pixhd_local" else 0


def _generator(config, semantic_channels):
    from ccfpse_tf.models.generators.pix2pixhd import Pix2PixHDGenerator

    chosen = config.generator
    return Pix2PixHDGenerator(
        semantic_channels,
        config.data.image_size,
        ngf=chosen.ngf // 2 ** _enhancers(config),
        depth=chosen.downsamplings,
        blocks=chosen.blocks,
        enhancers=_enhancers(config),
        enhancer_blocks=chosen.enhancer_blocks,
        features=chosen.instance_features,
        feature_pooling=chosen.pool_features,
        feature_seed=config.data.seed,
        dtype=config.step.precision,
    )


def _encoder(config):
    from ccfpse_tf.models.instance_features import InstanceFeatureEncoder

    chosen = config.generator
    if not chosen.instance_features:
        return None
    return InstanceFeatureEncoder(
        chosen.instance_features,
        chosen.encoder_ngf or ENCODER_WIDTH,
        chosen.downsamplings,
        chosen.pool_features,
        dtype=config.step.precision,
    )


def _optimizers(config, steps_per_epoch):
    return adams(config, steps_per_epoch, _fixed_epochs(config) * steps_per_epoch)


def _fixed_epochs(config):
    return config.schedule.fix_global_epochs


def _problems(config):
    chosen, fixed = config.generator, _fixed_epochs(config)
    problems, share = _size_problems(config), 2 ** _enhancers(config)
    if chosen.ngf % share:
        problems["ngf"] = (
            f"generator.ngf is {chosen.ngf}; the outermost enhancer has 1/{share} of "
            f"it, so with generator.enhancers={chosen.enhancers} it must be a multiple "
            f"of {share}"
        )
    if fixed and not _enhancers(config):
        problems["fixed"] = (
            f"schedule.fix_global_epochs is {fixed}; only "
            "generator.architecture=pix2pixhd_local has an enhancer to train alone; "
            "set it to 0"
        )
    elif fixed and fixed >= config.schedule.epochs:
        problems["fixed"] = (
            f"schedule.fix_global_epochs is {fixed}, of {config.schedule.epochs} "
            "epochs at constant rates; everything has to be trained before they fall"
        )
    if chosen.instance_features and config.step.jit_compile:
        problems["features"] = (
            "step.jit_compile: XLA cannot count the instances of an image; set it to "
            "false, or generator.instance_features=0"
        )
    return problems


def _size_problems(config):
    halvings = config.generator.downsamplings + _enhancers(config)
    stride = 2**halvings
    return {
        edge: f"data.image_size has {edge} {length}; {halvings} halvings, after which "
        f"borders are reflected, need a multiple of {stride} of {2 * stride} or more, "
        f"such as {max(2, round(length / stride)) * stride}"
        for edge, length in edges(config)
        if length % stride or length < 2 * stride
    }


def _summary(config):
    chosen, enhancers = config.generator, _enhancers(config)
    words = [
        f"ngf {chosen.ngf}",
        f"{chosen.downsamplings} downsamplings",
        f"{chosen.blocks} blocks",
    ]
    if enhancers:
        words.append(f"{enhancers} enhancer" + "s" * (enhancers > 1))
    if chosen.instance_features:
        words.append(f"{chosen.instance_features} instance features")
    return ", ".join(words)


def _needs_instances(config):
    chosen = config.generator
    return chosen.instance_features > 0 and chosen.pool_features == "instance"


PIX2PIXHD = Method(
    title="pix2pixHD",
    logged=(
        "generator_loss",
        "gan",
        "feature_matching",
        "perceptual",
        "discriminator_loss",
        "d_fake",
        "d_real",
    ),
    model=_model,
    generator=_generator,
    encoder=_encoder,
    adversaries=ADVERSARIES,
    optimizers=_optimizers,
    problems=_problems,
    z_dim=lambda config: 0,
    summary=_summary,
    reads=(
        *("generator.downsamplings", "generator.blocks", "generator.encoder_ngf"),
        *("generator.instance_features", "generator.pool_features"),
    ),
    defaults=(
        *("discriminator.architecture=multiscale_pix2pixhd", "discriminator.scales=2"),
        *("losses.gan_mode=least_squares", "losses.feature_matching=10"),
        *("losses.perceptual=10", "step.discriminator_fake=reuse"),
        *("optimizers.generator_lr=2e-4", "optimizers.discriminator_lr=2e-4"),
        *("optimizers.beta_1=0.5", "optimizers.beta_2=0.999"),
    ),
    needs_instances=_needs_instances,
)

LOCAL = dataclasses.replace(
    PIX2PIXHD,
    title="pix2pixHD with local enhancers",
    reads=(
        *PIX2PIXHD.reads,
        *("generator.enhancers", "generator.enhancer_blocks"),
        "schedule.fix_global_epochs",
    ),
    defaults=(
        *PIX2PIXHD.defaults,
        "discriminator.scales=3",
    ),
)
