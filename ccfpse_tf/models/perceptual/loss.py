"""Perceptual loss: distances between a network's features (Johnson et al. 2016)."""

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.pretrained import keras_cache
from ccfpse_tf.models.perceptual import vgg19
from ccfpse_tf.models.perceptual.efficientnet_lite import efficientnet_lite
from ccfpse_tf.models.perceptual.squeezenet import squeezenet
from ccfpse_tf.models.perceptual.weight_files import EFFICIENTNET_LITE0, SQUEEZENET
from ccfpse_tf.ops.precision import at_least_float32


@dataclasses.dataclass(frozen=True)
class FeatureNetwork:
    """A row of :data:`NETWORKS`.

    Attributes:
        title: the name of the network and of its weights, for messages.
        open: takes the path of the weights, or None, and returns a frozen Keras model
            that gives the maps of all levels.
        inputs: float32 images in ``[-1, 1]`` to those that the model takes.
        level_weights: factor of each level's mean absolute difference.
        diverse_weights: the same where several images are compared, see
            :func:`ccfpse_tf.models.perceptual.class_distances.class_distances`; None:
            ``level_weights``.
        default: where the weights come from if no path is given.
        address: where the weights are, if their reader's errors do not say so.
        is_here: returns True where they need neither a path nor a download.
    """

    title: str
    open: Callable[[str | None], keras.Model]
    inputs: Callable[[tf.Tensor], tf.Tensor]
    level_weights: tuple[float, ...]
    is_here: Callable[[], bool]
    diverse_weights: tuple[float, ...] | None = None
    default: str = "download"
    address: str | None = None


def _pixels(images):
    return (images + 1) * 127.5


def _caffe_pixels(images):
    pixels = _pixels(images[..., ::-1])
    return pixels - tf.constant(vgg19.CAFFE_MEAN, pixels.dtype)


def _shares(mean_activations):
    """Weights that make the loss the mean of the levels' relative differences."""
    return tuple(1 / (len(mean_activations) * mean) for mean in mean_activations)


SQUEEZENET_LEVELS = ("conv1", "fire3", "fire5", "fire8", "fire9")
LITE0_LEVELS = ("block0", "block2", "block4", "block10", "block14")

