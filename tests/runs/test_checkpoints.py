"""Checkpoints: which are kept, which are refused, and the state after a failure."""

import errno
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.config import Config, override
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan.optimizers import loss_scales, unwrapped
from ccfpse_tf.runs.checkpoint_folder import (
    best,
    latest,
    read_facts,
    steps_saved,
)
from ccfpse_tf.runs.checkpoints import CheckpointStore, ReadOnlyCheckpoints

OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")


class Pair(keras.Model):
    """Two layers in a list, which TensorFlow's own object tracking does not see."""

    def __init__(self, units=3, scale=False, compiled=True):
        super().__init__()
        self.parts = [keras.layers.Dense(4), keras.layers.Dense(units)]
        self.parts[0].build((None, 2))
        self.parts[1].build((None, 4))
        self.steps = self.add_weight(shape=(), dtype="int64", trainable=False)
        if not compiled:
            return
        adams = keras.optimizers.Adam(0.1), keras.optimizers.Adam(0.1)
        if scale:
            adams = map(keras.optimizers.LossScaleOptimizer, adams)
        first, self.discriminator_optimizer = adams
        self.compile(first, "mse")
        self.generator_optimizer.build(self.trainable_variables)
        self.discriminator_optimizer.build(self.parts[0].trainable_variables)

    @property
    def generator_optimizer(self):
        return self.optimizer

    def call(self, x):
        return self.parts[1](self.parts[0](x))

    def checkpoint_variables(self):
        names = OPTIMIZERS if self.compiled else ()
        own = {"model": self.weights}
        return own | {n: unwrapped(getattr(self, n)).variables for n in names}

    def loss_scales(self):
        return {
            f"{name}_{scale}": variable
            for name in (OPTIMIZERS if self.compiled else ())
            for scale, variable in loss_scales(getattr(self, name)).items()
        }


def _model(units=3, scale=False, compiled=True):
    return Pair(units, scale, compiled)


@pytest.fixture
def store(tmp_path):
    return CheckpointStore(_model(), tmp_path, keep=2)


def _save_at(store, step):
    store.model.steps.assign(step)
    return store.save()


