"""The training losses as pure functions of network outputs.

Every function returns a scalar, a mean over the batch it is given, in the dtype of its
inputs, or in float32 where these are of half precision. Weights and the division by the
number of replicas are applied once, in :mod:`ccfpse_tf.gan.adversarial_model`.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from ccfpse_tf.ops.precision import at_least_float32


def _hinge(margin):
    # Equal to relu, but half a gradient at 0, where PyTorch's minimum splits it too.
    return (margin + tf.abs(margin)) / 2


def _cross_entropy(score, target):
    return tf.nn.sigmoid_cross_entropy_with_logits(
        labels=tf.fill(tf.shape(score), tf.cast(target, score.dtype)), logits=score
    )


# For each mode the losses of a score: D's of a real image, D's of a generated image,
# and G's of a generated image.
GAN_MODES: dict[str, tuple[Callable, Callable, Callable]] = {
    "hinge": (
        lambda score: _hinge(1 - score),
        lambda score: _hinge(1 + score),
        lambda score: -score,
    ),
    "least_squares": (
        lambda score: tf.square(score - 1),
        tf.square,
        lambda score: tf.square(score - 1),
    ),
    "original": (
        lambda score: _cross_entropy(score, 1),
        lambda score: _cross_entropy(score, 0),
        lambda score: _cross_entropy(score, 1),
    ),
    "wasserstein": (
        lambda score: -score,
        lambda score: score,
        lambda score: -score,
    ),
}


def check_gan_mode(mode: str) -> str:
    """Returns ``mode``; raises ValueError, naming the known modes, for another one."""
    if mode not in GAN_MODES:
        raise ValueError(f"gan_mode {mode!r}: choose from {', '.join(GAN_MODES)}")
    return mode


# Of all losses but the GAN's own, which has weight 1.
WEIGHTS = {"feature_matching": 20.0, "perceptual": 10.0, "kl": 0.1, "imitation": 10.0}


def check_weights(weights: Mapping[str, float] | None) -> dict[str, float]:
    """Returns all weights, with these overrides; ValueError for an unknown name."""
    unknown = set(weights or {}) - set(WEIGHTS)
    if unknown:
        raise ValueError(
            f"loss_weights {sorted(unknown)}: choose from {', '.join(WEIGHTS)}"
        )
    return WEIGHTS | dict(weights or {})


def _mean_over_maps(loss: Callable, scores: Sequence[tf.Tensor]) -> tf.Tensor:
    means = [tf.reduce_mean(loss(at_least_float32(score))) for score in scores]
    return tf.add_n(means) / len(scores)


def discriminator_real_loss(scores: Sequence[tf.Tensor], mode: str) -> tf.Tensor:
    """D's loss for real images: mean over each score map, then over the maps.

    Args:
        scores: maps ``(batch, h, w, 1)`` of any sizes.
        mode: a key of ``GAN_MODES``; ``"hinge"`` is ``max(0, 1 - score)`` (the paper's,
            after Lim & Ye 2017).
    """
    return _mean_over_maps(GAN_MODES[mode][0], scores)


def discriminator_fake_loss(scores: Sequence[tf.Tensor], mode: str) -> tf.Tensor:
    """D's loss for generated images; hinge is ``max(0, 1 + score)``."""
    return _mean_over_maps(GAN_MODES[mode][1], scores)


def generator_gan_loss(scores: Sequence[tf.Tensor], mode: str) -> tf.Tensor:
    """G's adversarial loss; hinge is ``-score``."""
    return _mean_over_maps(GAN_MODES[mode][2], scores)


def feature_matching_loss(
    fake: Sequence[tf.Tensor], real: Sequence[tf.Tensor]
) -> tf.Tensor:
    """Mean absolute difference per level, averaged over levels (Wang et al. 2018).

    No gradient reaches the real features.
    """
    return tf.add_n(_distances(fake, real)) / len(fake)


def _distances(fake, real):
    return [
        tf.reduce_mean(tf.abs(at_least_float32(a) - at_least_float32(b)))
        for a, b in zip(fake, map(tf.stop_gradient, real), strict=True)
    ]


def summed_feature_matching_loss(
    fake: Sequence[Sequence[tf.Tensor]], real: Sequence[Sequence[tf.Tensor]]
) -> tf.Tensor:
    """Mean absolute differences, summed over layers, averaged over scales.

    SPADE's and pix2pixHD's: with four layers it is four times as large as a mean over
    layers. No gradient reaches the real features.

    Args:
        fake: for each scale its layers' features.
        real: the same, of real images.
    """
    sums = [tf.add_n(_distances(*pair)) for pair in zip(fake, real, strict=True)]
    return tf.add_n(sums) / len(sums)


def imitation_loss(fake: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference of images ``(batch, height, width, 3)``."""
    return tf.reduce_mean(tf.abs(at_least_float32(fake) - at_least_float32(target)))


def best_image_loss(distances: tf.Tensor) -> tf.Tensor:
    """The loss of several images, of which each class takes the best one.

    ``0.999 * sum over classes of the least distance + 0.001 * sum over classes of the
    mean`` (Chen and Koltun 2017): images may differ, and none is given up.

    Args:
        distances: ``(batch, images, classes)``.
    """
    best, mean = tf.reduce_min(distances, 1), tf.reduce_mean(distances, 1)
    return tf.reduce_mean(tf.reduce_sum(0.999 * best + 0.001 * mean, -1))


@dataclasses.dataclass(frozen=True)
class AdversarialLosses:
    """The losses that fit the features and scores of one kind of discriminator.

    Attributes:
        feature_matching: takes the features of generated and of real images.
        generator: takes the scores of generated images, and the GAN mode.
        discriminator_fake: takes the scores of generated images, and the GAN mode.
        discriminator_real: takes the scores of real images, and the GAN mode.
    """

    feature_matching: Callable
    generator: Callable
    discriminator_fake: Callable
    discriminator_real: Callable


# For discriminators that return one feature and one score map for each level.
MEAN_OVER_LEVELS = AdversarialLosses(
    feature_matching_loss,
    generator_gan_loss,
    discriminator_fake_loss,
    discriminator_real_loss,
)


# For discriminators of several scales, each with features of several layers and one
# score map: SPADE's.
MEAN_OVER_SCALES = dataclasses.replace(
    MEAN_OVER_LEVELS, feature_matching=summed_feature_matching_loss
)


def _sum_over_scales(loss: Callable, factor: float) -> Callable:
    return lambda scores, mode: factor * len(scores) * loss(scores, mode)


# pix2pixHD's: its GAN losses are sums over the scales, the discriminator's are halved.
SUM_OVER_SCALES = AdversarialLosses(
    summed_feature_matching_loss,
    _sum_over_scales(generator_gan_loss, 1.0),
    _sum_over_scales(discriminator_fake_loss, 0.5),
    _sum_over_scales(discriminator_real_loss, 0.5),
)


def kl_loss(mu: tf.Tensor, logvar: tf.Tensor) -> tf.Tensor:
    """KL divergence of ``N(mu, exp(logvar))`` from the standard normal.

    ``-1/2 sum(1 + logvar - mu^2 - exp(logvar))`` over the code, averaged over the
    batch. The reference sums over the batch of one GPU instead, so its weight depends
    on that batch: 0.05 with the sum over 2 images is 0.1 with the mean.

    Args:
        mu, logvar: ``(batch, z_dim)``.
    """
    mu, logvar = at_least_float32(mu), at_least_float32(logvar)
    per_image = -0.5 * tf.reduce_sum(1 + logvar - mu**2 - tf.exp(logvar), -1)
    return tf.reduce_mean(per_image)
