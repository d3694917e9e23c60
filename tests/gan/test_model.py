"""The model as a whole: training, saving, and the same result on two replicas."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf import CCFPSE, Generator, LayoutEncoding, PerceptualLoss
from ccfpse_tf.gan.methods import METHODS
from tests.chaos import replicas
from tests.models.perceptual.random_vgg import write_vgg
from tests.small_model import (
    NETWORKS,
    ONE_PLAYER,
    SIZE,
    batch,
    batches,
    small_model,
)

LOGGED = METHODS["ccfpse"].logged
# Quantities of training that a method does not have.
_ONE_WAY = {"style noise", "batch statistics", "spectral vectors"}
_OTHER_NETWORKS = {
    *("encoder weights", "discriminator weights"),
    *("gradients, discriminator", "second moments, discriminator"),
}
LACKING = {"pix2pixhd": _ONE_WAY} | dict.fromkeys(
    ONE_PLAYER, _ONE_WAY | _OTHER_NETWORKS
)


@pytest.fixture(scope="module")
def model():
    """One model for all tests that may go on from wherever the last one left it."""
    return small_model()


def weights(model):
    return [variable.numpy().copy() for variable in model.variables]


def tensors(batch):
    return {key: tf.constant(value) for key, value in batch.items()}


def test_fit_moves_all_weights_and_is_traced_once(model):
    before, steps = weights(model), int(model.steps)
    traces = []
    inner = model._discriminator_losses
    model._discriminator_losses = lambda *x: (traces.append(1), inner(*x))[1]
    for _ in range(2):  # epochs, and runs that are resumed, share one trace
        history = model.fit(batches(2, 2), epochs=2, shuffle=False, verbose=0).history
    model._discriminator_losses = inner
    assert len(traces) == 1
    assert set(history) == set(LOGGED) - {"perceptual"}
    assert all(np.isfinite(values).all() for values in history.values())
    pairs = zip(model.variables, before, weights(model), strict=True)
    d = model.discriminator
    # What these two add to a score does not depend on the image. While no score is
    # beyond the hinge's margin, real and fake images push them equally.
    balanced = [layer.bias for layer in (d.patch_score, d.semantic_features)]
    same = [variable.path for variable, a, b in pairs if np.array_equal(a, b)]
    same = [path for path in same if path not in [bias.path for bias in balanced]]
    # Without a loss on VGG features its tracker stays; nothing else does.
    same = [name.split("/")[-1] for name in same if "perceptual" not in name]
    assert same == ["skipped", "skipped_in_a_row"], same
    assert int(model.steps) == steps + 8
    d.patch_score.bias.assign_add([5.0])  # beyond the margin on the real side
    before = [bias.numpy().copy() for bias in balanced]
    model.fit(batches(1, 2), shuffle=False, verbose=0)  # the same trace serves
    d.patch_score.bias.assign_sub([5.0])
    moved = before[0] - 5, before[1]
    for bias, old in zip(balanced, moved, strict=True):
        assert not np.allclose(bias.numpy(), old, atol=1e-5), bias.path


def test_the_logged_losses_are_weighted_and_add_up(model):
    real, semantics = model._unpack(tensors(batch()))
    logs, outputs, _ = model._generator_losses(real, semantics, training=False)
    parts = logs["gan"] + logs["feature_matching"] + logs["kl"]
    assert float(logs["generator_loss"]) == pytest.approx(float(parts), rel=1e-5)
    sums = model._discriminator_losses(*outputs)
    total = float(sums["d_fake"] + sums["d_real"])
    assert float(sums["discriminator_loss"]) == pytest.approx(total, rel=1e-6)
    old = dict(model.loss_weights)
    model.loss_weights = {"feature_matching": 2 * old["feature_matching"], "kl": 0.5}
    more, *_ = model._generator_losses(real, semantics, training=False)
    model.loss_weights = old
    assert float(more["kl"]) == pytest.approx(5 * float(logs["kl"]), rel=1e-5)
    twice = 2 * float(logs["feature_matching"])
    assert float(more["feature_matching"]) == pytest.approx(twice, rel=1e-5)


def test_evaluation_changes_nothing(model):
    before = weights(model)
    first = model.evaluate(batches(1, 2), verbose=0, return_dict=True)
    again = model.evaluate(batches(1, 2), verbose=0, return_dict=True)
    assert first == again and set(first) == set(LOGGED) - {"perceptual"}
    trackers = {id(v) for metric in model.metrics for v in metric.variables}
    for variable, a in zip(model.variables, before, strict=True):
        if id(variable) not in trackers:
            np.testing.assert_array_equal(a, variable.numpy())


def test_logs_over_several_machines_have_an_axis(model, monkeypatch):
    """Along which Keras averages them; it cannot average scalars."""
    values = {"gan": tf.constant(2.0)}
    assert model._track(values)["gan"].shape == ()
    monkeypatch.setattr(
        "ccfpse_tf.gan.trainable_model._several_machines", lambda strategy: True
    )
    assert model._track(values)["gan"].shape == (1,)


def test_every_half_step_has_noise_of_its_own(model):
    g, d = (np.asarray(model.style_noise(2, phase)) for phase in (0, 1))
    np.testing.assert_array_equal(g, model.style_noise(2, 0))
    model.steps.assign_add(1)
    later = np.asarray(model.style_noise(2, 0))
    assert not np.allclose(g, d) and not np.allclose(g, later)
    assert not np.allclose(d, later)


def test_without_style():
    model = small_model(z_dim=0)
    assert "kl" not in model.train_step(tensors(batch()))
    images = model.synthesize(batch()["label"], batch()["instance"])
    assert images.shape == (2, *SIZE, 3)
    with pytest.raises(ValueError, match="no style encoder"):
        model.encode(batch()["image"])


def zeros(*shape):
    return np.zeros(shape, np.int32)


WRONG_MAPS = {
    "size": ((zeros(2, 32, 64),) * 2, "32x64 .* own size only, 64x96"),
    "multiple": ((zeros(2, 128, 192),) * 2, "128x192 .* own size only, 64x96"),
    "one map": ((zeros(*SIZE),) * 2, r"label maps have the shape \(64, 96\)"),
    "fewer instances": (
        (zeros(2, *SIZE), zeros(1, *SIZE)),
        r"instance maps .* \(1, 64, 96\); expected \(2, 64, 96\)",
    ),
    "smaller instances": (
        (zeros(2, *SIZE), zeros(2, 32, 48)),
        r"instance maps .* expected \(2, 64, 96\)",
    ),
}


@pytest.mark.parametrize(("maps", "words"), WRONG_MAPS.values(), ids=WRONG_MAPS)
def test_wrong_maps_are_refused_whatever_was_drawn_before(maps, words, model):
    model.synthesize(*(zeros(2, *SIZE),) * 2, tf.zeros((2, 4)))
    with pytest.raises(ValueError, match=words):  # the graph would be made for any size
        model.synthesize(*maps, tf.zeros((2, 4)))


@pytest.mark.parametrize("shape", [(1, 4), (2, 3), (4,), (2, 4, 1)])
def test_style_codes_of_another_shape_are_refused(shape, model):
    with pytest.raises(ValueError, match=r"codes have .* expected \(2, 4\)"):
        model.synthesize(*(zeros(2, *SIZE),) * 2, tf.zeros(shape))


def test_models_of_any_size_draw_multiples_of_their_stride():
    model = small_model(z_dim=0, method="spade")
    for size in (SIZE, (32, 64), (96, 32), (64, 64)):
        assert model.synthesize(*(zeros(1, *size),) * 2).shape == (1, *size, 3)
    with pytest.raises(ValueError, match="48x48 .* multiples of 32 from 32 on"):
        model.synthesize(*(zeros(1, 48, 48),) * 2)


@pytest.mark.slow
def test_predict_takes_the_mean_style_of_the_image_or_a_given_one(model):
    x = batch()
    mu, _ = model.encode(x["image"])
    expected = model.synthesize(x["label"], x["instance"], mu)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-5)
    given = model(tensors(x) | {"z": tf.ones((2, 4))})
    assert np.abs(given - expected).max() > 1e-4


def test_a_saved_model_is_the_same_in_every_variable(model, tmp_path):
    model.steps.assign_add(1)  # whether another test has trained it or not
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    pairs = list(zip(model.variables, loaded.variables, strict=True))
    for name in ("generator_optimizer", "discriminator_optimizer"):
        ours, theirs = (getattr(x, name).variables for x in (model, loaded))
        pairs += zip(ours, theirs, strict=True)
    for a, b in pairs:
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)
    assert int(loaded.steps) > 0


@pytest.mark.slow
def test_what_compile_was_given_is_saved(tmp_path):
    model = small_model(gan_mode="least_squares", loss_weights={"kl": 0.3})
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.gan_mode == "least_squares" and loaded.loss_weights["kl"] == 0.3
    adams = (x.generator_optimizer.inner_optimizer for x in (loaded, model))
    assert len({adam.epsilon for adam in adams}) == 1


def test_parts_that_do_not_fit_are_refused(model):
    layout, good = LayoutEncoding(3), model
    with pytest.raises(ValueError, match="4 semantic channels.*makes 3"):
        CCFPSE(layout, good.generator, good.discriminator, good.encoder)
    generator = Generator(4, SIZE, ngf=2, z_dim=8, hidden=8)
    with pytest.raises(ValueError, match="has 8 values, the encoder's 4"):
        CCFPSE(good.layout_encoding, generator, good.discriminator, good.encoder)
    with pytest.raises(ValueError, match="choose from hinge"):
        small_model(gan_mode="hing")
    with pytest.raises(ValueError, match="choose from feature_matching"):
        small_model(loss_weights={"vgg": 1.0})


def test_labels_outside_the_classes_stop_training(model):
    x = batch()
    x["label"][0, 3, 4] = 200
    with pytest.raises(tf.errors.InvalidArgumentError, match="outside 0..2"):
        model.train_step(tensors(x))


@pytest.mark.slow
def test_the_perceptual_loss_is_not_in_checkpoints(model, tmp_path):
    path = tmp_path / "vgg19.npz"
    write_vgg(path)
    plain = model
    model = small_model(perceptual_loss=PerceptualLoss("torchvision", str(path)))
    assert len(model.variables) == len(plain.variables)
    real, semantics = model._unpack(tensors(batch()))
    logs, *_ = model._generator_losses(real, semantics, training=False)
    assert logs["perceptual"] > 0
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.perceptual_loss.weights == str(path)


def test_a_saved_spade_draws_as_before(tmp_path):
    model = small_model(method="spade", z_dim=0)
    model.train_step(tensors(batch()))
    model.save(tmp_path / "spade.keras")
    again = keras.saving.load_model(tmp_path / "spade.keras")
    x = batch()
    for a, b in zip(weights(model), weights(again), strict=True):
        np.testing.assert_array_equal(a, b)
    images = [
        np.asarray(one.synthesize(x["label"], x["instance"])) for one in (model, again)
    ]
    np.testing.assert_allclose(*images, atol=1e-6)
    assert again.discriminator.architecture == "multiscale"


@pytest.mark.slow
@pytest.mark.parametrize("method", [*NETWORKS, *ONE_PLAYER])
def test_two_replicas_equal_one(method, tmp_path):
    """Without tracing, which takes ten times as long."""
    steps = "2" if method in ONE_PLAYER else "1"
    options = ["--eager", "--method", method, "--steps", steps]
    one, two = replicas.train(tmp_path, (1, 2), options)
    assert_same(one, two, LACKING.get(method, set()))
    if method in ONE_PLAYER:
        for key, value in one.items():
            within = 1e-5 if key.startswith("loss/") else 1e-9
            np.testing.assert_allclose(two[key], value, within, within, err_msg=key)


@pytest.mark.slow
@pytest.mark.parametrize("fake", ["regenerate", "reuse"])
def test_two_replicas_equal_one_as_trained(fake, tmp_path):
    options = ["--fake", fake, "--steps", "2"]
    assert_same(*replicas.train(tmp_path, (1, 2), options))


def assert_same(one, two, lacking=frozenset()):
    found = replicas.differences(one, two)
    assert replicas.QUANTITIES.keys() - found.keys() == lacking
    assert {"image", "steps"} <= one.keys() and len(one) > 50
    wrong = {key: x for key, x in found.items() if x > replicas.limit(key)}
    assert not wrong
    for key, value in one.items():
        if key in ("image", "noise"):
            continue  # compared above
        error = float(np.abs(value - two[key]).max())
        # Losses are averaged in float32, everything else is float64.
        limit = 1e-5 if key.startswith("loss/") else 1e-9
        assert error < limit * max(1.0, float(np.abs(value).max())), (key, error)
