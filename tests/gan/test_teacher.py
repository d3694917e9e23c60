"""Distillation: a student that learns what its teacher draws."""

import types

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.config import Config, override
from ccfpse_tf.gan.build import build_model
from tests.layers.contract import randomize
from tests.small_model import SIZE, batch

SMALL = [
    *("generator.architecture=ccfpse_compact", "generator.ngf=4", "generator.hidden=8"),
    *(
        "generator.z_dim=4",
        "discriminator.ndf=2",
        f"data.image_size={SIZE[0]}x{SIZE[1]}",
    ),
    *("losses.perceptual_network=off", "optimizers.generator_lr=3e-3"),
]


def make(*settings, classes=3, instances=True):
    description = types.SimpleNamespace(label_channels=classes, instances=instances)
    config = override(Config(name="test"), [*SMALL, *settings])
    return build_model(config, description, 7, training=False)


@pytest.fixture(scope="module")
def teacher():
    model = make()
    randomize(model.generator, 3)
    return model


@pytest.fixture
def student(teacher):
    student = make("generator.ngf=6", "generator.encoder_ngf=4")
    student.learn_from(teacher)
    return student


def tensors():
    return {key: tf.constant(value) for key, value in batch().items()}


def test_a_step_with_a_teacher(teacher, student):
    weights = len(student.weights)
    logs = student.train_step(tensors())
    assert {"imitation", "gan", "feature_matching"} < set(logs) and "kl" not in logs
    assert len(student.weights) == weights, "the teacher is no part of the student"
    pairs = zip(student.encoder.weights, teacher.encoder.weights, strict=True)
    for own, of_teacher in pairs:
        np.testing.assert_array_equal(own, of_teacher)


def test_a_teacher_with_instance_features_teaches_without_its_encoder():
    teacher = make(
        "generator.architecture=pix2pixhd",
        *("generator.downsamplings=2", "generator.blocks=1"),
        *("generator.instance_features=2", "generator.encoder_ngf=2"),
    )
    student = make("generator.z_dim=0")
    student.learn_from(teacher)
    assert "imitation" in student.train_step(tensors())


@pytest.mark.slow
def test_a_student_learns_its_teachers_images(teacher, student):
    x = tensors()
    z, _ = teacher.encode(x["image"])

    def distance():
        images = [
            np.asarray(m.synthesize(x["label"], x["instance"], z))
            for m in (student, teacher)
        ]
        return np.abs(images[0] - images[1]).mean()

    step = tf.function(student.train_step)
    # The first spectral vectors are random ones, as in PyTorch: a new network draws
    # nothing of use before a step in training mode has moved them.
    step(x)
    first = distance()
    for _ in range(40):
        step(x)
    assert distance() < 0.7 * first


@pytest.mark.parametrize(
    ("settings", "data", "words"),
    [
        (["generator.z_dim=8"], {}, "style code: the teacher has 4, the student 8"),
        ([], {"classes": 4}, "semantic channels: the teacher has 4, the student 5"),
        ([], {"classes": 4, "instances": False}, "instances"),
    ],
)
def test_a_student_of_another_kind_is_refused(teacher, settings, data, words):
    with pytest.raises(ValueError, match=words):
        make(*settings, **data).learn_from(teacher)
