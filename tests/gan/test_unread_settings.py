"""Settings that the chosen networks do not read are refused."""

import dataclasses

import pytest

from ccfpse_tf.comparison.plan import Plan
from ccfpse_tf.config import Config, flatten, override
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan import methods
from ccfpse_tf.gan.adversaries import ADVERSARIES
from ccfpse_tf.gan.unread_settings import readers, refuse_unread, unread

TINY = [
    *("generator.ngf=4", "generator.hidden=2", "generator.z_dim=2"),
    *("generator.instance_features=1", "generator.downsamplings=2"),
    *("discriminator.ndf=2", "data.image_size=64x64"),
]
# Handed to networks that take them and then have no use for them, or read for words.
NO_USE = {
    "pix2pixhd": {"generator.enhancer_blocks", "schedule.fix_global_epochs"},
}


class Noting:
    """A section of a config that notes which of its keys are read."""

    def __init__(self, section, name, noted):
        self.__dict__.update(section=section, name=name, noted=noted)

    def __getattr__(self, key):
        self.noted.add(f"{self.name}.{key}")
        return getattr(self.section, key)


def noted(config, *functions):
    """The keys that functions of a config read."""
    found, noting = set(), dataclasses.replace(config)
    for field in dataclasses.fields(config):
        section = getattr(config, field.name)
        if dataclasses.is_dataclass(section):
            object.__setattr__(noting, field.name, Noting(section, field.name, found))
    for function in functions:
        function(noting)
    return found


@pytest.mark.parametrize("name", methods.METHODS)
def test_rows_say_what_their_networks_read(name):
    config = override(Config(name="test"), [*methods.settings(name), *TINY])
    row = methods.check(config)
    adversary = row.adversaries[config.discriminator.architecture]
    found = noted(
        config,
        lambda config: row.generator(config, 3),
        row.encoder,
        lambda config: adversary.network(config, 3),
        lambda config: row.optimizers(config, 5),
        row.compile_options,
    )
    special = {key for key in found if readers(key)} - NO_USE.get(name, set())
    # All optimisers are made by one function; the encoder's loss is one of three.
    elsewhere = {"optimizers.discriminator_lr", "losses.kl", "data.bank"}
    assert special - elsewhere == {*row.reads, *adversary.reads} - elsewhere


@pytest.mark.parametrize("name", ADVERSARIES)
def test_discriminators_say_what_they_read(name):
    config = override(
        Config(name="test"), [*TINY, f"discriminator.architecture={name}"]
    )
    found = noted(config, lambda config: ADVERSARIES[name].network(config, 3))
    assert {key for key in found if readers(key)} == {
        key for key in ADVERSARIES[name].reads if key.startswith("discriminator.")
    }


def test_every_key_that_has_readers_is_one_of_a_config():
    rows = (*methods.METHODS.values(), *ADVERSARIES.values())
    keys = {key for row in rows for key in row.reads}
    assert keys <= {*flatten(Config(name="test"))}
    # What no row names is for all generators.
    generator = {key for key in flatten(Config(name="test")) if "generator." in key}
    assert generator - keys == {
        *("generator.architecture", "generator.ngf", "generator.average_decay")
    }


def asked_of(name, *settings):
    """What is refused, of a method and settings that were asked for."""
    config = override(Config(name="test"), [*methods.settings(name), *settings])
    return unread(config, settings)


def test_they_are_told_from_others():
    asked = ("generator.ngf=8", " generator.mixed = 3", "discriminator.scales=3")
    assert asked_of("spade", *asked) == ["generator.mixed"]
    assert asked_of("ccfpse", "losses.perceptual=1", "losses.kl=0") == []
    assert asked_of("pix2pixhd", "generator.instance_features=3") == []
    # A default changes nothing, and other messages advise to set it.
    assert asked_of("pix2pixhd", "schedule.fix_global_epochs=0") == []
    assert asked_of("spade", "generator.pyramid=true") == []
    assert asked_of("crn", "generator.z_dim=8") == ["generator.z_dim"]
    for name in methods.METHODS:
        assert asked_of(name, "generator.z_dim=0") == []


def test_they_are_refused():
    asked = ["losses.gan_mode=original", "generator.fine=true"]
    config = override(Config(name="test"), [*methods.settings("crn"), *asked])
    with pytest.raises(InputError) as caught:
        refuse_unread(config, asked)
    assert "crn with the discriminator none does not read" in str(caught.value)
    assert "generator.fine is read by sims" in str(caught.value)
    assert "losses.gan_mode is read by fpse, fpse_frozen" in str(caught.value)


def test_columns_of_a_comparison_share_settings_that_one_of_them_reads():
    base = override(Config(name="test"), ["data.image_size=64x64"])
    columns = ("spade", "pix2pixhd")

    def check(*settings, **of_columns):
        Plan(base, columns, settings=settings, of_columns=of_columns).check()

    check("generator.blocks=3", "generator.hidden=8", spade=["generator.depth=5"])
    with pytest.raises(InputError, match="column spade: spade with .*\n.*by pix2pixhd"):
        check(spade=["generator.blocks=3"])
    unused = ("losses.semantic=1", "generator.fine=true", "generator.blocks=3")
    with pytest.raises(InputError, match="no column reads generator.fine, losses.sem"):
        check(*unused)
    # Trainings that were begun with them keep them.
    Plan(base, columns, settings=unused).check(begun=True)
