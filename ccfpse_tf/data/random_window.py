"""The window of a training image that a step sees."""

import dataclasses

import tensorflow as tf

from ccfpse_tf.data.transforms import crop_and_flip

# Added to the seed for draws that older versions did not make: the others stay.
_FURTHER = 1 << 40


@dataclasses.dataclass(frozen=True)
class RandomWindow:
    """Cuts the same window out of all maps of an example, at random.

    Attributes:
        size: ``(height, width)`` of the window.
        flip: whether half of the windows are mirrored.
        quarter_turns: whether windows, which must be square, are turned by 0 to 3
            quarters.
        half_scale: share of the windows that are cut twice as large and halved, where
            the image has room for that.
    """

    size: tuple[int, int]
    flip: bool = True
    quarter_turns: bool = False
    half_scale: float = 0.0

    def cut(self, example: dict, seed: int, number: tf.Tensor) -> dict:
        """Returns the window that ``(seed, number)`` draws.

        Args:
            example: tensors ``(height, width, ...)`` by name, among them ``label``.
            seed: of the run.
            number: int64 scalar, the example's number in the training.
        """
        window = self._scaled(example, seed, number)
        if not self.quarter_turns:
            return window
        turns = tf.random.stateless_uniform(
            [], [seed + 2 * _FURTHER, number], 0, 4, tf.int32
        )
        return {name: _turned(array, turns) for name, array in window.items()}

    def _scaled(self, example, seed, number):
        if not self.half_scale:
            return self._cut(example, self.size, seed, number)
        double = tuple(2 * edge for edge in self.size)
        fits = tf.reduce_all(tf.shape(example["label"]) >= double)
        draw = tf.random.stateless_uniform([], [seed + _FURTHER, number])
        return tf.cond(
            fits & (draw < self.half_scale),
            lambda: _halved(self._cut(example, double, seed, number)),
            lambda: self._cut(example, self.size, seed, number),
        )

    def _cut(self, example, size, seed, number):
        draws = tf.random.stateless_uniform([3], [seed, number])
        shape = tf.shape(example["label"])

        def place(draw, room):
            start = tf.cast(draw * tf.cast(room + 1, tf.float32), tf.int32)
            return tf.minimum(start, room)  # the product may round up to room + 1

        top = place(draws[0], shape[0] - size[0])
        left = place(draws[1], shape[1] - size[1])
        mirrored = draws[2] < 0.5 if self.flip else tf.constant(False)
        return crop_and_flip(example, top, left, mirrored, size)


def _halved(window):
    """Means of 2x2 pixels for the image; of ids, those of the upper left pixels."""
    halves = {name: array[::2, ::2] for name, array in window.items()}
    image = tf.cast(window["image"], tf.float32)[None]
    mean = tf.nn.avg_pool2d(image, 2, 2, "VALID")[0]
    halves["image"] = tf.cast(tf.round(mean), window["image"].dtype)
    return halves


def _turned(array, turns):
    pixels = array if array.shape.rank == 3 else array[..., None]
    turned = tf.ensure_shape(tf.image.rot90(pixels, turns), pixels.shape)
    return tf.reshape(turned, array.shape)
