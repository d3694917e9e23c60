"""The backdrop of a street: distant blocks and woods."""

from dataclasses import dataclass

from ccfpse_tf.data.scenes.buildings import WALLS
from ccfpse_tf.data.scenes.canvas import Canvas, Class, Texture
from ccfpse_tf.data.scenes.dice import Dice
from ccfpse_tf.data.scenes.light import scaled
from ccfpse_tf.data.scenes.plants import LEAVES, round_normal


@dataclass(frozen=True)
class Skyline:
    """A distant block that closes the view.

    Attributes:
        x: metres to the right.
        order: distance.
        width, height: metres.
    """

    x: float
    order: float
    width: float
    height: float

    def draw(self, canvas: Canvas, dice: Dice) -> None:
        """Draws a box facing the camera."""
        instance = canvas.new_instance()
        wall = dice.vary(dice.choice(WALLS)[0], 0.1)
        surface = canvas.surface(Class.BUILDING, instance, wall, self.order)
        left, right, z = self.x - self.width / 2, self.x + self.width / 2, self.order
        shaded = canvas.surface(Class.BUILDING, instance, scaled(wall, 0.8), z)
        edge = left + self.width * 0.66
        for start, end, tone in ((left, edge, surface), (edge, right, shaded)):
            canvas.face(
                (
                    (start, 0, z),
                    (start, self.height, z),
                    (end, self.height, z),
                    (end, 0, z),
                ),
                tone,
            )


@dataclass(frozen=True)
class Wood:
    """A distant line of treetops.

    Attributes:
        x: metres to the right of its middle.
        order: distance.
        width, height: metres.
    """

    x: float
    order: float
    width: float
    height: float

    def draw(self, canvas: Canvas, dice: Dice) -> None:
        """Draws overlapping round tops."""
        instance = canvas.new_instance()
        leaves = dice.vary(dice.choice(LEAVES[:4]), 0.15)
        scale = canvas.camera.scale(self.order)
        left, ground = canvas.camera.point(self.x - self.width / 2, 0, self.order)
        step = self.width / 8 * scale
        if canvas.beside(left + 4 * step, 6 * step):
            return
        for top in range(9):
            surface = canvas.surface(
                Class.TREE,
                instance,
                scaled(leaves, dice.uniform(0.8, 1.1)),
                self.order,
                round_normal(canvas),
                Texture.FOLIAGE,
            )
            tall = self.height * dice.uniform(0.7, 1.1) * scale
            x = left + top * step
            canvas.ellipse(x, ground - tall + step, step, step, surface)
            canvas.polygon(
                (
                    (x - step, ground),
                    (x - step, ground - tall + step),
                    (x + step, ground - tall + step),
                    (x + step, ground),
                ),
                surface,
            )
