"""The contract of every row of gan/methods.py, and a second row that keeps it."""

import os
import subprocess
import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.config import Config, override
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan import methods
from ccfpse_tf.gan.build import build_model
from ccfpse_tf.generation.trained_model import TrainedModel
from ccfpse_tf.runs.checkpoints import CheckpointStore
from ccfpse_tf.runs.run_folder import Run
from ccfpse_tf.training.train import train
from tests.export.exported import export_tiny
from tests.gan import other_method
from tests.models.perceptual import lite_weights
from tests.small_model import SIZE, batch

DESCRIPTION = types.SimpleNamespace(label_channels=3, instances=True)
PAIRS = [
    (name, adversary)
    for name, method in methods.METHODS.items()
    for adversary in method.adversaries
    # The enhancers come after the global generator, which is tried with all of them.
    if (name != "pix2pixhd_local" or adversary == "multiscale_pix2pixhd")
    and adversary != "none"  # those are in test_one_player.py
]
SMALL = [
    *("generator.ngf=2", "generator.hidden=8", "generator.z_dim=4"),
    *("generator.downsamplings=2", "generator.blocks=1", "generator.enhancer_blocks=1"),
    *(
        "discriminator.ndf=2",
        f"data.image_size={SIZE[0]}x{SIZE[1]}",
        "losses.perceptual_network=off",
    ),
]


@pytest.fixture(scope="module", autouse=True)
def random_weights():
    """Frozen networks are there, whether or not their packages are installed."""
    with pytest.MonkeyPatch.context() as patch:
        lite_weights.install(patch)
        yield


def config_of(pair, *settings):
    names = zip(("generator", "discriminator"), pair, strict=True)
    chosen = [f"{section}.architecture={name}" for section, name in names]
    return override(Config(name="test"), [*SMALL, *chosen, *settings])


def tensors():
    return {key: tf.constant(value) for key, value in batch().items()}


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def pair(request):
    return request.param


@pytest.fixture(scope="module")
def config(pair):
    return config_of(pair)


@pytest.fixture(scope="module")
def model(config):
    return build_model(config, DESCRIPTION, 7)


def test_the_networks_tell_what_the_row_says(config, model):
    method, generator = methods.method_of(config), model.generator
    assert generator.architecture == config.generator.architecture
    assert model.discriminator.architecture == config.discriminator.architecture
    assert generator.image_size == config.data.image_size
    assert all(edge % generator.stride == 0 for edge in generator.image_size)
    assert model.z_dim == generator.z_dim == method.z_dim(config)
    assert (model.encoder is not None) == bool(model.z_dim)
    assert method.title and method.summary(config)


def test_a_step_moves_both_players_and_logs_the_row_s_losses(config, model):
    players = model.generator, model.discriminator
    before = [[np.asarray(v) for v in x.trainable_variables] for x in players]
    model.perceptual_loss = lambda fake, real: tf.reduce_mean(tf.abs(fake - real))
    logs = model.train_step(tensors())
    model.perceptual_loss = None
    assert set(logs) == set(methods.method_of(config).logged)
    assert all(np.isfinite(value) for value in logs.values())
    for player, old in zip(players, before, strict=True):
        pairs = zip(player.trainable_variables, old, strict=True)
        assert any(not np.array_equal(variable, value) for variable, value in pairs)


def test_it_generates(model):
    x = batch()
    z = tf.zeros((2, model.z_dim)) if model.z_dim else None
    images = np.asarray(model.synthesize(x["label"], x["instance"], z))
    assert images.shape == (2, *SIZE, 3) and np.abs(images).max() <= 1


