"""Procedurally drawn street scenes: image, label map and instance map.

A scene is composed in metres (`composition`), seen by a pinhole camera (`camera`) under
one light (`light`), drawn back to front as surface numbers (`canvas`) and shaded per
pixel (`shading`). Nothing is read from disk.
"""

import numpy as np

from ccfpse_tf.data.scenes.camera import Camera
from ccfpse_tf.data.scenes.canvas import Canvas
from ccfpse_tf.data.scenes.composition import compose, draw_bonnet
from ccfpse_tf.data.scenes.dice import Dice
from ccfpse_tf.data.scenes.ground import Ground
from ccfpse_tf.data.scenes.light import sample_light
from ccfpse_tf.data.scenes.shading import shade
from ccfpse_tf.data.scenes.street import Street

__all__ = ["draw_scene"]

_BONNET_SHARE = 0.25


def draw_scene(
    seed: int, index: int, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draws one scene; the same arguments always give the same scene.

    Another size shows the same scene at another resolution, or more of it to the sides.

    Args:
        seed: names the collection of scenes, >= 0.
        index: number of the scene within it, >= 0.
        size: (height, width) in pixels, each at least 16.

    Returns:
        image: uint8 (height, width, 3), RGB.
        label: uint8 (height, width), classes 0..11 of `datasets.DATASETS["scenes"]`,
            255 where the ego car's bonnet hides the street.
        instance: uint16 (height, width), a number per building (with its windows),
            tree, car, person, sign and pole; 0 for everything else.

    Raises:
        ValueError: if seed or index is negative or the size below 16 pixels.
    """
    if min(size) < 16:
        raise ValueError(f"size must be at least 16 by 16 pixels, got {size}")
    dice = Dice.seeded(seed, index)
    # Small pictures need more samples per pixel for their thin poles and lines.
    sub = 3 if size[0] <= 192 else 2
    light, street = sample_light(dice.fork(0)), Street.sample(dice.fork(1))
    camera = Camera.sample(dice.fork(2), size, sub)
    canvas = Canvas(camera, light)
    for number, thing in enumerate(compose(street, dice.fork(3))):
        thing.draw(canvas, dice.fork(8 + number))
    if dice.fork(4).chance(_BONNET_SHARE):
        draw_bonnet(canvas, dice.fork(5))
    return shade(canvas, Ground(camera, light, street, dice.fork(6)), dice.fork(7))
