"""The recipes: agreement with the table, dry runs, forwarding, errors."""

import json
import re
import subprocess
import sys

import pytest

from ccfpse_tf.config import Config
from ccfpse_tf.convert.published_models import PUBLISHED_MODELS
from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.errors import InputError
from ccfpse_tf.runs.run_folder import FREE_KEYS
from tests.recipes import load

NAMES = (*DATASETS, "folder", "aerial")


@pytest.fixture(params=NAMES)
def recipe(request, repository):
    return load(repository, request.param)


def _resolved(module, argv, capsys):
    assert module.main(["train", "--dry-run", *argv]) == 0
    return Config.from_json(capsys.readouterr().out)


def test_dry_run_prints_the_whole_config(recipe, capsys):
    assert _resolved(recipe, [], capsys) == recipe.CONFIG
    assert _resolved(recipe, ["--smoke"], capsys) == recipe.SMOKE


@pytest.mark.parametrize("name", ["coco_stuff", "cityscapes", "ade20k"])
def test_full_configs_are_the_papers(name, repository):
    config, published = load(repository, name).CONFIG, PUBLISHED_MODELS[name]
    assert config.name == name
    assert config.data.image_size == DATASETS[name].image_size
    assert config.generator.depth == published.depth
    assert config.schedule.epochs == published.epochs
    assert config.schedule.decay_epochs == published.decay_epochs
    optimizers = config.optimizers
    assert (optimizers.generator_lr, optimizers.discriminator_lr) == (1e-4, 4e-4)
    assert (optimizers.beta_1, optimizers.beta_2, optimizers.epsilon) == (0, 0.9, 1e-8)
    losses = config.losses
    assert (losses.feature_matching, losses.perceptual, losses.kl) == (20, 10, 0.1)
    assert (config.generator.ngf, config.discriminator.ndf) == (64, 64)
    assert config.data.batch_size == 32


@pytest.mark.parametrize("name", ["coco_stuff", "cityscapes", "ade20k"])
def test_the_docstring_quotes_the_papers_scores_and_length(name, repository):
    text, facts = load(repository, name).__doc__, DATASETS[name]
    published = PUBLISHED_MODELS[name]
    for method in ("CC-FPSE", "SPADE"):
        for score in facts.published[method]:
            assert f"{score:.1f}" in text
    assert f"{facts.counts['train'] // 32:,} steps" in text
    assert f"{published.epochs + published.decay_epochs} epochs" in text


def test_smoke_configs_fit_the_depth_of_the_full_ones(recipe):
    assert recipe.SMOKE.generator.depth == recipe.CONFIG.generator.depth
    assert recipe.SMOKE.losses.perceptual_network == "off"
    for small, full in zip(
        recipe.SMOKE.data.image_size, recipe.CONFIG.data.image_size, strict=True
    ):
        assert small <= full


def test_both_presets_are_made_by_the_same_networks(repository, capsys):
    scenes = _resolved(load(repository, "scenes"), ["--compact"], capsys)
    aerial = load(repository, "aerial").CONFIG
    assert scenes.generator == aerial.generator
    assert scenes.discriminator == aerial.discriminator


def test_set_records_and_demo(repository, capsys, tmp_path):
    config = _resolved(
        load(repository, "scenes"),
        ["--demo", "--records", str(tmp_path), "--set", "generator.ngf=6"]
        + ["data.seed=3", "--set", "schedule.keep=1"],
        capsys,
    )
    assert config.data.records == str(tmp_path)
    assert (config.generator.ngf, config.data.seed, config.schedule.keep) == (6, 3, 1)


def test_a_dry_run_needs_neither_tensorflow_nor_keras(repository):
    code = (
        "import runpy, sys\n"
        "sys.argv = ['scenes.py', 'train', '--dry-run']\n"
        "try:\n    runpy.run_path('recipes/scenes.py', run_name='__main__')\n"
        "except SystemExit as stop:\n    assert not stop.code\n"
        "assert not {'tensorflow', 'keras'} & sys.modules.keys()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "scenes"


def test_the_documents_name_every_subcommand(repository, capsys):
    with pytest.raises(SystemExit):
        load(repository, "scenes").main(["--help"])
    commands = re.findall(r"^    (\w+)(?:  |$)", capsys.readouterr().out, re.MULTILINE)
    text = (repository / "docs" / "recipes.md").read_text(encoding="utf-8")
    listed = re.findall(r"^    python recipes/NAME.py (\w+) ", text, re.MULTILINE)
    assert sorted(listed) == sorted(commands) and "compare" in listed


def test_the_documents_name_the_keys_that_may_differ_from_the_run_s(repository):
    text = (repository / "docs" / "training.md").read_text(encoding="utf-8")
    paragraph = text.partition("may differ:\n")[2].partition("\n\n")[0]
    for key in FREE_KEYS:
        if not key.startswith(("evaluation.", "schedule.")):
            assert f"`{key}`" in paragraph


@pytest.mark.parametrize("option", ["--records", "--out"])
def test_prepare_takes_both_names_of_its_folder(option, repository, monkeypatch):
    from ccfpse_tf.data.prepare import prepare

    seen = []
    monkeypatch.setattr(prepare, "plan_dataset", lambda _, found: seen.append(found))
    monkeypatch.setattr(prepare, "_note_counts", lambda plan: sys.exit(0))
    recipe = load(repository, "scenes")
    for argv in ([option, "a"], [f"{option}=a"]):
        with pytest.raises(SystemExit):
            recipe.main(["prepare", "--check", *argv])
    assert [found.out for found in seen] == ["a", "a"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--help"], "usage: scenes.py prepare [-h]"),
        (["--help"], "--records DIR, --out DIR"),
        ([], "scenes.py prepare: error: --records DIR is needed"),
    ],
)
def test_prepare_calls_itself_and_its_folder_as_documents_do(
    argv, words, repository, monkeypatch, capsys
):
    monkeypatch.setattr("sys.argv", ["recipes/scenes.py"])
    with pytest.raises(SystemExit):
        load(repository, "scenes").main(["prepare", *argv])
    printed = capsys.readouterr()
    assert words in printed.out + printed.err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["train"], ["--records"]),
        (["train", "--records", "x"], ["--run"]),
        (["train", "--set", "ngf=1"], ["generator.ngf"]),
        (
            ["train", "--records", "x", "--run", "r", "--devices", "1,"],
            ["--devices 1,"],
        ),
        (["generate", "--run", "r", "--out", "o", "--count", "0"], ["--count 0"]),
        (["generate", "--run", "r", "--out", "o", "--styles", "0"], ["--styles 0"]),
        (["generate", "--run", "r", "--out", "o"], ["r is not a run folder"]),
        (["train", "--records", "x", "--run", "y"], ["dataset.json"]),
    ],
)
def test_wrong_command_lines_say_what_is_needed(
    argv, words, repository, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        load(repository, "scenes").main(argv)
    for word in words:
        assert word in str(caught.value)
    assert not list(tmp_path.iterdir())
