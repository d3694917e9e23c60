"""The subcommand ``train``, as far as it goes without TensorFlow."""

import pytest

from ccfpse_tf.commands import recipe
from ccfpse_tf.config import Config, override
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan import methods
from ccfpse_tf.presets.preset_files import write_preset
from ccfpse_tf.presets.shipped import find_preset
from tests.presets.made import invented


@pytest.mark.parametrize("options", [["--dry-run"], ["--records", "r", "--run", "r"]])
def test_a_size_that_does_not_fit_the_networks(options, monkeypatch):
    def start(**options):
        raise AssertionError("TensorFlow was started")

    monkeypatch.setattr("ccfpse_tf.commands.train.import_tensorflow", start)
    config = Config(name="folder")
    argv = ["train", *options, "--set", "data.image_size=33x70"]
    with pytest.raises(InputError) as caught:
        recipe.main("folder", config, {"smoke": config}, None, argv)
    for words in ("height 33", "width 70", "the nearest is 64"):
        assert words in str(caught.value)


def test_the_networks_of_a_preset(tmp_path, capsys):
    write_preset(tmp_path / "tiny", invented())
    config = override(Config(name="folder"), ["data.image_size=64x64"])
    argv = ["train", "--dry-run", "--preset", str(tmp_path / "tiny")]
    recipe.main("folder", config, {"smoke": config}, None, argv)
    found = Config.from_json(capsys.readouterr().out)
    assert found.generator == invented().config.generator
    assert found.preset == find_preset(tmp_path / "tiny").identity
    assert (found.data, found.schedule) == (config.data, config.schedule)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "generator.ngf=3"], "generator.ngf: the preset has 2, --set says 3"),
        (["--set", "data.image_size=64x65"], "width 65, which is not a multiple of 32"),
        (["--set", "generator.ngf=x"], "'x' is not a whole number"),
        (["--preset", "nowhere"], "preset 'nowhere': there is no such folder"),
    ],
)
def test_what_a_preset_does_not_allow(options, words, tmp_path):
    write_preset(tmp_path / "tiny", invented())
    argv = ["train", "--dry-run", "--preset", str(tmp_path / "tiny"), *options]
    config = Config(name="folder")
    with pytest.raises(InputError, match=words):
        recipe.main("folder", config, {"smoke": config}, None, argv)


def resolved(capsys, *options):
    config = override(Config(name="folder"), ["data.image_size=64x64"])
    recipe.main("folder", config, {"smoke": config}, None, ["train", *options])
    return Config.from_json(capsys.readouterr().out)


def test_a_method_brings_its_settings_and_set_is_stronger(capsys):
    found = resolved(capsys, "--dry-run", "--method", "spade")
    assert found.generator.architecture == "spade" and found.generator.z_dim == 0
    assert found.discriminator.architecture == "multiscale"
    assert (found.losses.feature_matching, found.losses.kl) == (10, 0.1)
    assert found.data.image_size == (64, 64)
    own = ["--set", "losses.feature_matching=3", "discriminator.architecture=fpse"]
    found = resolved(capsys, "--dry-run", "--method", "spade", *own)
    assert found.losses.feature_matching == 3
    assert found.discriminator.architecture == "fpse"


@pytest.mark.parametrize("name", methods.METHODS)
def test_every_method_can_be_asked_for(name, capsys):
    found = resolved(capsys, "--dry-run", "--method", name)
    assert found.generator.architecture == name


def test_help_shows_the_methods_and_their_settings(capsys):
    with pytest.raises(SystemExit):
        resolved(capsys, "--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "spade (SPADE): generator.z_dim=0" in text
    with pytest.raises(SystemExit):
        resolved(capsys, "--method", "spode")
    assert "invalid choice: 'spode'" in capsys.readouterr().err


def test_a_preset_has_a_method_of_its_own(capsys):
    with pytest.raises(InputError, match="leave one of the two out"):
        resolved(capsys, "--dry-run", "--method", "spade", "--preset", "scenes_256")


@pytest.mark.parametrize("name", ["ccfpse", "ccfpse_compact"])
def test_only_spade_upsamples_seven_times(name, capsys):
    deep = ["--set", "generator.depth=7", "data.image_size=128x128"]
    found = resolved(capsys, "--dry-run", "--method", "spade", *deep)
    assert found.generator.depth == 7
    with pytest.raises(InputError, match="only generator.architecture=spade can be"):
        resolved(capsys, "--dry-run", "--method", name, *deep)


@pytest.mark.parametrize("name", ["spade", "ccfpse_compact"])
def test_only_ccfpse_has_a_pyramid_to_leave_out(name, capsys):
    without = ["--set", "generator.pyramid=false"]
    found = resolved(capsys, "--dry-run", "--method", "ccfpse", *without)
    assert not found.generator.pyramid
    with pytest.raises(InputError, match="is for generator.architecture=ccfpse"):
        resolved(capsys, "--dry-run", "--method", name, *without)


def test_settings_that_the_method_does_not_read(capsys, tmp_path):
    asked = ["--dry-run", "--method", "spade", "--set", "generator.instance_features=3"]
    with pytest.raises(InputError, match="instance_features is read by pix2pixhd, "):
        resolved(capsys, *asked)
    # A run that has them is resumed with its own values.
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    config = resolved(capsys, *asked, "--run", str(tmp_path))
    assert config.generator.instance_features == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--batch", "4", "--set", "data.batch_size = 2"],
            "--batch 4 and --set data.b",
        ),
        (["--records", "a", "--set", "data.records=b"], "--records .*a and --set data"),
        (["--bank", "a", "--set", "data.bank=b"], "both give data.bank; leave one of"),
    ],
)
def test_an_option_and_set_that_contradict_each_other(options, words, capsys):
    with pytest.raises(InputError, match=words):
        resolved(capsys, "--dry-run", *options)


def test_a_backbone_of_a_segmenter_is_given_once():
    config = Config(name="folder")
    argv = ["segmenter", "--dry-run", "--backbone", "a", "--set", "backbone=b"]
    with pytest.raises(InputError, match="--backbone a and --set backbone=b both give"):
        recipe.main("folder", config, {"smoke": config}, None, argv)


def test_a_batch_may_be_given_twice(capsys):
    twice = ["--batch", "4", "--set", "data.batch_size=4"]
    assert resolved(capsys, "--dry-run", *twice).data.batch_size == 4
    most = ["--batch", "auto", "--set", "data.batch_size=4"]  # up to these
    assert resolved(capsys, "--dry-run", *most).data.batch_size == 4
