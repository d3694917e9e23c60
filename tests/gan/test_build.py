"""Every key of a config arrives at its place in the model."""

import types

import numpy as np
import pytest

from ccfpse_tf.config import Config, override
from ccfpse_tf.config.schema import flatten
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan import methods
from ccfpse_tf.gan.build import build_model, build_synthesizer
from tests.models.perceptual import lite_weights
from tests.models.perceptual.random_vgg import write_vgg

DESCRIPTION = types.SimpleNamespace(label_channels=3, instances=True)
TINY = [
    *("generator.ngf=2", "generator.hidden=8", "generator.z_dim=4"),
    *("discriminator.ndf=3", "data.image_size=64x96", "losses.perceptual_network=off"),
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
        "imitation": 10.0,
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


def _adam(model, player="generator"):
    """The arguments of a player's Adam."""
    optimizer = getattr(model, f"{player}_optimizer").inner_optimizer
    return optimizer.get_config()


def _schedule(model, player="generator"):
    return _adam(model, player)["learning_rate"]["config"]


# Every key that building reads: a value that is not the default, and where it arrives.
KEYS = {
    "generator.ngf": ("3", lambda model: model.generator.ngf),
    "generator.depth": ("6", lambda model: model.generator.depth),
    "generator.z_dim": ("5", lambda model: model.encoder.z_dim),
    "generator.encoder_ngf": ("6", lambda model: model.encoder.ngf),
    "generator.hidden": ("2", lambda model: model.generator.hidden),
    "generator.pyramid": ("false", lambda model: model.generator.pyramid is not None),
    "generator.average_decay": ("0.9", lambda model: model.average_decay),
    "discriminator.architecture": (
        "fpse_frozen",
        lambda model: model.discriminator.architecture,
    ),
    "discriminator.backbone_weights": (
        "lite0.pth",
        lambda model: model.discriminator.weights_path,
    ),
    "discriminator.ndf": ("4", lambda model: model.discriminator.ndf),
    "losses.gan_mode": ("original", lambda model: model.gan_mode),
    "losses.feature_matching": (
        "11.0",
        lambda model: model.loss_weights["feature_matching"],
    ),
    "losses.perceptual": ("12.0", lambda model: model.loss_weights["perceptual"]),
    "losses.kl": ("13.0", lambda model: model.loss_weights["kl"]),
    "losses.imitation": ("14.0", lambda model: model.loss_weights["imitation"]),
    "losses.perceptual_network": (
        "vgg19-torchvision",
        lambda model: model.perceptual_loss.name,
    ),
    "losses.perceptual_weights": (
        "vgg19.npz",
        lambda model: model.perceptual_loss.weights,
    ),
    "optimizers.generator_lr": ("0.5", lambda model: _schedule(model)["base"]),
    "optimizers.discriminator_lr": (
        "0.25",
        lambda model: _schedule(model, "discriminator")["base"],
    ),
    "optimizers.beta_1": ("0.125", lambda model: _adam(model)["beta_1"]),
    "optimizers.beta_2": ("0.75", lambda model: _adam(model)["beta_2"]),
    "optimizers.epsilon": ("0.001", lambda model: _adam(model)["epsilon"]),
    "data.image_size": ("64x128", lambda model: model.generator.image_size),
    "data.seed": ("9", lambda model: model.seed),
    "schedule.epochs": ("17", lambda model: _schedule(model)["constant_epochs"]),
    "schedule.decay_epochs": ("4", lambda model: _schedule(model)["decay_epochs"]),
    "step.discriminator_fake": ("reuse", lambda model: model.discriminator_fake),
    "step.precision": ("mixed_bfloat16", lambda model: model.dtype_policy.name),
    "step.jit_compile": ("true", lambda model: model.jit_compile),
    "step.recompute_kernels": (
        "false",
        lambda model: model.generator.recompute_kernels,
    ),
}
SECTIONS = ("generator", "discriminator", "losses", "optimizers", "step")
# Read before the model is made, or by other networks.
ELSEWHERE = {
    *("step.deterministic", "generator.architecture", "generator.mixed"),
    *("discriminator.scales", "generator.downsamplings", "generator.blocks"),
    *("generator.enhancers", "generator.enhancer_blocks"),
    *("generator.instance_features", "generator.pool_features"),
    *("generator.images", "generator.fine", "losses.semantic"),
}


@pytest.fixture(scope="module")
def unusual(tmp_path_factory):
    """A config in which all these keys have other values, and its model."""
    weights = tmp_path_factory.mktemp("weights") / "vgg19.npz"
    write_vgg(weights)
    settings = [f"{key}={value}" for key, (value, _) in KEYS.items()]
    settings.append(f"losses.perceptual_weights={weights}")
    config = override(Config(name="test"), settings)
    with pytest.MonkeyPatch.context() as patch:
        lite_weights.install(patch)
        return config, build_model(config, DESCRIPTION, steps_per_epoch=7)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_arrives(key, unusual):
    config, model = unusual
    wanted = flatten(config)[key]
    assert wanted != flatten(Config(name="test"))[key]
    assert KEYS[key][1](model) == wanted


def test_no_key_is_forgotten():
    keys = flatten(Config(name="test"))
    read = {key for key in keys if key.split(".")[0] in SECTIONS} - ELSEWHERE
    assert read == {key for key in KEYS if key.split(".")[0] in SECTIONS}


def test_drawing_needs_no_weights_of_frozen_networks(tmp_path):
    settings = ["losses.perceptual_network=vgg19-keras", "schedule.best=perceptual"]
    settings += ["discriminator.architecture=fpse_frozen"]
    for key in ("losses.perceptual_weights", "discriminator.backbone_weights"):
        settings.append(f"{key}={tmp_path / 'absent'}")
    config = override(Config(name="test"), [*TINY, *settings])
    model = build_model(config, DESCRIPTION, steps_per_epoch=7, training=False)
    assert model.perceptual_loss is None
    with pytest.raises(InputError, match="absent: no such file"):
        build_model(config, DESCRIPTION, steps_per_epoch=7)


def test_the_compact_generators_key():
    model = built("generator.architecture=ccfpse_compact", "generator.mixed=3")
    assert model.generator.architecture == "ccfpse_compact"
    assert model.generator.mixed == 3


def test_the_multi_scale_discriminators_key():
    model = built("discriminator.architecture=multiscale", "discriminator.scales=3")
    assert model.discriminator.architecture == "multiscale"
    assert len(model.discriminator.scales) == 3


PIX2PIXHD = (
    *("generator.downsamplings=2", "generator.blocks=1"),
    "discriminator.architecture=multiscale_pix2pixhd",
)


def test_the_pix2pixhd_generators_keys():
    model = built(
        *(*PIX2PIXHD, "generator.architecture=pix2pixhd_local"),
        *("generator.enhancers=2", "generator.enhancer_blocks=4", "generator.ngf=12"),
        *("generator.instance_features=5", "generator.pool_features=label"),
        *("schedule.fix_global_epochs=3", "schedule.epochs=9"),
    )
    generator, encoder = model.generator, model.encoder
    assert (generator.architecture, generator.stride) == ("pix2pixhd_local", 16)
    assert (generator.depth, generator.blocks) == (2, 1)
    assert (generator.ngf, generator.hourglasses[0].width) == (3, 12)
    assert (generator.enhancers, generator.enhancer_blocks) == (2, 4)
    assert (generator.features, generator.feature_pooling) == (5, "label")
    assert (encoder.features, encoder.depth, encoder.pooling) == (5, 2, "label")
    assert encoder.ngf == 16
    assert _adam(model)["restart_at"] == 3 * 7
    assert _adam(model, "discriminator")["restart_at"] == 0
    assert model.discriminator.form == "pix2pixhd"


def test_the_settings_that_pix2pixhd_was_published_with():
    config = override(Config(name="test"), methods.settings("pix2pixhd_local"))
    assert methods.check(config).title == "pix2pixHD with local enhancers"
    assert (config.losses.gan_mode, config.step.discriminator_fake) == (
        "least_squares",
        "reuse",
    )
    assert config.discriminator.scales == 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["data.image_size=62x64"], "height 62; 2 halvings, .* multiple of 4 .* 64"),
        (["data.image_size=4x64"], "height 4; .* of 8 or more, such as 8"),
        (["schedule.fix_global_epochs=3"], "is 3; only .*pix2pixhd_local"),
        (
            ["generator.instance_features=3", "step.jit_compile=true"],
            "XLA cannot count",
        ),
        (["discriminator.scales=7"], "scales=7 needs 128 or more"),
        (
            ["generator.architecture=pix2pixhd_local", "generator.ngf=3"],
            "ngf is 3; .* multiple of 2",
        ),
        (
            [
                "generator.architecture=pix2pixhd_local",
                "schedule.epochs=3",
                "schedule.fix_global_epochs=3",
            ],
            "is 3, of 3 epochs",
        ),
    ],
)
def test_pix2pixhd_configs_that_cannot_be_used(settings, words):
    size = ["data.image_size=64x64", "generator.architecture=pix2pixhd"]
    with pytest.raises(InputError, match=words):
        built(*PIX2PIXHD, *size, *settings)


def test_instance_features_need_instances():
    settings = ["generator.architecture=pix2pixhd", "generator.instance_features=3"]
    config = override(Config(name="test"), [*TINY, *PIX2PIXHD, *settings])
    plain = types.SimpleNamespace(label_channels=3, instances=False)
    for build in (lambda *x: build_model(*x, 1), build_synthesizer):
        with pytest.raises(InputError, match="these data have none; set .*=label"):
            build(config, plain)
