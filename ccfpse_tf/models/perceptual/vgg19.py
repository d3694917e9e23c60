"""Perceptual loss: distances between VGG19 features (Johnson et al. 2016)."""

import keras
import numpy as np
import tensorflow as tf

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.pytorch import read_tensors

LAYERS = tuple(f"block{i}_conv1" for i in range(1, 6))  # after ReLU: relu1_1 .. relu5_1
WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
CONVOLUTIONS = (2, 2, 4, 4, 1)  # per block, as far as the loss needs them
WIDTHS = (64, 128, 256, 512, 512)  # per block
TORCHVISION_URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
CAFFE_MEAN = (103.939, 116.779, 123.68)  # BGR, of the images Keras's weights know


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class PerceptualLoss:
    """Weighted L1 distance of VGG19's relu1_1, 2_1, 3_1, 4_1 and 5_1 features.

    Two sources of weights, because they are two networks:

    * ``"torchvision"``: images go in as they are, in ``[-1, 1]``, WITHOUT ImageNet
      normalisation: what the published results used.
    * ``"keras"``: Keras's (Caffe's) weights know BGR images of 0..255 less their mean;
      that input is 127.5 times as large, and so nearly are all features (the network is
      homogeneous but for its biases), so the distance is divided by 127.5.

    A plain object and not a layer: its frozen weights do not enter checkpoints.

    Args:
        source: ``"torchvision"`` or ``"keras"``.
        weights: path of the weights: torchvision's ``vgg19-*.pth`` (needs PyTorch to
            read), a ``.npz`` with the same names (``ccfpse convert --vgg`` makes
            it), or Keras's ``vgg19_*_notop.h5``. None downloads them by ``get_file``.

    Raises:
        InputError: weights that cannot be had, read, or do not fit VGG19.
    """

    def __init__(self, source="torchvision", weights=None):
        if source not in ("torchvision", "keras"):
            raise InputError(
                f"perceptual network {source!r}: choose torchvision or keras"
            )
        self.source = source
        self.weights = weights
        self.network = _feature_network()
        try:
            _LOADERS[source](self.network, weights)
        except InputError:
            raise
        except Exception as error:  # urllib, h5py, zipfile: whatever the reader raises
            raise InputError(
                f"VGG19 weights ({source}, {weights or 'download'}): {error}; give "
                "their path with --set losses.vgg_weights=PATH or train without the "
                "perceptual loss by --set losses.vgg=off"
            ) from error

    def __call__(self, fake: tf.Tensor, real: tf.Tensor) -> tf.Tensor:
        """Distance of ``(batch, height, width, 3)`` images in ``[-1, 1]``; a scalar.

        No gradient reaches ``real``.
        """
        targets = self.features(real)
        distance = tf.add_n(
            [
                weight * tf.reduce_mean(tf.abs(a - tf.stop_gradient(b)))
                for weight, a, b in zip(
                    WEIGHTS, self.features(fake), targets, strict=True
                )
            ]
        )
        return distance / 127.5 if self.source == "keras" else distance

    def features(self, images: tf.Tensor) -> list[tf.Tensor]:
        """The five feature maps of images in ``[-1, 1]``, finest first."""
        images = tf.cast(images, tf.float32)
        if self.source == "keras":
            images = (images[..., ::-1] + 1) * 127.5 - tf.constant(CAFFE_MEAN)
        return self.network(images, training=False)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"source": self.source, "weights": self.weights}

    @classmethod
    def from_config(cls, config):
        """Rebuilds the loss, reading its weights again."""
        return cls(**config)


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
        path = keras.utils.get_file("vgg19-dcbb9e9d.pth", TORCHVISION_URL)
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
    vgg = keras.applications.VGG19(
        include_top=False,
        weights="imagenet" if path is None else str(path),
        input_shape=(None, None, 3),
    )
    for layer in network.layers:
        if not layer.weights:  # Keras numbers its input layers: their names differ
            continue
        layer.set_weights(vgg.get_layer(layer.name).get_weights())


_LOADERS = {"torchvision": _load_torchvision, "keras": _load_keras}
