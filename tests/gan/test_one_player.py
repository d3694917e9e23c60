"""Training without discriminator: CRN's losses, its step, and what is saved."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.config import Config, override
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan import methods
from ccfpse_tf.gan.build import build_model
from ccfpse_tf.gan.losses import best_image_loss
from ccfpse_tf.gan.optimizers import (
    LossScaleOptimizer,
    SkipNonFinite,
    TensorFlowAdam,
)
from ccfpse_tf.runs.checkpoints import CheckpointStore
from tests.small_model import CLASSES, SIZE, batch

SETTINGS = [
    *("generator.ngf=1", "generator.architecture=crn", "generator.average_decay=0.5"),
    *("discriminator.architecture=none", "losses.perceptual_network=squeezenet"),
    *("optimizers.beta_1=0.9", "optimizers.beta_2=0.999"),
    f"data.image_size={SIZE[0]}x{SIZE[1]}",
]


class Description:
    label_channels, instances = CLASSES, True


class Pixels:
    """A perceptual loss of the pixels alone, at two sizes."""

    diverse_weights = (1.0, 2.0)

    def features(self, images):
        return [images, tf.nn.avg_pool2d(images, 2, 2, "VALID")]

    def __call__(self, fake, real):
        return tf.reduce_mean(tf.abs(fake - tf.cast(real, fake.dtype)))


def make(*settings):
    config = override(Config(name="test"), [*SETTINGS, *settings])
    model = build_model(config, Description, 7, training=False)
    model.perceptual_loss = Pixels()
    return model


def tensors():
    return {key: tf.constant(value) for key, value in batch().items()}


def test_the_parts_of_the_row():
    model = make()
    assert model.discriminator is None and model.encoder is None and model.z_dim == 0
    # Instance maps come with the data, and the network sees none of them.
    assert model.layout_encoding.instances
    assert model.generator.semantic_channels == CLASSES
    assert model.optimizer_names == ("generator_optimizer",)
    adam = model.generator_optimizer.inner_optimizer
    assert type(adam) is TensorFlowAdam
    assert (adam.beta_1, adam.beta_2, adam.epsilon) == (0.9, 0.999, 1e-8)
    x = batch()
    images = model.synthesize(x["label"], x["instance"])
    assert images.shape == (2, *SIZE, 3)


@pytest.mark.parametrize("images", [1, 3])
def test_a_step_learns_and_logs(images):
    model = make(f"generator.images={images}", "optimizers.generator_lr=0.01")
    assert model.generator.images == images
    data = tensors()
    first = {k: float(v) for k, v in model.train_step(data).items()}
    assert set(first) == {"generator_loss", "perceptual"}
    assert first["generator_loss"] == first["perceptual"]
    for _ in range(8):
        model.reset_metrics()
        last = model.train_step(data)
    assert float(last["perceptual"]) < first["perceptual"]
    assert int(model.steps) == 9 and int(model.skipped) == 0
    moved = zip(model.average.weights, model.generator.weights, strict=True)
    assert any(np.abs(np.asarray(a) - np.asarray(b)).max() > 0 for a, b in moved)
    evaluated = model.test_step(data)
    assert np.isfinite(float(evaluated["generator_loss"]))


def test_each_class_takes_its_best_image():
    distances = np.array([[[1, 5, 3], [2, 1, 4]], [[7, 1, 1], [3, 2, 9]]], float)
    best, mean = [1 + 1 + 3, 3 + 1 + 1], [1.5 + 3 + 3.5, 5 + 1.5 + 5]
    expected = np.mean(0.999 * np.array(best) + 0.001 * np.array(mean))
    np.testing.assert_allclose(best_image_loss(tf.constant(distances)), expected)


def test_several_images_are_trained_by_their_best(monkeypatch):
    model, data = make("generator.images=3", "losses.perceptual=1"), tensors()
    semantics = model.layout_encoding(data["label"], data["instance"])
    images = np.asarray(model.generator.draw_all(semantics))
    one_hot = np.eye(CLASSES)[batch()["label"]]
    errors = 0
    real = batch()["image"]
    for weight, cell in ((1, 1), (2, 2)):

        def pooled(x, cell=cell):
            *outer, h, w, c = x.shape
            shape = (*outer, h // cell, cell, w // cell, cell, c)
            return x.reshape(shape).mean((-4, -2))

        difference = np.abs(pooled(images) - pooled(real)[:, None]).mean(-1)
        shares = pooled(one_hot)[:, None]
        errors = errors + weight * (difference[..., None] * shares).mean((2, 3))
    best, mean = errors.min(1).sum(-1), errors.mean(1).sum(-1)
    expected = np.mean(0.999 * best + 0.001 * mean)
    found = model.test_step(data)["perceptual"]  # the average has the same weights
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_steps_that_are_not_finite_are_left_out():
    model, data = make(), tensors()
    before = [np.asarray(v) for v in model.generator.trainable_variables]
    data["image"] = data["image"] * np.nan
    model.train_step(data)
    assert (int(model.steps), int(model.skipped_in_a_row)) == (1, 1)
    for variable, value in zip(
        model.generator.trainable_variables, before, strict=True
    ):
        np.testing.assert_array_equal(variable, value)
    model.train_step(tensors())
    assert int(model.skipped_in_a_row) == 0 and int(model.skipped) == 1


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(precision):
    model = make(f"step.precision={precision}")
    scaled = precision == "mixed_float16"
    kind = LossScaleOptimizer if scaled else SkipNonFinite
    assert type(model.generator_optimizer) is kind
    assert bool(model.loss_scales()) == scaled
    logs = model.train_step(tensors())
    assert np.isfinite(float(logs["generator_loss"]))
    assert {v.dtype for v in model.generator.weights} == {"float32"}


def test_checkpoints_go_on_where_they_were(tmp_path):
    model, data = make(), tensors()
    model.train_step(data)
    CheckpointStore(model, tmp_path).save()
    again = make("data.seed=3")
    assert CheckpointStore(again, tmp_path).restore() == 1
    for one in (model, again):
        one.train_step(data)
    for a, b in zip(model.weights, again.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_keras_saves_and_loads_it():
    model = make("generator.images=2")
    model.perceptual_loss = None
    text = json.dumps(keras.saving.serialize_keras_object(model))
    copy = keras.saving.deserialize_keras_object(json.loads(text))
    assert type(copy) is type(model) and copy.discriminator is None
    assert copy.get_config() == model.get_config()
    assert copy.loss_weights == {"perceptual": 10.0}
    assert not copy.layout_encoding.edges


def test_without_a_perceptual_loss_it_only_draws():
    model = make()
    model.perceptual_loss = None
    with pytest.raises(ValueError, match="CRN is trained by a perceptual loss"):
        model.train_step(tensors())
    with pytest.raises(ValueError, match=r"\['kl'\]: choose from generator_loss, perc"):
        model.compile(loss_weights={"kl": 1})


@pytest.mark.parametrize("architecture", ["crn", "sims"])
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["discriminator.architecture=fpse"], "is trained with: none"),
        (["losses.perceptual_network=off"], "trained by that loss"),
        (["schedule.small_epochs=2"], "trained at one size: set it to 0"),
        (["data.image_size=64x100"], "width 100.* multiple of .*nearest is"),
    ],
)
def test_configs_that_cannot_be_trained(architecture, settings, words):
    chosen = [*SETTINGS, f"generator.architecture={architecture}"]
    good = override(Config(name="test"), [*chosen, "data.image_size=64x128"])
    methods.check(good)
    with pytest.raises(InputError, match=words):
        methods.check(override(good, settings))


def test_other_methods_need_a_discriminator():
    config = override(Config(name="test"), ["discriminator.architecture=none"])
    with pytest.raises(InputError, match="'none'; the generator 'ccfpse' is trained"):
        methods.check(config)


def test_sims_keys_arrive():
    config = override(
        Config(name="test"),
        [*SETTINGS, "generator.architecture=sims", "generator.fine=true"]
        + ["losses.semantic=3", "data.image_size=128x128"],
    )
    model = build_model(config, Description, 7, training=False)
    assert model.generator.fine and model.generator.stride == 128
    assert model.loss_weights == {"perceptual": 10.0, "semantic": 3.0}
    with pytest.raises(ValueError, match="was not given any; call fill_layouts_with"):
        model({"label": batch()["label"]})
    with pytest.raises(InputError, match="half_scale is 0.5; sims is trained on whole"):
        methods.check(override(config, ["data.half_scale=0.5"]))
