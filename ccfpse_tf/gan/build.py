"""From a config and a data set's description to a compiled model."""

from ccfpse_tf.gan.model import CCFPSE
from ccfpse_tf.gan.optimizers import Adam
from ccfpse_tf.gan.schedules import LinearDecay
from ccfpse_tf.layers.layout import LayoutEncoding
from ccfpse_tf.models.discriminators.fpse import FPSEDiscriminator
from ccfpse_tf.models.generators.ccfpse import Generator
from ccfpse_tf.models.perceptual import PerceptualLoss
from ccfpse_tf.models.style_encoder import StyleEncoder


def build_model(config, description, steps_per_epoch: int) -> CCFPSE:
    """Makes the compiled model that a configuration describes.

    The perceptual network computes in float32 whatever the precision of the others.

    Args:
        config: a :class:`ccfpse_tf.config.schema.Config`.
        description: the records' description (``label_channels`` and ``instances``).
        steps_per_epoch: for the learning-rate schedules.
    """
    generator, losses_, step = config.generator, config.losses, config.step
    part = {"dtype": step.precision}
    layout = LayoutEncoding(description.label_channels, description.instances, **part)
    channels = layout.semantic_channels
    z_dim = generator.z_dim
    model = CCFPSE(
        layout,
        Generator(
            channels,
            config.data.image_size,
            ngf=generator.ngf,
            depth=generator.depth,
            z_dim=z_dim,
            hidden=generator.hidden,
            recompute_kernels=step.recompute_kernels,
            **part,
        ),
        FPSEDiscriminator(channels, ndf=config.discriminator.ndf, **part),
        StyleEncoder(generator.ngf, z_dim, **part) if z_dim else None,
        seed=config.data.seed,
        average_decay=generator.average_decay,
        **part,
    )
    perceptual = None
    if losses_.vgg != "off":
        perceptual = PerceptualLoss(losses_.vgg, losses_.vgg_weights)
    model.compile(
        _optimizer(config, config.optimizers.generator_lr, steps_per_epoch),
        _optimizer(config, config.optimizers.discriminator_lr, steps_per_epoch),
        gan_mode=losses_.gan_mode,
        loss_weights={
            "feature_matching": losses_.feature_matching,
            "perceptual": losses_.perceptual,
            "kl": losses_.kl,
        },
        perceptual_loss=perceptual,
        discriminator_fake=step.discriminator_fake,
        jit_compile=step.jit_compile,
    )
    return model


def _optimizer(config, rate, steps_per_epoch):
    schedule, adam = config.schedule, config.optimizers
    return Adam(
        LinearDecay(rate, schedule.epochs, schedule.decay_epochs, steps_per_epoch),
        adam.beta_1,
        adam.beta_2,
        adam.epsilon,
    )