def test_without_a_style_code(pair):
    config = config_of(pair, "generator.z_dim=0")
    assert methods.method_of(config).z_dim(config) == 0
    model = build_model(config, DESCRIPTION, 7)
    assert model.encoder is None and model.z_dim == 0
    assert "kl" not in model.test_step(tensors())


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ("33x70", ["height 33", "width 70", "multiple of 32"]),
        ("256x250", ["width 250", "multiple of 32", "256"]),
        ("32x64", ["height 32", "above 32"]),
        ("32x48", ["height 32", "above 32", "width 48"]),
    ],
)
def test_wrong_sizes_are_refused_wherever_a_model_is_built(size, words, tmp_path):
    config = config_of(("ccfpse", "fpse"), f"data.image_size={size}")
    for refusing in (
        lambda: methods.check(config),
        lambda: build_model(config, DESCRIPTION, 7),
        lambda: train(config, tmp_path / "run"),
        lambda: TrainedModel(Run(tmp_path / "run", config), DESCRIPTION),
    ):
        with pytest.raises(InputError, match="the config cannot be used") as caught:
            refusing()
        for word in words:
            assert word in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_the_stride_follows_the_depth():
    pair = ("ccfpse", "fpse")
    methods.check(config_of(pair, "data.image_size=96x96"))
    deep = config_of(pair, "data.image_size=96x96", "generator.depth=6")
    with pytest.raises(InputError, match=r"64 = 2\*\*6 .* nearest is 128"):
        methods.check(deep)


def test_commands_check_configs_before_tensorflow_is_loaded(repository):
    code = "import sys; from ccfpse_tf.gan.methods import check; print(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        check=True,
    )
    for heavy in ("tensorflow", "keras", "numpy"):
        assert f"'{heavy}'" not in done.stdout


@pytest.fixture
def other_config(monkeypatch):
    """A config of another method, which the keys' choices do not know."""
    monkeypatch.setitem(methods.METHODS, "one_convolution", other_method.ROW)
    config = config_of(PAIRS[0], "data.image_size=64x96")
    object.__setattr__(config.generator, "architecture", "one_convolution")
    object.__setattr__(config.discriminator, "architecture", "two_scales")
    return config


def test_another_method_comes_in_by_its_row(other_config, tmp_path):
    model = build_model(other_config, DESCRIPTION, 7)
    logs = model.fit(
        tf.data.Dataset.from_tensors(batch()), shuffle=False, verbose=0
    ).history
    assert set(logs) == set(other_method.ROW.logged)
    # Sums over two scales, of the features and scores of another nesting.
    outputs = model.discriminator.compare(*[batch()["image"]] * 2, None)
    assert [len(features) for features in outputs[0].features] == [2, 2]
    scores = np.sum([np.mean(score) for score in outputs[0].scores])
    losses = model._discriminator_losses(*outputs)
    np.testing.assert_allclose(losses["d_fake"], scores, rtol=1e-5)

    CheckpointStore(model, tmp_path / "checkpoints").save()
    again = build_model(other_config, DESCRIPTION, 7)
    assert CheckpointStore(again, tmp_path / "checkpoints").restore() == 1
    exported = export_tiny(again, tmp_path / "other")
    assert exported.description["z_dim"] == 0
    assert exported.facts["difference"]["largest"] <= 1


def test_another_method_refuses_what_does_not_fit(other_config):
    object.__setattr__(other_config.data, "image_size", (64, 66))
    with pytest.raises(InputError, match="width 66; choose a multiple of 4"):
        build_model(other_config, DESCRIPTION, 7)
    object.__setattr__(other_config.discriminator, "architecture", "fpse")
    with pytest.raises(InputError) as caught:
        build_model(other_config, DESCRIPTION, 7)
    assert "is trained with: two_scales" in str(caught.value)
    assert "width 66" in str(caught.value)


def test_networks_of_two_methods_are_refused(other_config):
    theirs = build_model(other_config, DESCRIPTION, 7)
    ours = build_model(config_of(PAIRS[0], "generator.z_dim=0"), DESCRIPTION, 7)
    with pytest.raises(ValueError, match="not trained with .* 'two_scales'; it has"):
        type(ours)(ours.layout_encoding, ours.generator, theirs.discriminator)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["generator.architecture=ccfpse"], "with style code draws one size only"),
        (["data.image_size=64x128"], "half the size: .*height 32; .*above 32"),
        (["data.image_size=160x128"], "half the size: .*height 80, .*multiple of 32"),
        (["schedule.small_epochs=200"], "small_epochs is 200, of 100 epochs"),
    ],
)
def test_windows_of_half_the_size(settings, words):
    compact = ["data.image_size=128x128", "schedule.small_epochs=2"]
    config = config_of(("ccfpse_compact", "fpse"), *compact)
    methods.check(config)
    with pytest.raises(InputError, match=words):
        methods.check(override(config, settings))
