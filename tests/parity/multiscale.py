"""Fixtures of the multi-scale patch discriminators of SPADE and pix2pixHD."""

from collections.abc import Iterator

import tensorflow as tf

from ccfpse_tf.gan import losses
from ccfpse_tf.models.discriminators.multiscale import MultiscaleDiscriminator
from tests.parity import networks
from tests.parity.checks import Check
from tests.parity.fixture import Fixture, label_channels, nhwc
from tests.parity.layers import GAN_MODES, gan_losses, loss_checks

HIDDEN = 4  # layers of each scale whose features are compared


def spade_discriminator(config, dtype=None) -> MultiscaleDiscriminator:
    """SPADE's discriminator of an official configuration, built."""
    return _discriminator(config, "spade", dtype)


def pix2pixhd_discriminator(config, dtype=None) -> MultiscaleDiscriminator:
    """pix2pixHD's discriminator of an official configuration, built."""
    return _discriminator(config, "pix2pixhd", dtype)


def _discriminator(config, form, dtype):
    channels = label_channels(config) + int(not config["no_instance"])
    model = MultiscaleDiscriminator(
        channels, config["ndf"], config["num_D"], form, dtype=dtype
    )
    model.build()
    return model


def _spade(fixture: Fixture) -> Iterator[Check]:
    yield from networks.discriminators(fixture, spade_discriminator, networks.MODES)


def _pix2pixhd(fixture: Fixture) -> Iterator[Check]:
    """It is the same in training and evaluation."""
    yield from networks.discriminators(fixture, pix2pixhd_discriminator, ())


def _spade_losses(fixture: Fixture) -> Iterator[Check]:
    data = fixture.data
    scores = [tf.constant(nhwc(data[f"pred{i}"])) for i in range(2)]
    for short, mode in GAN_MODES.items():
        yield from gan_losses(losses.MEAN_OVER_SCALES, data, scores, short, mode)
    features = _by_scale(data, "feat", 2)

    def loss():
        halves = [[tf.split(x, 2) for x in scale] for scale in features]
        fake, real = ([[x[i] for x in scale] for scale in halves] for i in (0, 1))
        return 10 * losses.MEAN_OVER_SCALES.feature_matching(fake, real)

    yield from loss_checks("feat_matching", data, loss, _named(features, "feat"))


def _pix2pixhd_losses(fixture: Fixture) -> Iterator[Check]:
    data, scales = fixture.data, fixture.config["num_D"]
    pix2pixhd, mode = losses.SUM_OVER_SCALES, "least_squares"
    scores = [tf.constant(nhwc(data[f"pred{i}"])) for i in range(scales)]
    named = {f"pred{i}": score for i, score in enumerate(scores)}
    for key, function in (
        # The fixture's are not halved; the loss of real images is the generator's too.
        ("fake_is_0", lambda: 2 * pix2pixhd.discriminator_fake(scores, mode)),
        ("real_is_1", lambda: 2 * pix2pixhd.discriminator_real(scores, mode)),
        ("real_is_1", lambda: pix2pixhd.generator(scores, mode)),
    ):
        yield from loss_checks(f"ls/{key}", data, function, named)
    fake, real = (_by_scale(data, name, scales) for name in ("fake", "real"))

    def loss():
        weight = fixture.config["lambda_feat"]
        return weight * pix2pixhd.feature_matching(fake, real)

    yield from loss_checks("feat_matching", data, loss, _named(fake, "fake"))


def _by_scale(data, name, scales):
    return [
        [tf.constant(nhwc(data[f"{name}{i}_{j}"])) for j in range(HIDDEN)]
        for i in range(scales)
    ]


def _named(features, name):
    return {
        f"{name}{i}_{j}": x
        for i, scale in enumerate(features)
        for j, x in enumerate(scale)
    }


KINDS = {
    "spade_discriminator": _spade,
    "spade_losses": _spade_losses,
    "pix2pixhd_discriminator": _pix2pixhd,
    "pix2pixhd_losses": _pix2pixhd_losses,
}
