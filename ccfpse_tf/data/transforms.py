"""The changes of pixels between a file and the network: resizing, ids, value range.

The first group works on NumPy arrays with Pillow, exactly as the official data
pipeline does; the second on tensors inside `tf.data`. TensorFlow is imported where
it is used, since the processes that only resize start much faster without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ccfpse_tf.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf

# (x / 255 - 0.5) / 0.5 of every byte, each step rounded to float32 as the official
# pipeline rounds it. A table, because graph optimisers may turn the division into
# a multiplication, which differs in the last bit.
_NORMALIZED = (np.arange(256, dtype=np.float32) / np.float32(255) - np.float32(0.5)) / (
    np.float32(0.5)
)


def resize(array: np.ndarray, size: tuple[int, int], resample: int) -> np.ndarray:
    """Resizes as Pillow does.

    Args:
        array: uint8 `(height, width, 3)`; or uint8, int32 or float32
            `(height, width)`; or float32 `(height, width, channels)`, of which every
            channel is resized on its own.
        size: `(height, width)` of the result.
        resample: of `PIL.Image.Resampling`.

    Returns:
        The same type; uint8 is rounded, float32 is not clipped.
    """
    if array.ndim == 3 and array.dtype != np.uint8:
        channels = np.moveaxis(array, -1, 0)
        return np.stack([resize(x, size, resample) for x in channels], -1)
    height, width = size
    picture = Image.fromarray(np.ascontiguousarray(array))
    return np.asarray(picture.resize((width, height), resample))


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes a uint8 `(height, width, 3)` image to `size` = (height, width).

    Pillow's bicubic filter: antialiased when shrinking, a = -0.5, rounded to uint8.
    """
    return resize(image, size, Image.Resampling.BICUBIC)


def resize_ids(ids: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes an integer `(height, width)` map to `size` by Pillow's nearest rule.

    Every value that int32 can hold survives; the dtype stays.
    """
    exact = ids if ids.dtype == np.uint8 else ids.astype(np.int32)
    return resize(exact, size, Image.Resampling.NEAREST).astype(ids.dtype)


def unknown_values(values: np.ndarray, ids: Mapping[int, int]) -> np.ndarray:
    """Returns a boolean map, true where a value is missing from `ids`."""
    return _lookup(values, ids) < 0


def map_labels(values: np.ndarray, ids: Mapping[int, int]) -> np.ndarray:
    """Turns the ids of a label file into class indices.

    Args:
        values: integers `(height, width)`, as the file holds them.
        ids: file id -> index; `ccfpse_tf.data.label_mapping.file_ids` makes it.

    Returns:
        int32 `(height, width)`.

    Raises:
        InputError: for an id that is not in `ids`; names the first and its place.
    """
    indices = _lookup(values, ids)
    if (indices < 0).any():
        row, column = np.argwhere(indices < 0)[0]
        raise InputError(
            f"label id {values[row, column]} at row {row}, column {column}; "
            f"allowed: {describe_ids(ids)}"
        )
    return indices


def describe_ids(ids: Mapping[int, int]) -> str:
    """Writes the ids of a table as ranges: `0..181, 255`."""
    ranges: list[list[int]] = []
    for value in sorted(ids):
        if ranges and value == ranges[-1][1] + 1:
            ranges[-1][1] = value
        else:
            ranges.append([value, value])
    return ", ".join(str(a) if a == b else f"{a}..{b}" for a, b in ranges)


def normalize_image(image):
    """Maps uint8 pixels to float32 in [-1, 1]: `(x / 255 - 0.5) / 0.5`.

    Takes a NumPy array or a tensor of any shape and returns the same kind.
    """
    if isinstance(image, np.ndarray):
        return _NORMALIZED[image]
    import tensorflow as tf

    return tf.gather(tf.constant(_NORMALIZED), tf.cast(image, tf.int32))


def photograph_to_uint8(image) -> np.ndarray:
    """Restores the bytes of a photograph that :func:`normalize_image` has mapped.

    Rounds, so that every byte comes back as it was. For photographs alone: generated
    images become bytes by :func:`to_uint8`.

    Args:
        image: array or tensor in [-1, 1], of any shape.

    Returns:
        uint8 of the same shape.
    """
    return np.rint((np.asarray(image, np.float32) + 1) * 127.5).astype(np.uint8)


def to_uint8(images: tf.Tensor) -> tf.Tensor:
    """Makes bytes of generated images as the official code does: by truncation.

    It clips, too. A photograph would come back one grey level darker in places: for
    these there is :func:`photograph_to_uint8`.

    Args:
        images: tensor in [-1, 1], of any shape.

    Returns:
        uint8 of the same shape.
    """
    import tensorflow as tf

    images = (images + 1) / 2 * 255
    return tf.cast(tf.clip_by_value(images, 0, 255), tf.uint8)


def crop_and_flip(example: dict, top, left, flip, size: tuple[int, int]) -> dict:
    """Cuts the same window out of every map of an example and mirrors it.

    Args:
        example: tensors or arrays `(height, width, ...)` by name.
        top, left: first row and column of the window, integers or scalars.
        flip: boolean; mirrors left and right after cropping.
        size: (height, width) of the window. Where it reaches beyond the lower or
            right edge it is filled with zeros, as Pillow's crop does.
    """
    import tensorflow as tf

    height, width = size

    def cut(array):
        window = array[top : top + height, left : left + width]
        rows, columns = tf.unstack(tf.shape(window)[:2])
        rest = [[0, 0]] * (len(array.shape) - 2)
        window = tf.pad(window, [[0, height - rows], [0, width - columns], *rest])
        window = tf.ensure_shape(window, (height, width, *array.shape[2:]))
        return tf.cond(flip, lambda: tf.reverse(window, [1]), lambda: window)

    return {name: cut(tf.convert_to_tensor(array)) for name, array in example.items()}


def _lookup(values: np.ndarray, ids: Mapping[int, int]) -> np.ndarray:
    """Returns indices as int32, -1 for values that `ids` lacks."""
    keys = np.array(sorted(ids), np.int64)
    indices = np.array([ids[int(key)] for key in keys], np.int32)
    if values.dtype in (np.uint8, np.uint16):
        table = np.full(np.iinfo(values.dtype).max + 1, -1, np.int32)
        known = (keys >= 0) & (keys < len(table))
        table[keys[known]] = indices[known]
        return table[values]
    places = np.searchsorted(keys, values).clip(max=len(keys) - 1)
    return np.where(keys[places] == values, indices[places], np.int32(-1))
