"""The subcommand ``train``, as far as it goes without TensorFlow."""

import pytest

from ccfpse_tf.commands import recipe
from ccfpse_tf.config import Config
from ccfpse_tf.errors import InputError


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
