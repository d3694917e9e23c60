"""VGG19 (Simonyan and Zisserman 2015) as far as the perceptual loss reads it.

Torchvision's and Keras's weights are two networks: the former knows RGB, the latter,
which was trained in Caffe, BGR of 0..255 less the mean of its images.
"""

from pathlib import Path

import keras
import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.pytorch import read_tensors
from ccfpse_tf.models.perceptual.weight_files import VGG19_KERAS as KERAS_NAME
from ccfpse_tf.models.perceptual.weight_files import (
    VGG19_TORCHVISION as TORCHVISION_NAME,
)

LAYERS = tuple(f"block{i}_conv1" for i in range(1, 6))  # after ReLU: relu1_1 .. relu5_1
WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
CONVOLUTIONS = (2, 2, 4, 4, 1)  # per block, as far as the loss needs them
SECOND_LAYERS = tuple(f"block{i}_conv2" for i in range(1, 6))  # of refinement networks
# Of the image and these layers: the inverse of the mean size that each difference had
# after 100 epochs, the last one ten times. The second row is for several images at
# once, of which the best counts.
REFINEMENT_WEIGHTS = (1.0, 1 / 2.6, 1 / 4.8, 1 / 3.7, 1 / 5.6, 10 / 1.5)
DIVERSE_WEIGHTS = (1.0, 1 / 1.6, 1 / 2.3, 1 / 1.8, 1 / 2.8, 10 / 0.8)
WIDTHS = (64, 128, 256, 512, 512)  # per block
TORCHVISION_URL = f"https://download.pytorch.org/models/{TORCHVISION_NAME}"
KERAS_URL = (
    f"https://storage.googleapis.com/tensorflow/keras-applications/vgg19/{KERAS_NAME}"
)
CAFFE_MEAN = (103.939, 116.779, 123.68)  # BGR, of the images Keras's weights know


def open_torchvision(weights: str | None = None) -> keras.Model:
    """Makes the network of relu1_1 .. relu5_1 with torchvision's weights.

    Args:
        weights: path of ``vgg19-*.pth``, or of a ``.npz`` with the same names; None
            downloads the former.
    """
    network = _feature_network()
    _load_torchvision(network, weights)
    return network


def open_keras(weights: str | None = None) -> keras.Model:
    """Makes the network of relu1_1 .. relu5_1 with Keras's weights.

    Args:
        weights: path of ``vgg19_*_notop.h5``; None downloads it.
    """
    network = _feature_network()
    _load_keras(network, weights)
    return network


def open_mean_pooling(weights: str | None = None) -> keras.Model:
    """Makes the network of the image and relu1_2 .. relu5_2 with Keras's weights.

    Means of 2x2 pixels take the place of their maxima (Chen and Koltun 2017).

    Args:
        weights: path of ``vgg19_*_notop.h5``; None downloads it.
    """
    network = mean_pooling_network()
    _load_keras(network, weights)
    return network


def mean_pooling_network(dtype="float32") -> keras.Model:
    """Returns the network of :func:`open_mean_pooling` before it has its weights.

    Args:
        dtype: of the computation.
    """
    x = inputs = keras.Input((None, None, 3), dtype=dtype)
    outputs = [inputs]
    counts = (*CONVOLUTIONS[:-1], 2)
    for block, (count, width) in enumerate(zip(counts, WIDTHS, strict=True), 1):
        if block > 1:
            x = keras.layers.AveragePooling2D(2, padding="same", dtype=dtype)(x)
        for number in range(1, count + 1):
            name = f"block{block}_conv{number}"
            x = keras.layers.Conv2D(
                width, 3, padding="same", activation="relu", name=name, dtype=dtype
            )(x)
            if name in SECOND_LAYERS:
                outputs.append(x)
    network = keras.Model(inputs, outputs)
    network.trainable = False
    return network


def _feature_network():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")  # VGG19's activations overflow float16
    try:
        vgg = keras.applications.VGG19(
            include_top=False, weights=None, input_shape=(None, None, 3)
        )
    finally:
        keras.config.set_dtype_policy(policy)
    network = keras.Model(vgg.input, [vgg.get_layer(name).output for name in LAYERS])
    network.trainable = False
    return network


def _load_torchvision(network, path):
    if path is None:
        path = keras.utils.get_file(TORCHVISION_NAME, TORCHVISION_URL)
    state = _read_state(str(path))
    for index, block, convolution in _torchvision_places():
        kernel = state[f"features.{index}.weight"]
        bias = state[f"features.{index}.bias"]
        layer = network.get_layer(f"block{block}_conv{convolution}")
        layer.set_weights([kernel.transpose(2, 3, 1, 0), bias])


def torchvision_shapes() -> dict[str, tuple[int, ...]]:
    """Returns torchvision's names and shapes of the tensors that the loss reads."""
    shapes, before = {}, 3
    for index, block, _ in _torchvision_places():
        width = WIDTHS[block - 1]
        shapes[f"features.{index}.weight"] = (width, before, 3, 3)
        shapes[f"features.{index}.bias"] = (width,)
        before = width
    return shapes


def _torchvision_places():
    """``(index there, block, convolution)`` of every layer that the loss needs."""
    index = 0  # torchvision counts convolutions, ReLUs and poolings alike
    for block, count in enumerate(CONVOLUTIONS, 1):
        for convolution in range(1, count + 1):
            yield index, block, convolution
            index += 2
        index += 1


def _read_state(path):
    if path.endswith(".npz"):
        with np.load(path) as file:
            return dict(file)
    return read_tensors(path)


def _load_keras(network, path):
    if path is not None and not Path(path).is_file():
        raise InputError(f"{path}: no such file")
    vgg = keras.applications.VGG19(
        include_top=False,
        weights="imagenet" if path is None else str(path),
        input_shape=(None, None, 3),
    )
    for layer in network.layers:
        if not layer.weights:  # Keras numbers its input layers: their names differ
            continue
        layer.set_weights(vgg.get_layer(layer.name).get_weights())
