"""The config: JSON round trip, overrides and their messages, range checks."""

import dataclasses
import json

import pytest

from ccfpse_tf.config import (
    Config,
    GeneratorConfig,
    OptimizerConfig,
    derive,
    flatten,
    override,
)
from ccfpse_tf.config.parsing import keys
from ccfpse_tf.errors import InputError

CONFIG = Config(name="test")


def test_json_round_trip_keeps_every_value_and_type():
    config = override(
        CONFIG,
        [
            "data.image_size=64x128",
            "losses.perceptual_weights=/tmp/a=b.npz",
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
    # The first alone does not fit: the run would have no epoch.
    config = override(CONFIG, ["schedule.epochs=0", "schedule.decay_epochs=5"])
    assert (config.schedule.epochs, config.schedule.decay_epochs) == (0, 5)


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
        ("losses.perceptual_network=resnet", ["'resnet'", "torchvision", "off"]),
        ("losses.vgg=resnet", ["'resnet'", "torchvision", "off"]),
        ("losses.gan_mode=hing", ["hinge"]),
        ("generator.depth=4", ["5 or 6"]),
        ("generator.depth=deep", ["'deep'", "5 or 6"]),
        (
            "generator.architecture=spad",
            [
                "'spad'",
                "must be one of ('ccfpse', 'ccfpse_compact', 'spade', 'pix2pixhd'",
            ],
        ),
        ("generator.average_decay=1", ["0 or more and below 1"]),
        ("schedule.steps_per_epoch=0", ["1 or more, or none"]),
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
        (lambda v: v.pop("name"), ["name", "missing"]),
        (lambda v: v["losses"].update(kl=True), ["losses.kl", "True", "a number"]),
        (lambda v: v["data"].update(image_size=[64, "a"]), ["[64, 'a']", "such as"]),
        (lambda v: v.update(losss={}), ["unknown key 'losss'", "losses?"]),
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


@pytest.mark.parametrize("section", ["generator", "discriminator"])
def test_keys_that_were_added_later_may_be_missing(section):
    values = json.loads(CONFIG.to_json())
    assert next(iter(values[section])) == "architecture"
    del values[section]["architecture"]
    assert Config.from_json(json.dumps(values)) == CONFIG


@pytest.mark.parametrize("section", ["generator", "discriminator"])
def test_whole_numbers_of_networks_have_a_largest_value(section):
    values = dataclasses.asdict(getattr(CONFIG, section))
    numbers = [key for key, value in values.items() if type(value) is int]
    assert len(numbers) > 1
    for key in [*numbers, *({"encoder_ngf"} & values.keys())]:
        with pytest.raises(InputError, match=f"{key} is 10{{30}}"):
            derive(CONFIG, **{section: {key: 10**30}})


def test_all_problems_of_a_file_are_listed():
    values = json.loads(CONFIG.to_json())
    del values["data"]["seed"]
    values["generator"] |= {"ngf": 0, "nfg": 1}
    with pytest.raises(InputError) as caught:
        Config.from_json(json.dumps(values), "run/config.json")
    assert str(caught.value).splitlines() == [
        "run/config.json cannot be used:",
        "  the key 'data.seed' is missing",
        "  generator.ngf is 0; it must be a whole number, 1 or more and 65536 or less",
        "  unknown key 'generator.nfg'; did you mean generator.ngf, generator.fine, "
        "generator.images?",
    ]


@pytest.mark.parametrize(
    ("assignments", "words"),
    [
        (["schedule.best=kid_lite0"], "not measured; set evaluation.features and"),
        (["schedule.best=fid", "evaluation.every_epochs=1"], "set evaluation.fid and"),
        (
            ["schedule.best=kid_lite0", "evaluation.features=x.keras"],
            "evaluation.features and evaluation.every_epochs",
        ),
        (
            ["schedule.best=kid_lite0", "evaluation.features=x.keras", "+"],
            "'x.keras' does not measure; set it to efficientnet-lite0",
        ),
        (["evaluation.features=efficientnet-lite0", "evaluation.fid=x", "+"],
         "exclude each other"),
        (["evaluation.features=efficientnet-lite0"], "0 never uses it"),
        (["+"], "evaluation.fid or evaluation.features or evaluation.segmenter"),
    ],
)  # fmt: skip
def test_metrics_while_training_must_be_measured(assignments, words):
    every = "evaluation.every_epochs=1"
    with pytest.raises(InputError, match=words):
        override(CONFIG, [every if x == "+" else x for x in assignments])


def test_the_best_by_a_measured_metric():
    for features in ("efficientnet-lite0", "efficientnet-lite0:x.pth"):
        best, every = "schedule.best=kid_lite0", "evaluation.every_epochs=1"
        override(CONFIG, [best, every, f"evaluation.features={features}"])


def test_construction_checks_values():
    with pytest.raises(InputError, match="ngf is True.*\n.*depth is 8; .* 5 or 6"):
        GeneratorConfig(ngf=True, depth=8)
    with pytest.raises(InputError, match="generator: expected a JSON object"):
        Config(name="test", generator={"ngf": 3})
    with pytest.raises(TypeError, match="nfg"):
        GeneratorConfig(nfg=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        CONFIG.name = "other"


def test_whole_numbers_pass_as_numbers():
    beta = OptimizerConfig(beta_1=0).beta_1
    assert beta == 0 and type(beta) is float


def test_a_derived_config_differs_in_what_was_named():
    small = derive(
        CONFIG, generator={"ngf": 4, "depth": 6}, losses={"perceptual_network": "off"}
    )
    texts = ["generator.ngf=4", "generator.depth=6", "losses.perceptual_network=off"]
    assert small == override(CONFIG, texts)
    assert CONFIG.generator.ngf == 64
    with pytest.raises(InputError, match="ngf is 0"):
        derive(CONFIG, generator={"ngf": 0})
    with pytest.raises(TypeError, match="nfg"):
        derive(CONFIG, generator={"nfg": 4})


def test_equal_configs_have_equal_hashes():
    assert hash(override(CONFIG, ["generator.ngf=64"])) == hash(CONFIG)


def test_every_key_is_described():
    assert [key for key, field in keys(Config).items() if not field.description] == []


def test_text_that_is_no_json():
    with pytest.raises(InputError, match="run/config.json is not JSON"):
        Config.from_json("{", "run/config.json")


def test_every_flat_key_can_be_set():
    for key, value in flatten(CONFIG).items():
        text = "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
        assert flatten(override(CONFIG, [f"{key}={text}"]))[key] == value


def test_former_names_of_keys_and_values_are_read():
    old = json.loads(Config(name="old").to_json())
    del old["losses"]["perceptual_network"], old["losses"]["perceptual_weights"]
    old["losses"] |= {"vgg": "torchvision", "vgg_weights": "vgg19.npz"}
    losses = Config.from_json(json.dumps(old)).losses
    assert losses.perceptual_network == "vgg19-torchvision"
    assert losses.perceptual_weights == "vgg19.npz"
    texts = ["losses.vgg=keras", "losses.vgg_weights=vgg19.h5"]
    losses = override(CONFIG, texts).losses
    assert losses.perceptual_network == "vgg19-keras"
    assert losses.perceptual_weights == "vgg19.h5"


def test_a_former_name_beside_the_new_one_is_an_error():
    both = json.loads(Config(name="old").to_json())
    both["losses"]["vgg"] = "off"
    with pytest.raises(InputError, match="unknown key 'losses.vgg'"):
        Config.from_json(json.dumps(both))
