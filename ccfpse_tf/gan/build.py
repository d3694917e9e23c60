"""Builds models from a config and a data set's description."""

import dataclasses

from ccfpse_tf.errors import InputError
from ccfpse_tf.gan import methods
from ccfpse_tf.gan.save_preset import Origin
from ccfpse_tf.gan.synthesizer import Synthesizer
from ccfpse_tf.gan.trainable_model import TrainableModel
from ccfpse_tf.layers.layout import LayoutEncoding
from ccfpse_tf.models.perceptual.loss import PerceptualLoss


def build_model(
    config, description, steps_per_epoch: int, training: bool = True
) -> TrainableModel:
    """Makes the compiled model that a configuration describes.

    The perceptual network computes in float32 whatever the precision of the others.

    Args:
        config: a :class:`ccfpse_tf.config.schema.Config`.
        description: the records' description (``label_channels`` and ``instances``).
        steps_per_epoch: for the learning-rate schedules.
        training: False leaves out the frozen networks of losses and discriminator,
            which images do not need and whose weights may not be at hand.

    Raises:
        InputError: a config that does not fit its networks or the data; weights of
            frozen networks that cannot be had.
    """
    model = build_uncompiled_model(config, description)
    method, losses, step = methods.check(config), config.losses, config.step
    perceptual = None
    if training and model.discriminator is not None:
        model.discriminator.prepare()
    if training and losses.perceptual_network != "off":
        perceptual = PerceptualLoss(
            losses.perceptual_network, losses.perceptual_weights
        )
    model.compile(
        *method.optimizers(config, steps_per_epoch),
        **method.compile_options(config),
        perceptual_loss=perceptual,
        jit_compile=step.jit_compile,
    )
    return model


def build_uncompiled_model(config, description) -> TrainableModel:
    """As :func:`build_model` before the model is compiled.

    It draws, and takes no memory for the moments of Adam, which are twice the weights.

    Args:
        config: as for :func:`build_model`.
        description: as for :func:`build_model`.

    Raises:
        InputError: a config that does not fit its networks or the data.
    """
    method = methods.check(config)
    layout = _layout(method, config, description)
    channels = layout.semantic_channels
    adversary = method.adversaries[config.discriminator.architecture]
    model = method.model()(
        layout,
        method.generator(config, channels),
        adversary.network(config, channels),
        method.encoder(config),
        seed=config.data.seed,
        average_decay=config.generator.average_decay,
        dtype=config.step.precision,
    )
    model.origin = Origin(config, description)
    return model


def build_synthesizer(config, description) -> Synthesizer:
    """Makes a model that can draw and not be trained: it has no discriminator.

    Args:
        config: as for :func:`build_model`.
        description: as for :func:`build_model`.

    Raises:
        InputError: a config that does not fit its networks.
    """
    method = methods.check(config)
    layout = _layout(method, config, description)
    return Synthesizer(
        layout,
        method.generator(config, layout.semantic_channels),
        None,
        method.encoder(config),
        seed=config.data.seed,
        dtype=config.step.precision,
    )


def drawing_config(config):
    """Returns the config with float32: the same images on every machine.

    Some machines are slow in half precision.
    """
    step = dataclasses.replace(config.step, precision="float32")
    return dataclasses.replace(config, step=step)


def _layout(method, config, description):
    if method.needs_instances(config) and not description.instances:
        raise InputError(
            "generator.instance_features needs instance maps, and these data have "
            "none; set generator.pool_features=label to average over classes, or "
            "generator.instance_features=0"
        )
    return LayoutEncoding(
        description.label_channels,
        description.instances,
        method.edges,
        dtype=config.step.precision,
    )