def test_round_trip_restores_weights_optimizer_and_step(store, tmp_path):
    x = np.ones((4, 2), np.float32)
    store.model.fit(x, np.ones((4, 3), np.float32), verbose=0)
    store.model.discriminator_optimizer.iterations.assign(5)
    _save_at(store, 7)
    other = CheckpointStore(_model(), tmp_path)
    assert other.restore() == 7
    np.testing.assert_array_equal(other.model(x), store.model(x))
    for name in ("generator_optimizer", "discriminator_optimizer"):
        found, saved = (getattr(s.model, name).variables for s in (other, store))
        for a, b in zip(found, saved, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("scale", [False, True])
def test_a_model_that_only_draws_needs_no_optimizers(scale, tmp_path):
    store = CheckpointStore(_model(scale=scale), tmp_path)
    _save_at(store, 7)
    drawing = CheckpointStore(_model(compiled=False), tmp_path)
    assert drawing.restore() == 7
    x = np.ones((4, 2), np.float32)
    np.testing.assert_array_equal(drawing.model(x), store.model(x))


def test_a_model_that_only_draws_leaves_no_weights_unread(store, tmp_path):
    store.model.parts.append(keras.layers.Dense(1))
    store.model.parts[2].build((None, 3))
    _save_at(CheckpointStore(store.model, tmp_path), 7)
    with pytest.raises(InputError, match="is not known"):
        CheckpointStore(_model(compiled=False), tmp_path).restore()


@pytest.mark.parametrize("here", [False, True])
@pytest.mark.parametrize("there", [False, True])
def test_loss_scales_come_along_where_both_have_them(here, there, tmp_path):
    saved = CheckpointStore(_model(scale=here), tmp_path)
    saved.model.fit(np.ones((4, 2)), np.ones((4, 3)), verbose=0)
    if here:
        saved.model.optimizer.dynamic_scale.assign(8.0)
    _save_at(saved, 7)
    other = CheckpointStore(_model(scale=there), tmp_path)
    assert other.restore() == 7
    for name in ("generator_optimizer", "discriminator_optimizer"):
        adams = [getattr(store.model, name) for store in (saved, other)]
        adams = [getattr(adam, "inner_optimizer", adam) for adam in adams]
        for a, b in zip(*(adam.variables for adam in adams), strict=True):
            np.testing.assert_array_equal(a, b, err_msg=a.path)
    if there:
        scale = np.asarray(other.model.optimizer.dynamic_scale)
        assert scale == (8.0 if here else 2.0**15)
    _save_at(other, 8)
    assert CheckpointStore(_model(scale=here), tmp_path).restore() == 8


def test_only_the_newest_are_kept_also_across_restarts(store, tmp_path):
    for step in (5, 10, 900):
        _save_at(store, step)
    assert steps_saved(tmp_path) == [10, 900]
    assert latest(tmp_path).name == "ckpt-900"
    again = CheckpointStore(_model(), tmp_path, keep=2)
    again.restore()
    _save_at(again, 1000)
    assert steps_saved(tmp_path) == [900, 1000]


def test_an_empty_folder_restores_nothing(store):
    assert store.restore() == 0


def test_weights_that_are_not_finite_are_never_saved(store, tmp_path):
    _save_at(store, 3)
    store.model.parts[1].kernel.assign(np.full((4, 3), np.nan, np.float32))
    with pytest.raises(InputError) as caught:
        _save_at(store, 4)
    for word in ("step 4", "kernel", "ckpt-3", "generator_lr"):
        assert word in str(caught.value)
    assert steps_saved(tmp_path) == [3]


def _damage(path, how):
    file = next(path.glob("*.data-*"))
    content = bytearray(file.read_bytes())
    if how == "truncated":
        content = content[:-20]
    else:
        content[len(content) // 2] ^= 16
    file.write_bytes(content)


@pytest.mark.parametrize("how", ["truncated", "flipped"])
def test_a_damaged_checkpoint_is_passed_over_and_named(how, store, tmp_path):
    _save_at(store, 3)
    good = np.array(store.model.parts[1].kernel)
    store.model.parts[1].kernel.assign(good + 1)
    path = _save_at(store, 4)
    _damage(path, how)
    said = []
    other = CheckpointStore(_model(), tmp_path, say=said.append)
    assert other.restore() == 3
    np.testing.assert_array_equal(other.model.parts[1].kernel, good)
    assert str(path) in said[0] and "step 3" in said[1]
    # Named by path, it alone will do.
    with pytest.raises(
        InputError, match="backup, or remove this folder to use ckpt-3$"
    ):
        other.restore(path)
    # Trained again to that step, it takes the damaged one's place.
    _save_at(other, 4)
    assert CheckpointStore(_model(), tmp_path).restore() == 4

    for step in (3, 4):
        _damage(tmp_path / f"ckpt-{step}", how)
    with pytest.raises(InputError, match="(?s)ckpt-4.*ckpt-3.*no other checkpoint"):
        CheckpointStore(_model(), tmp_path).restore()
    # One that was asked for has its own way out.
    way_out = "restore it from a backup, or remove this folder to use ckpt-3$"
    with pytest.raises(InputError, match=f"ckpt-4: cannot .*\n{way_out}"):
        CheckpointStore(_model(), tmp_path).restore(path)


def test_what_a_killed_process_left_is_not_seen_and_goes(store, tmp_path):
    _save_at(store, 3)
    (tmp_path / ".ckpt-4.partial").mkdir()
    (tmp_path / ".ckpt-4.partial" / "state.index").write_bytes(b"half")
    (tmp_path / "ckpt-5").mkdir()  # without its facts it is none
    assert steps_saved(tmp_path) == [3]
    store.tidy()
    assert not (tmp_path / ".ckpt-4.partial").exists()


def test_the_best_stays_however_old(store, tmp_path):
    for step, value in ((1, 0.5), (2, 0.25), (3, 0.75), (4, 0.5)):
        store.model.steps.assign(step)
        store.save(("l1", value))
    assert steps_saved(tmp_path) == [3, 4]
    found = best(tmp_path)
    assert (found["step"], found["metric"], found["value"]) == (2, "l1", 0.25)
    assert CheckpointStore(_model(), tmp_path).restore(found["path"]) == 2
    # Killed between saving and noticing that it is the best.
    shutil.rmtree(tmp_path / "best")
    store.tidy()
    assert best(tmp_path)["step"] == 4


def test_only_saving_changes_the_metric_of_the_best(store, tmp_path):
    for step, metric in ((2, ("l1", 0.5)), (4, ("kid_lite0", 0.75))):
        store.model.steps.assign(step)
        store.save(metric)
        assert best(tmp_path)["metric"] == metric[0]
    # Started again: the older one is still there, and measured by something else.
    CheckpointStore(_model(), tmp_path, keep=2).tidy()
    assert steps_saved(tmp_path) == [2, 4]
    assert best(tmp_path)["path"].name == "ckpt-4"


def test_saving_twice_at_a_step_writes_once(store):
    path = _save_at(store, 3)
    time = (path / "checkpoint.json").stat().st_mtime_ns
    assert store.save() == path
    assert (path / "checkpoint.json").stat().st_mtime_ns == time


def test_a_checkpoint_of_another_model(store, tmp_path):
    _save_at(store, 3)
    with pytest.raises(InputError, match="cannot be restored"):
        CheckpointStore(_model(units=5), tmp_path).restore()


def test_what_shapes_the_networks_is_kept_and_compared(tmp_path):
    config = Config(name="test")
    path = CheckpointStore(_model(), tmp_path, config=config).save()
    assert read_facts(path)["networks"]["generator.ngf"] == config.generator.ngf
    other = override(config, ["generator.ngf=8", "data.image_size=64x128"])
    # Settings that change no weight are the user's own affair.
    assert CheckpointStore(_model(), tmp_path, config=other).restore() == 0
    with pytest.raises(InputError) as caught:
        CheckpointStore(_model(units=5), tmp_path, config=other).restore()
    said = str(caught.value)
    assert f"generator.ngf: the checkpoint has {config.generator.ngf}, config" in said
    assert (
        "data.image_size: the checkpoint has [256, 256], config.json [64, 128]" in said
    )
    # Where none of them differs, the weights are named.
    with pytest.raises(InputError, match=r"kernel: stored \(4, 3\), needed \(4, 5\)"):
        CheckpointStore(_model(units=5), tmp_path, config=config).restore()


def test_a_newer_checkpoint_of_another_model_is_not_passed_over(store, tmp_path):
    _save_at(store, 3)
    newer = CheckpointStore(_model(units=5), tmp_path)
    _save_at(newer, 4)
    with pytest.raises(InputError, match="ckpt-4: cannot be restored"):
        store.restore()


def test_a_checkpoint_that_holds_more_than_the_model(store, tmp_path):
    _save_at(store, 3)
    smaller = _model()
    smaller.discriminator_optimizer = keras.optimizers.SGD(0.1)
    smaller.discriminator_optimizer.build([])
    with pytest.raises(InputError, match="cannot be restored"):
        CheckpointStore(smaller, tmp_path).restore()


@pytest.mark.parametrize(
    ("words", "number"),
    [("x; No space left on device", errno.ENOSPC), ("File too large", errno.EFBIG)],
)
def test_a_full_disk_leaves_the_older_ones(words, number, store, monkeypatch, tmp_path):
    _save_at(store, 2)

    def full(path):
        raise tf.errors.ResourceExhaustedError(None, None, words)

    monkeypatch.setattr(store._contents, "write", full)
    with pytest.raises(OSError) as caught:
        _save_at(store, 3)
    assert caught.value.errno == number
    assert caught.value.filename == str(tmp_path / "ckpt-3")
    assert [path.name for path in tmp_path.iterdir()] == ["ckpt-2"]


def test_a_worker_that_is_not_the_chief_saves_nothing():
    class Store:
        step, directory, saved = 7, "checkpoints", 0

        def save(self):
            self.saved += 1

    store = Store()
    read_only = ReadOnlyCheckpoints(store)
    assert read_only.save() == "checkpoints" and read_only.step == 7
    assert store.saved == 0
