"""Checkpoints: what is kept, what is refused, what a failure leaves behind."""

import errno

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.checkpoints import CheckpointStore, latest, steps_saved
from ccfpse_tf.errors import InputError


def _model(units=3):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model.steps = keras.Variable(0, dtype="int64", trainable=False)
    return model


@pytest.fixture
def store(tmp_path):
    return CheckpointStore(_model(), tmp_path, keep=2)


def _save_at(store, step):
    store.model.steps.assign(step)
    return store.save()


def test_round_trip_restores_weights_optimizer_and_step(store, tmp_path):
    x = np.ones((4, 2), np.float32)
    store.model.fit(x, np.ones((4, 3), np.float32), verbose=0)
    _save_at(store, 7)
    other = CheckpointStore(_model(), tmp_path)
    assert other.restore() == 7
    np.testing.assert_array_equal(other.model(x), store.model(x))
    for a, b in zip(
        other.model.optimizer.variables, store.model.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(a, b)


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
    store.model.layers[0].kernel.assign(np.full((2, 3), np.nan, np.float32))
    with pytest.raises(InputError) as caught:
        _save_at(store, 4)
    for word in ("step 4", "kernel", "ckpt-3", "generator_lr"):
        assert word in str(caught.value)
    assert steps_saved(tmp_path) == [3]


def test_a_damaged_checkpoint_names_the_one_before(store, tmp_path):
    _save_at(store, 3)
    path = _save_at(store, 4)
    for file in tmp_path.glob("ckpt-4.*"):
        file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(InputError) as caught:
        CheckpointStore(_model(), tmp_path).restore()
    assert str(path) in str(caught.value)
    assert "delete ckpt-4.* to go on from step 3" in str(caught.value)
    for file in tmp_path.glob("ckpt-4.*"):
        file.unlink()
    assert CheckpointStore(_model(), tmp_path).restore() == 3


def test_a_checkpoint_of_another_model(store, tmp_path):
    _save_at(store, 3)
    with pytest.raises(InputError, match="cannot be restored"):
        CheckpointStore(_model(units=4), tmp_path).restore()


def test_a_full_disk_becomes_an_oserror_with_the_path(store, monkeypatch, tmp_path):
    def full(checkpoint_number):
        raise tf.errors.ResourceExhaustedError(None, None, "x; No space left on device")

    monkeypatch.setattr(store._manager, "save", full)
    with pytest.raises(OSError) as caught:
        _save_at(store, 3)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(tmp_path / "ckpt-3")
