"""A run whose config.json asks for another method than its checkpoint is of."""

import dataclasses
import json
import shutil

import pytest

from ccfpse_tf.commands import main
from ccfpse_tf.config import override
from ccfpse_tf.errors import InputError
from ccfpse_tf.export.run_endpoints import run_endpoints
from ccfpse_tf.gan import methods
from ccfpse_tf.generation.sources import RunSource
from ccfpse_tf.runs.run_folder import read_run
from ccfpse_tf.training.train import train
from tests.evaluation.tiny import make_features, make_run

SMALL = ["generator.ngf=1", "generator.blocks=1", "generator.downsamplings=2"]


@pytest.fixture(scope="module")
def spade(records, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "spade"
    return make_run(records, folder, [*methods.settings("spade"), *SMALL])


@pytest.fixture
def edited(spade, tmp_path):
    run = tmp_path / "edited"
    shutil.copytree(spade, run)
    edit(run, methods.settings("pix2pixhd"))
    return run


def edit(run, settings):
    path = run / "config.json"
    stored = json.loads(path.read_text())
    config = override(read_run(run).config, settings)
    stored["config"] = dataclasses.asdict(config)
    path.write_text(json.dumps(stored))


def commands(recipe, run, out):
    """Every command that reads a checkpoint, by its name."""

    def of_recipe(name, *options, run_is="--run", out_is="--out"):
        argv = [name, run_is, str(run), out_is, str(out / name), *options]
        return lambda: recipe.main(argv)

    official = ["convert", str(run), "--to-official", str(out / "official")]
    return {
        "generate": of_recipe("generate", "--count", "1"),
        "evaluate": of_recipe("evaluate", "--features", str(make_features(out))),
        "export": of_recipe("export"),
        "preset": of_recipe("preset"),
        "distil": of_recipe("distil", run_is="--teacher", out_is="--run"),
        "convert": lambda: main.run(official),
        "serve": lambda: run_endpoints(run),
        "train": lambda: train(read_run(run).config, run),
    }


def test_every_command_names_the_method_of_the_weights(recipe, edited, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    checkpoint = edited / "checkpoints" / "ckpt-0"
    before = {path: path.read_bytes() for path in checkpoint.iterdir()}
    for name, command in commands(recipe, edited, out).items():
        with pytest.raises(InputError) as caught:
            command()
        for words in (
            f"{checkpoint}: cannot be restored",
            str(edited / "config.json"),
            "generator.architecture: the checkpoint has 'spade', config.json 'pix2pixh",
            "discriminator.architecture: the checkpoint has 'multiscale', config.json ",
            "--run",
        ):
            assert words in str(caught.value), name
        assert not list(out.rglob("*.png")), name
    assert {path: path.read_bytes() for path in checkpoint.iterdir()} == before
    edit(edited, [*methods.settings("spade"), *SMALL])  # the way out
    source = RunSource.open(edited)
    assert source.model(source.description()).step == 0


def test_a_pair_that_nothing_is_built_from_is_told_with_its_file(edited):
    edit(edited, ["generator.architecture=crn"])
    source = RunSource.open(edited)
    with pytest.raises(InputError) as caught:
        source.model(source.description())
    said = str(caught.value)
    assert said.startswith(f"{edited / 'config.json'}: the config cannot be used")
    assert "the generator 'crn' is trained with: none" in said


def test_an_unknown_method_is_told_with_its_file(edited):
    path = edited / "config.json"
    path.write_text(path.read_text().replace('"pix2pixhd"', '"pix2pix"'))
    with pytest.raises(InputError) as caught:
        read_run(edited)
    assert f"{path} cannot be used:" in str(caught.value)
    assert "generator.architecture is 'pix2pix'; it must be one of" in str(caught.value)


def test_a_checkpoint_from_before_settings_were_kept_names_its_networks(edited):
    path = edited / "checkpoints" / "ckpt-0" / "checkpoint.json"
    facts = json.loads(path.read_text())
    del facts["networks"]
    path.write_text(json.dumps(facts))
    source = RunSource.open(edited)
    with pytest.raises(InputError) as caught:
        source.model(source.description())
    assert (
        "the checkpoint has multiscale_discriminator, spade_generator; needed for "
        "generator.architecture=pix2pixhd discriminator.architecture="
        "multiscale_pix2pixhd are multiscale_discriminator, pix2_pix_hd_generator"
    ) in str(caught.value)
