"""SqueezeNet 1.0 (Iandola et al. 2016) from its file of Deep Compression.

That file (Han et al. 2016) stores the kernels' non-zero values by the gaps between
them and by 8-bit indices into a codebook of each layer: 0.7 MB for 1.2 M parameters.
"""

from pathlib import Path

import keras
import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.models.perceptual.weight_files import SQUEEZENET

# Squeezed and expanded channels of fire2 to fire9; a pooling comes before these.
FIRES = {
    2: (16, 64),
    3: (16, 64),
    4: (32, 128),
    5: (32, 128),
    6: (48, 192),
    7: (48, 192),
    8: (64, 256),
    9: (64, 256),
}
POOLED = (2, 5, 9)
CLASSES = 1000
MEAN = (123.0, 117.0, 104.0)  # RGB, of the photographs that it was trained on
CODES = 256  # entries of a codebook


def squeezenet(levels, weights=None) -> keras.Model:
    """Makes SqueezeNet 1.0 with its weights, frozen.

    Args:
        levels: names of the maps to return: ``"conv1"`` (stride 2), ``"fire2"`` to
            ``"fire9"`` (strides 4, 8 from ``"fire5"`` and 16 from ``"fire9"``), all
            after their ReLU, or ``"logits"``.
        weights: path of ``compressed_SqueezeNet.net``; None downloads it.

    Returns:
        A model from float32 RGB of 0..255, ``(batch, height, width, 3)``, to the list
        of the maps.

    Raises:
        InputError: a file that cannot be had, or is another one.
    """
    model, convolutions = _network()
    tensors = read_compressed(SQUEEZENET.find(weights), _shapes(convolutions))
    for layer, (kernel, bias) in zip(convolutions, tensors, strict=True):
        if layer.name == "conv1":
            kernel = kernel[:, ::-1]  # the file's network takes BGR
        layer.set_weights([kernel.transpose(2, 3, 1, 0), bias])
    found = keras.Model(model.input, [model.get_layer(x).output for x in levels])
    found.trainable = False
    return found


def _network():
    """The network, and its convolutions in the file's order."""
    convolutions = []

    def convolution(x, name, width, size, stride=1, padding="same"):
        layer = keras.layers.Conv2D(
            width,
            size,
            stride,
            padding,
            activation="relu",
            kernel_initializer="zeros",
            dtype="float32",
            name=name,
        )
        convolutions.append(layer)
        return layer(x)

    image = keras.Input((None, None, 3), dtype="float32")
    offset = [-value for value in MEAN]
    x = keras.layers.Rescaling(1.0, offset, dtype="float32")(image)
    x = convolution(x, "conv1", 96, 7, 2, "valid")
    for number, (squeezed, expanded) in FIRES.items():
        name = f"fire{number}"
        if number in POOLED:
            x = _pooled(x)
        x = convolution(x, f"{name}_squeeze1x1", squeezed, 1)
        both = [
            convolution(x, f"{name}_expand{size}x{size}", expanded, size)
            for size in (1, 3)
        ]
        x = keras.layers.Concatenate(dtype="float32", name=name)(both)
    x = keras.layers.ZeroPadding2D(1, dtype="float32")(x)
    x = convolution(x, "conv_final", CLASSES, 1)
    x = keras.layers.GlobalAveragePooling2D(dtype="float32", name="logits")(x)
    return keras.Model(image, x), convolutions


def _pooled(x):
    # Caffe's poolings round sizes up. One row and column of zeros does that, and never
    # is the largest value of a window, as all values have passed a ReLU.
    x = keras.layers.ZeroPadding2D(((0, 1), (0, 1)), dtype="float32")(x)
    return keras.layers.MaxPooling2D(3, 2, dtype="float32")(x)


def _shapes(convolutions):
    """Kernels' shapes as the file has them: (out, in, height, width)."""
    shapes = [layer.kernel.shape for layer in convolutions]
    return [(width, channels, *size) for *size, channels, width in shapes]


def read_compressed(path: Path, shapes) -> list[tuple[np.ndarray, np.ndarray]]:
    """Reads the kernels and biases of a file of Deep Compression.

    Args:
        path: the file. It begins with a uint32 for each convolution, its number of
            stored values. Then come, for each convolution, a float32 codebook of 256
            values, the float32 biases, a uint8 code for each stored value, and the gaps
            between stored values, two of 4 bits in a byte, the lower one first.
        shapes: of the kernels, (out, in, height, width), in the file's order.

    Returns:
        Kernels of these shapes and biases ``(out,)``, float32.

    Raises:
        InputError: a file of another length, or with values outside of a kernel.
    """
    content = _Content(path)
    tensors = []
    counts = content.take("<u4", len(shapes))
    for shape, count in zip(shapes, counts.tolist(), strict=True):
        codebook = content.take("<f4", CODES)
        bias = content.take("<f4", shape[0])
        codes = content.take(np.uint8, count)
        packed = content.take(np.uint8, (count + 1) // 2)
        gaps = np.stack([packed & 15, packed >> 4], 1).ravel()[:count]
        places = np.cumsum(gaps.astype(np.int64) + 1) - 1
        kernel = np.zeros(int(np.prod(shape)), np.float32)
        if count and places[-1] >= kernel.size:
            raise InputError(
                f"{path}: is damaged: a value lies at {places[-1]} of a kernel of "
                f"{kernel.size}; get the file again"
            )
        # Code 0 only bridges gaps of more than 16.
        kernel[places] = np.where(codes == 0, 0, codebook[codes])
        tensors.append((kernel.reshape(shape), bias.astype(np.float32)))
    content.end()
    return tensors


class _Content:
    """The bytes of a file, taken from its beginning."""

    def __init__(self, path):
        self._path, self._bytes, self._place = path, Path(path).read_bytes(), 0

    def take(self, kind, count):
        """The next ``count`` numbers; InputError where the file ends before."""
        size = np.dtype(kind).itemsize * count
        if self._place + size > len(self._bytes):
            raise InputError(
                f"{self._path}: ends after {len(self._bytes)} bytes, in the middle of a"
                " kernel; get the file again"
            )
        found = np.frombuffer(self._bytes, kind, count, self._place)
        self._place += size
        return found

    def end(self):
        """InputError where bytes are left."""
        left = len(self._bytes) - self._place
        if left:
            raise InputError(
                f"{self._path}: {left} bytes are left after the last kernel; it is "
                "another network's file"
            )
