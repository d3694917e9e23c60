"""The training step: its fakes, its precisions and its ways of compilation."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf import CCFPSE
from ccfpse_tf.gan.optimizers import Adam, LossScaleOptimizer
from tests.small_model import batch, small_model

WITHIN = {"mixed_bfloat16": 1e-2, "mixed_float16": 2e-3}  # of float32's losses


def same_model(**options):
    """The same initial weights every time."""
    keras.utils.set_random_seed(3)
    return small_model(**options)


def data():
    return {key: tf.constant(value) for key, value in batch().items()}


def values(variables):
    return [np.asarray(variable) for variable in variables]


@pytest.fixture(scope="module")
def regenerating():
    """A model after a step, and that step's losses."""
    model = same_model()
    return model, model.train_step(data())


@pytest.fixture(scope="module")
def float32_losses(regenerating):
    return regenerating[1]


@pytest.fixture(scope="module")
def reusing():
    """The same with a reused fake, and the discriminator's gradients."""
    model, found = same_model(discriminator_fake="reuse"), []
    optimizer = model.discriminator_optimizer
    optimizer.apply = lambda gradients, variables: found.extend(gradients)
    return model, model.train_step(data()), found


@pytest.fixture(scope="module")
def untrained():
    """A model that may be compiled again and again."""
    return small_model()


