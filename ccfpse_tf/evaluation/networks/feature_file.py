"""Feature networks that the user names: a Keras file or a SavedModel.

A distance of their features is never called FID: its name holds theirs.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.networks.inception import check_images
from ccfpse_tf.files.digests import sha256, sha256_of_files
from ccfpse_tf.files.saved_model import Signature


class FeatureFile:
    """Maps ``(batch, height, width, 3)`` uint8 images to features, one row for each.

    Args:
        path: ``.keras`` file, or folder of a SavedModel with the signature
            ``serving_default``. It gets float32 RGB of 0..255 in the images' own size
            (what else it needs, it has to do itself) and gives one vector per image.
        name: for the results; the file's own name if None.

    Attributes:
        frechet_name: ``frechet_distance[NAME]``.
        kernel_name: ``kernel_distance[NAME]``.
        dimensions: found at the first batch; None before.

    Raises:
        InputError: for a file that cannot be loaded.
    """

    def __init__(self, path, name: str | None = None) -> None:
        self.path = Path(path)
        self.name = self.path.stem if name is None else name
        self.frechet_name = f"frechet_distance[{self.name}]"
        self.kernel_name = f"kernel_distance[{self.name}]"
        self.dimensions = None
        self._call = load(self.path)
        self.sha256 = digest(self.path)

    def protocol(self) -> dict[str, str]:
        """The facts that must be equal for two results to be comparable."""
        return {"network": self.name, "sha256": self.sha256, "resize": "none"}

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Features of a batch of RGB images, float32.

        Raises:
            InputError: if the network does not give a vector per image, or other widths
                than before.
        """
        images = check_images(images)
        outputs = run(self._call, images, self.path)
        shapes = [tuple(x.shape) for x in outputs]
        if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][0] != len(images):
            raise InputError(
                f"{self.path} makes {shapes} of {len(images)} images; a feature "
                f"network makes one array of the shape ({len(images)}, dimensions)"
            )
        width = shapes[0][1]
        if self.dimensions not in (None, width):
            raise InputError(
                f"{self.path} makes {width} features of these images and "
                f"{self.dimensions} of earlier ones"
            )
        self.dimensions = width
        return np.asarray(outputs[0], np.float32)


def load(path: Path):
    """A function from a float32 tensor of images to one tensor, a list or a dict.

    Raises:
        InputError: for other files than a Keras file or a SavedModel with one input.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist: it should be a feature network")
    try:
        if path.is_dir():
            return _load_saved_model(path)
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # of zipfile, h5py or protobuf
        raise InputError(
            f"{path} cannot be loaded as a feature network ({error}); it should be a "
            ".keras file or the folder of a SavedModel"
        ) from error
    return lambda images: model(images, training=False)


def _load_saved_model(path):
    signature = Signature(path)
    names = list(signature.inputs)
    if len(names) != 1:
        raise ValueError(f"its signature has the inputs {names}; one is needed")
    return lambda images: signature(**{names[0]: images})


def run(call, images: np.ndarray, path: Path) -> list[tf.Tensor]:
    """The network's outputs for a batch of images, as a list.

    Raises:
        InputError: if it does not take them.
    """
    try:
        return tf.nest.flatten(call(tf.constant(images, tf.float32)))
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise InputError(
            f"{path} does not take float32 images of the shape {images.shape}: {error}"
        ) from error


def digest(path: Path) -> str:
    """SHA-256 of a file, or of all of a folder's files with their names."""
    files = sorted(x for x in path.rglob("*") if x.is_file()) if path.is_dir() else []
    content = b""
    for file in files or [path]:
        if files:
            content += f"{file.relative_to(path).as_posix()}\0".encode()
        content += bytes.fromhex(sha256_of_files(file))
    return sha256(content)
