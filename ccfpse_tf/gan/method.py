"""What a row of the table of methods says, and what several rows share."""

import dataclasses
from collections.abc import Callable, Mapping

from ccfpse_tf.config import Config
from ccfpse_tf.gan.adversaries import Adversary


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
            is called with semantics and, if ``z_dim`` is not 0, a style code (see
            :class:`ccfpse_tf.models.generators.image_generator.ImageGenerator`). It has
            the attributes ``architecture``, ``semantic_channels``, ``image_size``,
            ``stride`` (both edges of an image are multiples of it), ``any_size`` (False
            if it draws images of ``image_size`` only) and ``z_dim``, and ``least_edge``
            if the shortest edge is longer than the stride.
        encoder: takes a config and returns the style encoder, or None without style.
        adversaries: the discriminators that it can be trained with, by
            ``discriminator.architecture``;
            :data:`ccfpse_tf.gan.adversaries.NO_ADVERSARY` where it has none.
        optimizers: ``(config, steps_per_epoch)`` to the optimisers of generator and, if
            there is one, discriminator.
        problems: as :attr:`ccfpse_tf.gan.adversaries.Adversary.problems`, of the
            generator. Where both name the same key, this sentence is shown.
        z_dim: takes a config and returns the length of the style code, 0 if none.
        summary: takes a config and returns a few words about its generator.
        reads: the keys of a config that not every method reads, and this one does;
            those of its discriminators are with them.
        defaults: settings of a config that the method was published with, as texts such
            as ``"losses.feature_matching=10"``; `train --method` sets them.
        needs_instances: takes a config and returns if it is for data with instances
            only.
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
    reads: tuple[str, ...] = ()
    defaults: tuple[str, ...] = ()
    needs_instances: Callable[[Config], bool] = lambda config: False
    compile_options: Callable[[Config], dict] = _adversarial_options
    edges: bool = True
    bank: bool = False


def adams(config: Config, steps_per_epoch: int, restart_at: int = 0) -> tuple:
    """The optimisers of generator and discriminator: Adam, with rates that fall.

    Args:
        config: with their rates, and the epochs.
        steps_per_epoch: steps of an epoch.
        restart_at: of the generator's :class:`ccfpse_tf.gan.optimizers.Adam`.
    """
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
            restart_at,
        )
        for rate, restart_at in (
            (adam.generator_lr, restart_at),
            (adam.discriminator_lr, 0),
        )
    )
