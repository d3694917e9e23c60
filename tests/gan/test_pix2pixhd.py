"""pix2pixHD's training step: one image, and the outermost enhancer alone at first."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf import LayoutEncoding
from ccfpse_tf.config import Config, override
from ccfpse_tf.gan import methods
from ccfpse_tf.gan.build import build_model
from ccfpse_tf.runs.checkpoints import CheckpointStore
from tests.small_model import SIZE, batch

DESCRIPTION = types.SimpleNamespace(label_channels=3, instances=True)
FIXED, STEPS = 2, 4  # steps of the enhancer alone, and of all
SMALL = (
    *("generator.ngf=4", "generator.downsamplings=1", "generator.blocks=1"),
    *("generator.enhancer_blocks=1", "generator.instance_features=2"),
    *("generator.encoder_ngf=2", "discriminator.ndf=2", "discriminator.scales=2"),
    *("losses.perceptual_network=off", f"data.image_size={SIZE[0]}x{SIZE[1]}"),
    *("schedule.epochs=4", "schedule.decay_epochs=4"),
)


def made(*settings):
    """A model with the same initial weights every time."""
    keras.utils.set_random_seed(1)
    wanted = [*methods.settings("pix2pixhd_local"), *SMALL, *settings]
    return build_model(override(Config(name="test"), wanted), DESCRIPTION, 1)


def data(step):
    return {key: tf.constant(value) for key, value in batch(seed=step).items()}


def values(variables):
    return [np.asarray(variable) for variable in variables]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A model, its weights after every step, and checkpoints of all of these."""
    model = made(f"schedule.fix_global_epochs={FIXED}")
    store = CheckpointStore(model, tmp_path_factory.mktemp("checkpoints"), keep=9)
    seen, paths = [values(model.trainable_variables)], []
    for step in range(STEPS):
        model.train_step(data(step))
        seen.append(values(model.trainable_variables))
        paths.append(store.save())
    return model, seen, paths


def test_the_outermost_enhancer_and_the_encoder_are_trained_alone(whole):
    model, seen, _ = whole
    outer = {id(variable) for variable in model.generator.outermost_variables}
    outer |= {id(variable) for variable in model.encoder.trainable_variables}
    inner = {id(v) for v in model.generator.trainable_variables} - outer
    assert inner
    for step, (before, after) in enumerate(zip(seen, seen[1:], strict=False)):
        moved = {
            id(variable)
            for variable, a, b in zip(
                model.trainable_variables, before, after, strict=True
            )
            if not np.array_equal(a, b)
        }
        assert moved & outer
        assert bool(moved & inner) == (step >= FIXED)


def test_then_a_new_adam_trains_everything(whole):
    """Another model, whose optimiser is new, goes on with the same weights."""
    _, seen, paths = whole
    model = made(f"schedule.fix_global_epochs={FIXED}")
    CheckpointStore(model, paths[0].parent).restore(paths[FIXED - 1])
    adam = model.generator_optimizer.inner_optimizer
    for moment in (*adam._momentums, *adam._velocities):
        moment.assign(tf.zeros_like(moment))
    adam.restart_at = 0  # nothing is fixed, nor forgotten
    adam.iterations.assign(0)
    for step in range(FIXED, STEPS):
        model.train_step(data(step))
        for ours, wanted in zip(
            values(model.trainable_variables), seen[step + 1], strict=True
        ):
            np.testing.assert_allclose(ours, wanted, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("start", [1, FIXED, 3])
def test_a_resumed_training_is_the_same_to_the_last_bit(start, whole):
    _, seen, paths = whole
    model = made(f"schedule.fix_global_epochs={FIXED}")
    store = CheckpointStore(model, paths[0].parent)
    assert store.restore(paths[start - 1]) == start
    for step in range(start, STEPS):
        model.train_step(data(step))
    for ours, wanted in zip(values(model.trainable_variables), seen[-1], strict=True):
        np.testing.assert_array_equal(ours, wanted)


def test_losses_sum_over_scales_and_one_image_is_made():
    model, drawn = made(), []
    generate = model._generate
    model._generate = lambda *args, **kwargs: (
        drawn.append(1) or generate(*args, **kwargs)
    )
    logs = model.train_step(data(0))
    assert len(drawn) == 1
    assert logs["discriminator_loss"] == logs["d_fake"] + logs["d_real"]
    # Scores start near 0, so each of two scales costs a generator 1, and D a half.
    for name in ("gan", "d_real"):
        assert float(logs[name]) == pytest.approx(2 if name == "gan" else 1, rel=0.3)


def test_validation_reads_the_features_of_the_images():
    model = made()
    fake, *_ = model._generate(data(0)["image"], *encoded(model), 0, training=False)
    drawn = model.synthesize(data(0)["label"], data(0)["instance"])
    assert np.abs(np.asarray(fake) - drawn).max() > 0
    assert set(model.test_step(data(0))) == set(model.logged) - {"perceptual"}


def encoded(model):
    return [model.layout_encoding(data(0)["label"], data(0)["instance"])]


def test_a_saved_model_is_loaded_again(tmp_path):
    model = made()
    model.train_step(data(0))
    model.generator.clusters.counts.assign([1, 2, 0, 0])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for ours, wanted in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, wanted)
    x = data(1)
    found = [one.synthesize(x["label"], x["instance"]) for one in (model, again)]
    np.testing.assert_array_equal(*found)


def test_parts_that_do_not_fit_are_refused():
    model = made()
    kind, parts = type(model), [model.generator, model.discriminator]
    with pytest.raises(ValueError, match="reads 2 instance features, the encoder mak"):
        kind(model.layout_encoding, *parts)
    plain = LayoutEncoding(4)  # as many channels, none of them edges
    with pytest.raises(ValueError, match="need a layout with instances"):
        kind(plain, *parts, model.encoder)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(precision):
    expected, found = (
        made(*settings).train_step(data(0))
        for settings in ((), (f"step.precision={precision}",))
    )
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0.05, atol=0.02)
