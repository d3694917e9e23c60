"""The networks of keras-cv as segmenters: shapes, sizes, reload, inference."""

import keras
import numpy as np
import pytest

from ccfpse_tf.evaluation.segmenter.network import (
    build_segmentation_model,
    for_inference,
)


def pixels(size, count=2):
    return np.random.default_rng(0).uniform(0, 255, (count, *size, 3)).astype("float32")


@pytest.mark.parametrize(
    ("backbone", "size"),
    [
        ("deeplabv3plus", (32, 64)),
        pytest.param("segformer", (32, 64), marks=pytest.mark.slow),
        pytest.param("segformer", (64, 64), marks=pytest.mark.slow),
    ],
)
def test_probabilities_survive_a_reload(backbone, size, tmp_path):
    model = build_segmentation_model(backbone, 8, size, 5)
    inference, images = for_inference(model), pixels(size)
    values = np.asarray(inference(images))
    assert values.shape == (2, *size, 5) and values.dtype == np.float32
    np.testing.assert_allclose(values.sum(-1), 1, rtol=1e-4)
    np.testing.assert_array_equal(values, model(images, training=False))
    inference.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(images), values)
    # Batch statistics: training would let one image change what the others get.
    np.testing.assert_allclose(again(images[:1]), values[:1], atol=1e-5)


def test_every_trainable_weight_gets_a_gradient():
    import tensorflow as tf

    model = build_segmentation_model("deeplabv3plus", 8, (32, 32), 3)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(pixels((32, 32)), training=True) ** 2)
    missing = [
        weight.path
        for weight, gradient in zip(
            model.trainable_variables,
            tape.gradient(loss, model.trainable_variables),
            strict=True,
        )
        if gradient is None
    ]
    assert missing == []


def test_what_cannot_be_built_raises():
    with pytest.raises(ValueError, match="multiples of 32"):
        build_segmentation_model("deeplabv3plus", 8, (40, 64), 5)
    with pytest.raises(ValueError, match="unet"):
        build_segmentation_model("unet", 8, (64, 64), 5)