def test_a_reused_fake_is_the_one_of_the_generators_step(reusing):
    (model, _, found), expected = reusing, same_model()

    # The same by hand: one pass of generator and encoder, two of the discriminator.
    real, semantics = expected._unpack(data())
    *_, fake = expected._generator_losses(real, semantics, training=True)
    with tf.GradientTape() as tape:
        outputs = expected.discriminator.compare(fake, real, semantics, training=True)
        loss = expected._discriminator_losses(*outputs)["discriminator_loss"]
    variables = [v.value for v in expected.discriminator.trainable_variables]
    for ours, theirs in zip(found, tape.gradient(loss, variables), strict=True):
        limit = 1e-6 * float(tf.reduce_max(tf.abs(theirs)))
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=limit)

    # So batch statistics and spectral vectors have moved once, the discriminator's
    # twice.
    for part in ("generator", "encoder", "discriminator"):
        pair = (getattr(x, part).non_trainable_variables for x in (model, expected))
        for ours, theirs in zip(*map(values, pair), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


def test_a_regenerated_fake_moves_the_statistics_twice(reusing, regenerating):
    (once, logs, _), (twice, other_logs) = reusing, regenerating
    pair = (model.generator.non_trainable_variables for model in (once, twice))
    for a, b in zip(*pair, strict=True):
        assert not np.array_equal(a, b), a.path
    # The generator's half of the step knows nothing of the discriminator's.
    np.testing.assert_allclose(logs["gan"], other_logs["gan"], rtol=1e-6)


def test_other_kinds_of_fake_are_refused(untrained):
    with pytest.raises(ValueError, match="'reused': choose from regenerate, reuse"):
        untrained.compile(discriminator_fake="reused")


@pytest.mark.parametrize(
    "policy",
    ["mixed_float16", pytest.param("mixed_bfloat16", marks=pytest.mark.slow)],
)
def test_a_step_in_mixed_precision(policy, float32_losses):
    model = same_model(dtype=policy)
    logs = model.train_step(data())
    for name, value in logs.items():
        assert value.dtype == tf.float32
        # The divergence is a square, and has twice the error of what is squared.
        within = WITHIN[policy] * (2 if name == "kl" else 1)
        np.testing.assert_allclose(
            value, float32_losses[name], rtol=within, err_msg=name
        )
    optimizers = (model.generator_optimizer, model.discriminator_optimizer)
    for variable in [*model.variables, *(v for o in optimizers for v in o.variables)]:
        assert variable.dtype in ("float32", "int64", "int32"), variable.path
    scaled = [isinstance(optimizer, LossScaleOptimizer) for optimizer in optimizers]
    assert scaled == [policy == "mixed_float16"] * 2
    images = model.synthesize(batch()["label"], batch()["instance"], tf.zeros((2, 4)))
    assert images.dtype == tf.float32


def test_an_overflow_skips_one_players_step():
    model = same_model(dtype="mixed_float16")
    trained = model._generator_variables()
    before = values(trained), values(model.discriminator.trainable_variables)
    model.generator_optimizer.dynamic_scale.assign(2.0**60)  # infinite in float16
    model.discriminator_optimizer.dynamic_scale.assign(16.0)
    logs = model.train_step(data())
    assert all(np.isfinite(value) for value in logs.values())
    after = values(trained), values(model.discriminator.trainable_variables)
    assert all(np.array_equal(a, b) for a, b in zip(before[0], after[0], strict=True))
    moved = [(a != b).any() for a, b in zip(before[1], after[1], strict=True)]
    # The patch score's bias stays: at first its gradients for real and fake cancel.
    assert sum(moved) == len(moved) - 1
    assert float(model.generator_optimizer.dynamic_scale) == 2.0**59
    assert int(model.generator_optimizer.iterations) == 0
    assert int(model.discriminator_optimizer.iterations) == 1
    assert int(model.steps) == 1


def test_a_step_that_is_not_finite_changes_no_weight_on_either_side():
    model = same_model()
    trained = model._generator_variables() + model.discriminator.trainable_variables
    before, good = values(trained), data()
    bad = good | {"image": good["image"] * np.nan}
    model.train_step(bad)
    for a, b in zip(before, values(trained), strict=True):
        np.testing.assert_array_equal(a, b)
    assert all(np.isfinite(value).all() for value in values(model.weights))
    counts = int(model.steps), int(model.skipped), int(model.skipped_in_a_row)
    assert counts == (1, 1, 1)
    assert int(model.generator_optimizer.iterations) == 0

    logs = model.train_step(good)
    assert all(np.isfinite(value) for value in logs.values())
    counts = int(model.steps), int(model.skipped), int(model.skipped_in_a_row)
    assert counts == (2, 1, 0)
    assert int(model.generator_optimizer.iterations) == 1


def test_a_loss_scale_of_keras_becomes_ours_and_is_not_doubled(untrained):
    scaled = keras.optimizers.LossScaleOptimizer(Adam(1e-3), initial_scale=8.0)
    untrained.compile(scaled)
    found = untrained.generator_optimizer
    assert type(found) is LossScaleOptimizer and type(found.inner_optimizer) is Adam
    assert float(found.dynamic_scale) == 8.0


def test_keras_global_policy_reaches_all_parts():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = small_model()
    finally:
        keras.config.set_dtype_policy("float32")
    for part in (model, model.generator, model.discriminator, model.encoder):
        layers = [layer for layer in part._flatten_layers() if layer.variables]
        assert {layer.compute_dtype for layer in layers} == {"bfloat16"}
        assert {v.dtype for v in part.trainable_variables} == {"float32"}


@pytest.mark.slow
def test_a_compiled_model_remembers_how(tmp_path):
    model = same_model(discriminator_fake="reuse", dtype="mixed_float16")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.discriminator_fake == "reuse"
    assert type(loaded.discriminator_optimizer) is LossScaleOptimizer
    assert loaded.generator.dtype_policy.name == "mixed_float16"


def test_xla_is_refused_on_several_replicas(untrained, monkeypatch):
    several = types.SimpleNamespace(num_replicas_in_sync=2)
    monkeypatch.setattr(CCFPSE, "distribute_strategy", several)
    with pytest.raises(ValueError, match="jit_compile with 2 replicas: one XLA"):
        untrained.compile(jit_compile=True)


@pytest.mark.slow
def test_xla_computes_the_same_step(float32_losses):
    model = same_model(jit_compile=True)
    dataset = tf.data.Dataset.from_tensors(batch())
    logs = model.fit(dataset, shuffle=False, verbose=0).history
    for name, (value,) in logs.items():
        # The discriminator's fake is drawn after an update by lr * sign(gradient).
        limit = 1e-3 if name.startswith("d") else 1e-4
        np.testing.assert_allclose(value, float32_losses[name], rtol=limit)
