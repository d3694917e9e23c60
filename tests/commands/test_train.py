"""The subcommand ``train``, as far as it goes without TensorFlow."""

import pytest

from ccfpse_tf.commands import recipe
from ccfpse_tf.config import Config, override
from ccfpse_tf.errors import InputError
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
