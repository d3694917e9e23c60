"""The settings of `segmenter` and its command line."""

import json

import pytest

from ccfpse_tf.commands import recipe
from ccfpse_tf.config import Config, DataConfig
from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.segmenter.config import SegmenterConfig, override, with_size

RECIPE = Config(name="folder", data=DataConfig(image_size=(128, 64)))


def run(*argv):
    return recipe.main("folder", RECIPE, {}, None, ["segmenter", *argv])


def test_a_dry_run_prints_the_config(capsys):
    assert run("--dry-run", "--set", "backbone=segformer", "image_size=64x96") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["backbone"] == "segformer" and values["image_size"] == [64, 96]
    assert values.keys() == SegmenterConfig.__dataclass_fields__.keys()


@pytest.mark.parametrize(
    ("records", "expected"),
    [((96, 128), (96, 128)), ((100, 143), (96, 128)), ((None, None), (128, 64))],
)
def test_the_size_is_the_records_or_the_recipes(records, expected):
    assert with_size(SegmenterConfig(), records, (128, 64)).image_size == expected


def test_a_chosen_size_stays():
    config = override(SegmenterConfig(), ["image_size=64x96"])
    assert with_size(config, (96, 128), (128, 64)) is config


def test_records_can_be_too_small():
    with pytest.raises(InputError, match="20x64.*at least 32x32"):
        with_size(SegmenterConfig(), (20, 64), (128, 64))


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "segmenter needs --records"),
        (["--set", "backbone=unet"], "one of .'deeplabv3plus', 'segformer'"),
        (["--set", "image_size=100x128"], "multiples of 32"),
        (["--set", "width=12"], "a multiple of 8"),
        (["--set", "steps=0", "zoom=0.5"], "steps is 0.*\n.*zoom is 0.5"),
        (["--set", "learning_rate=nan"], "above 0 and finite"),
        (["--set", "step=9"], "did you mean steps"),
        (["--set", "steps"], "such as steps=3000"),
        (["--records", "nowhere", "--out", "x"], "dataset.json"),
    ],
)
def test_wrong_command_lines_say_what_is_needed(argv, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"(?s){words}"):
        run(*argv)
    assert not list(tmp_path.iterdir())
