"""Canvases for training and for drawing, as the model's inputs."""

from __future__ import annotations

import zlib
from collections import OrderedDict

import numpy as np

from ccfpse_tf.data.segments.bank import MemoryBank
from ccfpse_tf.data.segments.canvas import canvas_of, training_canvas

_REMEMBERED = 128  # layouts, such as those that a training shows now and then


class LayoutFiller:
    """Fills layouts that are to be drawn; the same layout always in the same way.

    Args:
        bank: to search in.
    """

    def __init__(self, bank: MemoryBank):
        self._bank = bank
        self._known = OrderedDict()

    def __call__(self, label: np.ndarray) -> tuple[np.ndarray, ...]:
        """Returns colours, mask and changed layout of a batch of layouts.

        Args:
            label: int32 class indices ``(batch, height, width)``.

        Returns:
            float32 ``(batch, height, width, 3)`` in ``[0, 1]``, float32 and int32
            ``(batch, height, width)``.
        """
        canvases = [self._filled(np.ascontiguousarray(one)) for one in label]
        return tuple(np.stack(maps) for maps in zip(*canvases, strict=True))

    def _filled(self, label):
        key = label.tobytes()
        if key not in self._known:
            random = np.random.default_rng(zlib.crc32(key))
            self._known[key] = as_inputs(canvas_of(self._bank, label, random))
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]


class TrainingFiller:
    """Fills the layouts of training images, each time in another way.

    Args:
        bank: of the same records.
        seed: of the run; with an example's number in the training it decides what is
            drawn, so that a resumed run goes on as if it had not been stopped.
    """

    def __init__(self, bank: MemoryBank, seed: int):
        self._bank = bank
        self._seed = seed
        self._numbers = {key: number for number, key in enumerate(bank.keys.tolist())}

    def __call__(self, example: dict, number) -> dict:
        """Adds ``canvas``, ``mask`` and ``canvas_label`` inside ``tf.data``.

        Args:
            example: ``key``, ``image`` and ``label`` of the bank's size.
            number: of the example in the training.
        """
        import tensorflow as tf

        inputs = [example[name] for name in ("key", "image", "label")]
        types = tf.float32, tf.float32, tf.int32
        maps = tf.numpy_function(self._made, [*inputs, number], types)
        size = self._bank.size
        for array, shape in zip(maps, ((*size, 3), size, size), strict=True):
            array.set_shape(shape)
        names = "canvas", "mask", "canvas_label"
        return example | dict(zip(names, maps, strict=True))

    def _made(self, key, image, label, number):
        random = np.random.default_rng([self._seed, int(number)])
        own = self._numbers.get(key.decode())
        return as_inputs(training_canvas(self._bank, image, label, random, own))


def as_inputs(canvas) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colours in ``[0, 1]`` and mask in float32, and the changed layout in int32."""
    colors = canvas.colors.astype(np.float32) / np.float32(255)
    return colors, canvas.mask.astype(np.float32), canvas.label.astype(np.int32)
