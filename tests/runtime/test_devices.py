"""Allowed values of ``--devices`` and of the number of replicas, without devices."""

import types

import pytest
import tensorflow as tf

from ccfpse_tf.errors import InputError
from ccfpse_tf.runtime.devices import (
    Devices,
    check_replicas,
    open_strategy,
    parse_devices,
)
from ccfpse_tf.runtime.tf_config import Workers

TWO = Workers(("a:1", "b:1"), 0)


@pytest.mark.parametrize(
    ("text", "devices"),
    [
        ("auto", Devices()),
        ("cpu", Devices(gpus=())),
        ("cpu:3", Devices(gpus=(), cpus=3)),
        ("0,2", Devices(gpus=(0, 2))),
    ],
)
def test_devices_are_read(text, devices):
    assert parse_devices(text) == devices


@pytest.mark.parametrize("text", ["", "gpu", "0,", "cpu:0", "cpu:x", "-1", "0 1"])
def test_other_texts_are_refused_with_what_is_allowed(text):
    with pytest.raises(InputError, match="choose auto, cpu, cpu:N .* numbers such as"):
        parse_devices(text)


def test_a_gpu_counts_once():
    with pytest.raises(InputError, match="GPU 1 is named twice"):
        parse_devices("0,1,1")


@pytest.mark.parametrize(
    ("there", "words"), [(2, "no GPU 2; choose from 0, 1"), (0, "finds none here")]
)
def test_gpus_that_are_not_there(there, words, monkeypatch):
    gpus = [types.SimpleNamespace(name=f"GPU:{i}") for i in range(there)]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    with pytest.raises(InputError, match=words):
        open_strategy(Devices(gpus=(0, 2)[-1:]), Workers())


def test_the_named_gpus_become_the_visible_ones(monkeypatch):
    gpus, chosen = ["GPU:0", "GPU:1", "GPU:2"], []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: gpus)
    monkeypatch.setattr(
        tf.config, "set_visible_devices", lambda list, kind: chosen.append((list, kind))
    )
    open_strategy(Devices(gpus=(0, 2)), Workers())
    open_strategy(Devices(), Workers())
    assert chosen == [(["GPU:0", "GPU:2"], "GPU")]


def test_devices_that_tensorflow_has_opened_cannot_be_changed():
    tf.zeros(())
    with pytest.raises(InputError, match="--devices cpu:5: TensorFlow has opened"):
        open_strategy(Devices(gpus=(), cpus=5), Workers())


def test_workers_have_one_cpu_each():
    with pytest.raises(InputError, match="--devices cpu:2: with several workers"):
        open_strategy(Devices(gpus=(), cpus=2), TWO)


@pytest.mark.parametrize(
    ("batch", "jit", "words"),
    [
        (5, False, "set it to 4 or 8"),
        (3, False, "set it to 4, or choose"),
        (8, True, "step.jit_compile works on one device, and 4 were chosen"),
    ],
)
def test_what_four_replicas_cannot_do(batch, jit, words):
    with pytest.raises(InputError, match=words):
        check_replicas(4, batch, jit)


def test_what_replicas_can_do():
    check_replicas(4, 8, False)
    check_replicas(1, 5, True)
