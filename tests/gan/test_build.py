"""From a config to a model: every key arrives where it belongs."""

import types

import numpy as np

from ccfpse_tf.config import Config, override
from ccfpse_tf.gan.build import build_model

DESCRIPTION = types.SimpleNamespace(label_channels=3, instances=True)
TINY = [
    *("generator.ngf=2", "generator.hidden=8", "generator.z_dim=4"),
    *("discriminator.ndf=3", "data.image_size=64x96", "losses.vgg=off"),
]


def built(*settings):
    config = override(Config(name="test"), [*TINY, *settings])
    return build_model(config, DESCRIPTION, steps_per_epoch=7)


def test_networks_losses_and_rates():
    model = built("losses.kl=0.5", "losses.gan_mode=original", "data.seed=9")
    assert model.generator.image_size == (64, 96) and model.generator.hidden == 8
    assert (model.generator.ngf, model.encoder.ngf, model.discriminator.ndf) == (
        2,
        2,
        3,
    )
    assert model.encoder.z_dim == model.z_dim == 4
    assert (model.gan_mode, model.seed) == ("original", 9)
    assert model.loss_weights == {
        "feature_matching": 20.0,
        "perceptual": 10.0,
        "kl": 0.5,
    }
    rates = model.generator_optimizer, model.discriminator_optimizer
    found = [np.asarray(optimizer.learning_rate) for optimizer in rates]
    np.testing.assert_allclose(found, [1e-4, 4e-4], rtol=1e-6)


def test_how_a_step_is_computed():
    model = built("generator.z_dim=0")
    assert model.encoder is None
    assert (model.discriminator_fake, model.jit_compile) == ("regenerate", False)
    model = built(
        *("step.discriminator_fake=reuse", "step.precision=mixed_bfloat16"),
        "step.jit_compile=true",
    )
    assert (model.discriminator_fake, model.jit_compile) == ("reuse", True)
    parts = (model, model.layout_encoding, model.generator, model.discriminator)
    for part in (*parts, model.encoder):
        assert part.dtype_policy.name == "mixed_bfloat16"
