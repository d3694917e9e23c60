"""The typed config: JSON round trip, overrides and their messages, range checks."""

import dataclasses
import json

import pytest

from ccfpse_tf.config import Config, GeneratorConfig, flatten, override
from ccfpse_tf.errors import InputError

CONFIG = Config(name="test")


def test_json_round_trip_keeps_every_value_and_type():
    config = override(
        CONFIG,
        [
            "data.image_size=64x128",
            "losses.vgg_weights=/tmp/a=b.npz",
            "schedule.steps_per_epoch=7",
            "optimizers.beta_1=0.5",
        ],
    )
    again = Config.from_json(config.to_json())
    assert again == config
    assert again.data.image_size == (64, 128)


def test_override_parses_by_type_and_leaves_the_original():
    config = override(
        CONFIG,
        [
            "generator.ngf=32",
            "data.flip=false",
            "data.image_size=128,256",
            "schedule.steps_per_epoch=none",
            "losses.kl=1e-2",
            "name=other",
        ],
    )
    assert config.generator == GeneratorConfig(ngf=32)
    assert config.data.flip is False
    assert config.data.image_size == (128, 256)
    assert config.schedule.steps_per_epoch is None
    assert config.losses.kl == 0.01
    assert config.name == "other"
    assert CONFIG.generator.ngf == 64


def test_overrides_are_checked_together():
    # Neither alone fits: depth 6 needs multiples of 64.
    config = override(
        dataclasses.replace(CONFIG),
        ["data.image_size=96x96", "generator.depth=6", "data.image_size=128x128"],
    )
    assert config.generator.depth == 6


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("generator.ngff=3", ["generator.ngf"]),
        ("ngf=3", ["generator.ngf", "did you mean"]),
        ("zzzz=3", ["known keys", "schedule.epochs"]),
        ("generator.ngf", ["key=value"]),
        ("generator.ngf=3.5", ["'3.5'", "whole number"]),
        ("data.flip=maybe", ["true or false"]),
        ("data.image_size=256", ["height and width"]),
        ("losses.kl=nan", ["losses.kl", "finite"]),
        ("losses.vgg=resnet", ["'resnet'", "torchvision", "off"]),
        ("losses.gan_mode=hing", ["hinge"]),
        ("generator.depth=4", ["5 or 6"]),
        ("data.batch_size=0", ["data.batch_size", "1 or more"]),
        ("schedule.epochs=0", ["both 0"]),
    ],
)
def test_wrong_overrides_say_what_to_write(assignment, words):
    with pytest.raises(InputError) as caught:
        override(CONFIG, [assignment])
    for word in words:
        assert word in str(caught.value)


def test_all_problems_are_listed():
    with pytest.raises(InputError) as caught:
        override(CONFIG, ["generator.ngf=0", "data.batch_size=0", "losses.kl=-1"])
    for key in ("generator.ngf", "data.batch_size", "losses.kl"):
        assert key in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v["generator"].update(ngf=True), ["generator.ngf", "whole number"]),
        (lambda v: v["generator"].update(nfg=1), ["generator.nfg", "generator.ngf"]),
        (lambda v: v["data"].pop("seed"), ["data.seed", "missing"]),
        (lambda v: v.update(losses=3), ["losses", "JSON object"]),
        (lambda v: v["data"].update(image_size=[64]), ["data.image_size"]),
    ],
)
def test_damaged_json_names_file_and_key(change, words):
    values = json.loads(CONFIG.to_json())
    change(values)
    with pytest.raises(InputError) as caught:
        Config.from_json(json.dumps(values), "run/config.json")
    for word in ["run/config.json", *words]:
        assert word in str(caught.value)


def test_a_section_that_an_older_version_did_not_know_has_its_defaults():
    values = json.loads(CONFIG.to_json())
    del values["evaluation"]
    assert Config.from_json(json.dumps(values)) == CONFIG


def test_a_key_that_an_older_version_did_not_know_has_its_default():
    values = json.loads(CONFIG.to_json())
    for section in ("generator", "discriminator"):
        del values[section]["architecture"]
    assert Config.from_json(json.dumps(values)) == CONFIG


def test_text_that_is_no_json():
    with pytest.raises(InputError, match="run/config.json is not JSON"):
        Config.from_json("{", "run/config.json")


def test_every_flat_key_can_be_set():
    for key, value in flatten(CONFIG).items():
        text = "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
        assert flatten(override(CONFIG, [f"{key}={text}"]))[key] == value
