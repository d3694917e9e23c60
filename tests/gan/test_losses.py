"""Losses on literal scores, with values computed by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.gan import losses

# Two maps of unequal size: the mean is taken over each, then over the two.
SMALL = [0.5]
LARGE = [-2.0, 1.0, 3.0, 0.0]


def maps(*values, dtype="float32"):
    return [tf.reshape(tf.constant(x, dtype), (1, 1, -1, 1)) for x in values]


def softplus(x):
    return math.log1p(math.exp(x))


def mean_of_means(function):
    small = sum(map(function, SMALL)) / len(SMALL)
    return (small + sum(map(function, LARGE)) / len(LARGE)) / 2


@pytest.mark.parametrize(
    ("mode", "real", "fake", "generator"),
    [
        # real: small 0.5; large (3 + 0 + 0 + 1) / 4 = 1.
        # fake: small 1.5; large (0 + 2 + 4 + 1) / 4 = 1.75.
        # generator: small -0.5; large -(2 / 4) = -0.5.
        ("hinge", 0.75, 1.625, -0.5),
        # (s - 1)^2: small 0.25; large (9 + 0 + 4 + 1) / 4 = 3.5.
        # s^2: small 0.25; large (4 + 1 + 9 + 0) / 4 = 3.5.
        ("least_squares", 1.875, 1.875, 1.875),
        # -log sigmoid(s) = softplus(-s); -log(1 - sigmoid(s)) = softplus(s).
        (
            "original",
            mean_of_means(lambda s: softplus(-s)),
            mean_of_means(softplus),
            mean_of_means(lambda s: softplus(-s)),
        ),
        ("wasserstein", -0.5, 0.5, -0.5),
    ],
)
def test_gan_losses(mode, real, fake, generator):
    for dtype, error in (("float32", 1e-6), ("float64", 1e-14)):
        scores = maps(SMALL, LARGE, dtype=dtype)
        for function, expected in (
            (losses.discriminator_real_loss, real),
            (losses.discriminator_fake_loss, fake),
            (losses.generator_gan_loss, generator),
        ):
            found = function(scores, mode)
            assert found.dtype == dtype
            assert found.shape == ()
            assert abs(float(found) - expected) < error


def test_the_mode_table_is_covered_above():
    covered = {"hinge", "least_squares", "original", "wasserstein"}
    assert set(losses.GAN_MODES) == covered


def gradient_of(function, scores, mode):
    with tf.GradientTape() as tape:
        tape.watch(scores)
        loss = function(scores, mode)
    return [np.ravel(x).tolist() for x in tape.gradient(loss, scores)]


def test_hinge_splits_the_gradient_at_its_corner():
    scores = maps([0.0, 1.0, 2.0, -1.0])
    found = gradient_of(losses.discriminator_real_loss, scores, "hinge")
    assert found == [[-0.25, -0.125, 0, -0.25]]
    found = gradient_of(losses.discriminator_fake_loss, scores, "hinge")
    assert found == [[0.25, 0.25, 0.25, 0.125]]


@pytest.mark.parametrize(
    ("mode", "gradient"),
    [
        ("hinge", [-0.5, -0.5]),
        ("least_squares", [-1.0, 1.0]),  # 2 (s - 1) / 2
        ("original", [-0.25, -0.5 / (1 + math.exp(2))]),
        ("wasserstein", [-0.5, -0.5]),
    ],
)
def test_generator_gradient(mode, gradient):
    found = gradient_of(losses.generator_gan_loss, maps([0.0, 2.0]), mode)
    np.testing.assert_allclose(found, [gradient], rtol=1e-6)


def test_original_stays_finite_for_large_scores():
    scores = maps([-200.0, 200.0])
    for function in (losses.discriminator_real_loss, losses.discriminator_fake_loss):
        assert float(function(scores, "original")) == 100


def test_check_gan_mode_names_the_known_ones():
    assert losses.check_gan_mode("hinge") == "hinge"
    with pytest.raises(ValueError, match="'lsgan': choose from hinge, least_squares"):
        losses.check_gan_mode("lsgan")


def test_feature_matching():
    fake = maps([1.0, 2.0, 3.0, 6.0], [0.0])
    real = maps([2.0, 2.0, 1.0, 3.0], [-5.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([fake, real])
        loss = losses.feature_matching_loss(fake, real)
    # (1 + 0 + 2 + 3) / 4 = 1.5 and 5, averaged.
    assert float(loss) == 3.25
    assert tape.gradient(loss, real) == [None, None]
    found = [np.ravel(x).tolist() for x in tape.gradient(loss, fake)]
    # 1 / (4 values * 2 levels), and 0 where both are equal.
    assert found == [[-0.125, 0, 0.125, 0.125], [0.5]]


def test_feature_matching_over_scales_is_a_sum_over_layers():
    fake = [maps([1.0, 2.0], [0.0]), maps([4.0], [1.0])]
    real = [maps([2.0, 2.0], [-5.0]), maps([1.0], [1.0])]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([fake, real])
        loss = losses.MEAN_OVER_SCALES.feature_matching(fake, real)
    # Scales 0.5 + 5 and 3 + 0, averaged.
    assert float(loss) == 4.25
    assert tape.gradient(loss, real) == [[None, None]] * 2
    assert float(losses.SUM_OVER_SCALES.feature_matching(fake, real)) == 4.25


def test_pix2pixhd_sums_over_scales_and_halves_the_discriminators():
    scores = maps([3.0], [0.0, 2.0])
    # (3 - 1)^2 + 1, and 9 + 2.
    assert float(losses.SUM_OVER_SCALES.generator(scores, "least_squares")) == 5
    real = losses.SUM_OVER_SCALES.discriminator_real(scores, "least_squares")
    fake = losses.SUM_OVER_SCALES.discriminator_fake(scores, "least_squares")
    assert (float(real), float(fake)) == (2.5, 5.5)
    # SPADE's are means, whole.
    assert float(losses.MEAN_OVER_SCALES.generator(scores, "least_squares")) == 2.5
    fake = losses.MEAN_OVER_SCALES.discriminator_fake(scores, "least_squares")
    assert float(fake) == 5.5


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_reduced_in_float32(dtype):
    """A thousand and one values of 100: neither their sum nor count fits."""
    large, small = (tf.cast(tf.fill((1, 1, 1001, 1), x), dtype) for x in (100.0, 1.0))
    found = {
        100: losses.generator_gan_loss([large], "least_squares") ** 0.5 + 1,
        99: losses.feature_matching_loss([large], [small]),
        98: losses.discriminator_fake_loss([large], "hinge") - 3,
        1001 / 2: losses.kl_loss(*(tf.reshape(x, (1, -1)) for x in (small, 0 * small))),
    }
    for expected, value in found.items():
        assert value.dtype == tf.float32
        np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_feature_matching_needs_the_same_levels():
    with pytest.raises(ValueError, match="zip"):
        losses.feature_matching_loss(maps([1.0]), maps([1.0], [2.0]))


def test_kl():
    mu = tf.constant([[0.0, 0.0], [3.0, -1.0]])
    logvar = tf.constant([[0.0, 0.0], [0.0, math.log(4)]])
    # Second image: (9 + 0) / 2 and (1 + 4 - 1 - log 4) / 2; then half, for the batch.
    expected = (4.5 + 2 - math.log(2)) / 2
    assert abs(float(losses.kl_loss(mu, logvar)) - expected) < 1e-6
    # A batch of the same image twice costs the same: a mean, not a sum.
    twice = losses.kl_loss(tf.repeat(mu, 2, 0), tf.repeat(logvar, 2, 0))
    assert abs(float(twice) - expected) < 1e-6


def test_kl_gradient():
    mu, logvar = tf.constant([[2.0]]), tf.constant([[math.log(3)]])
    with tf.GradientTape() as tape:
        tape.watch([mu, logvar])
        loss = losses.kl_loss(mu, logvar)
    found = tape.gradient(loss, [mu, logvar])
    np.testing.assert_allclose(np.ravel(found), [2, (3 - 1) / 2], rtol=1e-6)
