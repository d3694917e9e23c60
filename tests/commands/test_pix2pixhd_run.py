"""pix2pixHD through the commands: trained, drawn, evaluated, exported, converted."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ccfpse_tf.commands import main
from ccfpse_tf.errors import InputError
from ccfpse_tf.generation.trained_model import TrainedModel
from ccfpse_tf.runs.checkpoint_folder import steps_saved
from ccfpse_tf.runs.run_folder import read_run
from tests.convert.official import read_npz, write_npz
from tests.evaluation.tiny import make_features
from tests.recipes import TINY_OF_ALL

SIZE = (64, 64)
SETTINGS = [
    *TINY_OF_ALL,
    "discriminator.ndf=2",
    *("generator.ngf=2", "generator.downsamplings=2", "generator.blocks=2"),
    "generator.enhancer_blocks=1",
    *("generator.instance_features=2", "generator.pool_features=label"),
    *("generator.encoder_ngf=2", "discriminator.scales=2"),
    *("schedule.fix_global_epochs=1", "data.image_size={}x{}".format(*SIZE)),
]


def train(recipe, records, run, *settings):
    argv = ["train", "--smoke", "--records", str(records), "--run", str(run)]
    argv += ["--method", "pix2pixhd_local", "--set", *SETTINGS, "schedule.epochs=2"]
    return recipe.main([*argv, *settings])


@pytest.fixture(scope="module")
def run(recipe, records, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(recipe, records, folder)
    return folder


def test_it_was_trained_as_published_and_has_clusters(run):
    config = read_run(run).config
    assert config.generator.architecture == "pix2pixhd_local"
    assert config.losses.gan_mode == "least_squares"
    assert config.step.discriminator_fake == "reuse"
    assert max(steps_saved(run / "checkpoints")) == 4
    data = type("Data", (), {"label_channels": 4, "instances": False})
    table = TrainedModel(read_run(run), data).model.generator.clusters
    counts, centers = np.asarray(table.counts), np.asarray(table.centers)
    assert counts.any() and (counts <= 10).all()
    assert np.abs(centers[counts > 0, 0]).max() > 0


def test_instance_features_without_instances_are_refused(recipe, records, tmp_path):
    with pytest.raises(InputError, match="these data have none; set .*=label"):
        train(recipe, records, tmp_path / "run", "generator.pool_features=instance")
    assert not (tmp_path / "run" / "config.json").exists()


def test_it_draws_and_is_evaluated(recipe, run, tmp_path):
    gallery, out = tmp_path / "gallery", tmp_path / "evaluated"
    recipe.main(["generate", "--run", str(run), "--out", str(gallery), "--count", "2"])
    assert len(list(gallery.rglob("*.png"))) >= 2
    features = str(make_features(tmp_path))
    recipe.main(
        ["evaluate", "--run", str(run), "--out", str(out), "--features", features]
    )
    assert json.loads((out / "metrics.json").read_text())


def test_it_is_exported_for_serving_in_any_size(recipe, run, tmp_path):
    out = tmp_path / "m" / "pix2pixhd"
    argv = ["export", "--run", str(run), "--out", str(out), "--size", "any"]
    recipe.main(argv)
    served = tf.saved_model.load(str(out / "1")).signatures
    path, sizes = tmp_path / "label.png", {}
    for size in (SIZE, (16, 32), (8, 16)):
        Image.fromarray(np.ones(size, np.uint8)).save(path)
        label, seed = tf.constant([path.read_bytes()]), tf.constant([1], tf.int64)
        try:
            asked = served["serving_default"](label_bytes=label, seed=seed)
            sizes[size] = tf.io.decode_png(asked["image_bytes"][0]).shape[:2]
        except tf.errors.InvalidArgumentError as error:
            sizes[size] = "multiples of 8 from 16" in str(error)
    assert sizes == {SIZE: SIZE, (16, 32): (16, 32), (8, 16): True}


def test_it_becomes_official_files_and_comes_back(run, tmp_path, capsys):
    files, again = tmp_path / "official", tmp_path / "again"
    assert main.run(["convert", str(run), "--to-official", str(files)]) == 0
    printed = capsys.readouterr().out
    assert "--label_nc 4 --ngf 1 --ndf 2" in printed
    assert "--netG local --n_local_enhancers 1 --n_blocks_local 1" in printed
    assert "--label_feat --feat_num 2 --nef 2 --n_downsample_E 2" in printed
    assert "clusters of instance features are not part" in printed
    argv = ["convert", str(files), "--out", str(again), "--classes", "4"]
    with pytest.raises(InputError, match="do not tell the image size"):
        main.run(argv)
    assert not again.exists()
    assert main.run([*argv, "--image-size", "64x64"]) == 0
    found, wanted = read_run(again).config, read_run(run).config
    assert found.generator.pool_features == "label"  # as there are no instances
    for key in ("downsamplings", "blocks", "enhancers", "instance_features"):
        assert getattr(found.generator, key) == getattr(wanted.generator, key)
    assert found.losses.gan_mode == "least_squares"


@pytest.mark.parametrize("form", ["global", "local", "features"])
def test_official_files_come_back_bit_for_bit(form, tmp_path, capsys):
    files, again, back = (tmp_path / name for name in ("official", "run", "back"))
    files.mkdir()
    states = official_states(form)
    for letter, state in states.items():
        write_npz(files / f"latest_net_{letter}.pth", state)
    argv = ["convert", str(files), "--out", str(again), "--classes", "4"]
    argv += ["--image-size", "64x96", "--instances"]
    assert main.run(argv) == 0
    assert "dropped" not in capsys.readouterr().out
    config = read_run(again).config
    assert config.generator.ngf == (6 if form == "local" else 3)
    assert config.generator.downsamplings == 2
    assert (config.generator.blocks, config.discriminator.ndf) == (2, 2)
    assert config.discriminator.scales == (3 if form == "local" else 2)
    assert config.generator.instance_features == (2 if form == "features" else 0)
    assert main.run(["convert", str(again), "--to-official", str(back)]) == 0
    for letter, state in states.items():
        found = read_npz(back / f"latest_net_{letter}.pth")
        assert list(found) == list(state)
        assert all(found[key].tobytes() == state[key].tobytes() for key in state)


def test_files_of_other_networks_are_named(tmp_path):
    states = official_states("features")
    path = tmp_path / "latest_net_G.pth"
    for letter, words in (("D", "discriminator"), ("E", "encoder")):
        write_npz(path, states[letter])
        argv = ["convert", str(path), "--out", str(tmp_path / "run"), "--classes", "4"]
        with pytest.raises(InputError, match=f"a pix2pixHD {words}, where a generator"):
            main.run(argv)


def test_an_encoder_of_another_depth_is_refused(tmp_path):
    states = official_states("features") | {"E": encoder(depth=3)}
    for letter, state in states.items():
        write_npz(tmp_path / f"latest_net_{letter}.pth", state)
    argv = ["convert", str(tmp_path), "--out", str(tmp_path / "run"), "--classes", "4"]
    with pytest.raises(InputError, match="3 times, .* 2 times; .*leave the encoder"):
        main.run([*argv, "--instances", "--image-size", "64x64"])


def official_states(form):
    """State dictionaries as the official code names them, by letter."""
    channels = 5 + (2 if form == "features" else 0)
    names = hourglass("model", channels, 3 * (2 if form == "local" else 1), 2, 2)
    if form == "local":
        names += [
            *convolution("model1_1.1", channels, 3, 7),
            *convolution("model1_1.4", 3, 6, 3),
            *convolution("model1_2.0.conv_block.1", 6, 6, 3),
            *convolution("model1_2.0.conv_block.5", 6, 6, 3),
            *transposed("model1_2.1", 6, 3),
            *convolution("model1_2.5", 3, 3, 7),
        ]
    else:
        names += convolution("model.19", 3, 3, 7)
    states = {"G": filled(names), "D": discriminator(3 if form == "local" else 2)}
    return states | ({"E": encoder(depth=2)} if form == "features" else {})


def encoder(depth):
    names = hourglass("model", 3, 2, depth, 0)
    return filled([*names, *convolution(f"model.{6 * depth + 5}", 2, 2, 7)])


def discriminator(scales):
    names = []
    for scale in range(scales):
        widths = (8, 2, 4, 8, 16, 1)
        for layer in range(5):
            name = f"scale{scale}_layer{layer}.0"
            names += convolution(name, *widths[layer : layer + 2], 4)
    return filled(names)


def hourglass(name, channels, width, depth, blocks):
    """Names and shapes, counted over pads, norms and activations too."""
    found = convolution(f"{name}.1", channels, width, 7)
    for level in range(depth):
        before = width * 2**level
        found += convolution(f"{name}.{4 + 3 * level}", before, 2 * before, 3)
    place, wide = 3 * depth + 4, width * 2**depth
    for block in range(blocks):
        for part in (1, 5):
            inner = f"{name}.{place + block}.conv_block.{part}"
            found += convolution(inner, wide, wide, 3)
    for level in range(depth):
        here = f"{name}.{place + blocks + 3 * level}"
        found += transposed(here, wide // 2**level, wide // 2 ** (level + 1))
    return found


def convolution(name, before, after, size):
    return [(f"{name}.weight", (after, before, size, size)), (f"{name}.bias", (after,))]


def transposed(name, before, after):
    return [(f"{name}.weight", (before, after, 3, 3)), (f"{name}.bias", (after,))]


def filled(names):
    random = np.random.default_rng(0)
    return {name: random.normal(size=shape).astype("f4") for name, shape in names}