# The order is that of our recommendation: the paper's network comes first. The mean
# absolute activations, by which levels are divided, are those of photographs of streets
# (CamVid); without them a single level of large values would decide alone.
NETWORKS = {
    "vgg19-torchvision": FeatureNetwork(
        title="VGG19 weights (torchvision, {})",
        open=vgg19.open_torchvision,
        inputs=lambda images: images,
        level_weights=vgg19.WEIGHTS,
        address=vgg19.TORCHVISION_URL,
        is_here=lambda: keras_cache("datasets", vgg19.TORCHVISION_NAME).is_file(),
    ),
    "vgg19-keras": FeatureNetwork(
        title="VGG19 weights (keras, {})",
        open=vgg19.open_keras,
        inputs=_caffe_pixels,
        # The images are 127.5 times as large as torchvision's, and so nearly are all
        # features: the network is homogeneous but for its biases.
        level_weights=tuple(weight / 127.5 for weight in vgg19.WEIGHTS),
        address=vgg19.KERAS_URL,
        is_here=lambda: keras_cache("models", vgg19.KERAS_NAME).is_file(),
    ),
    "vgg19-mean-pooling": FeatureNetwork(
        title="VGG19 weights (keras, {})",
        open=vgg19.open_mean_pooling,
        inputs=_caffe_pixels,
        level_weights=vgg19.REFINEMENT_WEIGHTS,
        diverse_weights=vgg19.DIVERSE_WEIGHTS,
        address=vgg19.KERAS_URL,
        is_here=lambda: keras_cache("models", vgg19.KERAS_NAME).is_file(),
    ),
    "squeezenet": FeatureNetwork(
        title="SqueezeNet weights ({})",
        open=lambda weights: squeezenet(SQUEEZENET_LEVELS, weights),
        inputs=_pixels,
        level_weights=_shares((17.0, 158.0, 199.0, 16.0, 10.0)),
        is_here=SQUEEZENET.is_here,
    ),
    "efficientnet-lite0": FeatureNetwork(
        title="EfficientNet-Lite0 weights ({})",
        open=lambda weights: efficientnet_lite(0, LITE0_LEVELS, weights),
        inputs=_pixels,
        level_weights=_shares((4.6, 6.5, 5.9, 5.1, 5.5)),
        is_here=EFFICIENTNET_LITE0.is_here,
        default="installed package",
    ),
}
_FORMER_NAMES = {"torchvision": "vgg19-torchvision", "keras": "vgg19-keras"}


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class PerceptualLoss:
    """Weighted L1 distance of a network's features at several levels.

    * ``"vgg19-torchvision"``: relu1_1 to relu5_1, with the weights 1/32, 1/16, 1/8, 1/4
      and 1. Images go in as they are, in ``[-1, 1]``, WITHOUT ImageNet normalisation:
      what the published results used.
    * ``"vgg19-keras"``: the same levels of Keras's (Caffe's) weights, which know BGR
      images of 0..255 less their mean; the distance is divided by 127.5.
    * ``"vgg19-mean-pooling"``: the image itself and relu1_2 to relu5_2 of the same
      weights, with means in place of maxima and the weights of cascaded refinement
      networks (Chen and Koltun 2017), whose loss it is.
    * ``"squeezenet"``: conv1, fire3, fire5, fire8 and fire9 of SqueezeNet 1.0, the mean
      of the levels' differences in units of each level's mean activation.
    * ``"efficientnet-lite0"``: blocks 0, 2, 4, 10 and 14, in the same way.

    A plain object and not a layer: its frozen weights do not enter checkpoints.

    Args:
        name: a key of ``NETWORKS``; ``"torchvision"`` and ``"keras"`` are short for
            the two VGG19.
        weights: path of the weights: torchvision's ``vgg19-*.pth`` (needs PyTorch to
            read), a ``.npz`` with the same names (``ccfpse convert --vgg`` makes it),
            Keras's ``vgg19_*_notop.h5``, ``compressed_SqueezeNet.net`` or
            ``efficientnet-lite0-*.pth``. None takes those of an installed package, or
            downloads them.

    Attributes:
        network: the frozen Keras model.

    Raises:
        InputError: weights that cannot be had, read, or do not fit the network. The
            message names every way to get them, and another network that is at hand.
    """

    def __init__(self, name="vgg19-torchvision", weights=None):
        name = _FORMER_NAMES.get(name, name)
        if name not in NETWORKS:
            raise InputError(
                f"perceptual network {name!r}: choose {', '.join(NETWORKS)}"
            )
        self.name = name
        self.weights = weights
        self._row = row = NETWORKS[name]
        try:
            self.network = row.open(weights)
        except Exception as error:  # urllib, h5py, zipfile: whatever the reader raises
            address = f" (fetch {row.address} on any machine)" if row.address else ""
            raise InputError(
                f"{row.title.format(weights or row.default)}: {error}; give their path "
                f"with --set losses.perceptual_weights=PATH{address}, or "
                f"{_other_choices(name)}"
            ) from error

    def __call__(self, fake: tf.Tensor, real: tf.Tensor) -> tf.Tensor:
        """Distance of ``(batch, height, width, 3)`` images in ``[-1, 1]``; a scalar.

        No gradient reaches ``real``.
        """
        pairs = zip(self.features(fake), self.features(real), strict=True)
        distances = [tf.reduce_mean(tf.abs(a - tf.stop_gradient(b))) for a, b in pairs]
        weighted = zip(self._row.level_weights, distances, strict=True)
        return tf.add_n([weight * distance for weight, distance in weighted])

    @property
    def diverse_weights(self) -> tuple[float, ...]:
        """Factors of the levels where several images are compared."""
        return self._row.diverse_weights or self._row.level_weights

    def features(self, images: tf.Tensor) -> list[tf.Tensor]:
        """The feature maps of images in ``[-1, 1]``, finest first."""
        inputs = self._row.inputs(at_least_float32(images))
        return self.network(inputs, training=False)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"name": self.name, "weights": self.weights}

    @classmethod
    def from_config(cls, config):
        """Rebuilds the loss, reading its weights again; takes older configs, too."""
        if "source" in config:
            config = {"name": config["source"], "weights": config["weights"]}
        return cls(**config)


def _other_choices(name):
    others = (x for x in NETWORKS if x != name and NETWORKS[x].is_here())
    without = (
        "train without that loss by --set losses.perceptual_network=off (but crn and "
        "sims, which have no other)"
    )
    if best := next(others, None):
        best = f"take the next best by --set losses.perceptual_network={best}"
        return f"{best}, or {without}"
    return without
