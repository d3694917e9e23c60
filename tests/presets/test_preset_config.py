"""The config of a preset, and of a run that starts from one."""

import pytest

from ccfpse_tf.config import Config, flatten, override
from ccfpse_tf.errors import InputError
from ccfpse_tf.presets.preset_config import portable, started_from
from tests.presets.made import invented

PRESET = invented(source="presets/tiny", weights_sha256="0123456789abcdef")


def test_paths_and_measurements_are_left_out():
    config = override(
        Config(name="folder"),
        [
            *("data.records=/home/me/records", "losses.perceptual_weights=/a.npz"),
            *("discriminator.backbone_weights=/b.pth", "evaluation.segmenter=/c.keras"),
            *("evaluation.every_epochs=1", "schedule.best=mean_iou", "preset=x 0123"),
            *("data.seed=3", "schedule.images=2"),
        ],
    )
    found = portable(config)
    assert not [value for value in flatten(found).values() if "/" in str(value)]
    assert (found.schedule.best, found.evaluation.every_epochs) == ("auto", 0)
    assert (found.data.seed, found.schedule.images, found.preset) == (3, 2, "x 0123")
    l1 = override(config, ["schedule.best=l1"])
    assert portable(l1).schedule.best == "l1"


def test_networks_are_the_presets_and_everything_else_the_recipes():
    recipe = Config(name="folder")
    config = started_from(PRESET, recipe, ["schedule.epochs=7"])
    assert config.generator == PRESET.config.generator
    assert config.discriminator == PRESET.config.discriminator
    assert config.preset == "tiny 0123456789ab"
    assert (config.schedule.epochs, config.losses) == (7, recipe.losses)
    assert config.data.image_size == recipe.data.image_size


def test_what_shapes_no_weights_of_the_preset_may_be_set():
    settings = ["generator.average_decay=0.5", "discriminator.ndf=9"]
    same = ["generator.ngf=2"]
    config = started_from(PRESET, Config(name="folder"), settings + same)
    assert (config.generator.average_decay, config.discriminator.ndf) == (0.5, 9)


def test_contradictions_are_all_named():
    settings = ["generator.z_dim=0", "generator.ngf=64", "generator.depth=6"]
    with pytest.raises(InputError) as caught:
        started_from(PRESET, Config(name="folder"), settings)
    for words in (
        "--preset presets/tiny",
        "generator.z_dim: the preset has 4, --set says 0",
        "generator.ngf: the preset has 2, --set says 64",
        "generator.depth: the preset has 5, --set says 6",
        "train without --preset",
    ):
        assert words in str(caught.value)
