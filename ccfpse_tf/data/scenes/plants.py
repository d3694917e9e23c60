"""Trees and hedges."""

import math
from dataclasses import dataclass

from ccfpse_tf.data.scenes.camera import NEAR
from ccfpse_tf.data.scenes.canvas import Canvas, Class, Texture
from ccfpse_tf.data.scenes.dice import Colour, Dice
from ccfpse_tf.data.scenes.light import scaled

LEAVES: tuple[Colour, ...] = (
    (0.20, 0.40, 0.11),
    (0.28, 0.46, 0.13),
    (0.16, 0.34, 0.17),
    (0.36, 0.46, 0.13),
    (0.62, 0.40, 0.10),
)
_BARK: Colour = (0.34, 0.25, 0.18)


@dataclass(frozen=True)
class Tree:
    """A tree.

    Attributes:
        x: metres from the street's middle.
        order: distance.
        height: metres.
        kind: round, conifer or poplar.
    """

    x: float
    order: float
    height: float
    kind: str

    def draw(self, canvas: Canvas, dice: Dice) -> None:
        """Draws shadow, trunk and crown."""
        instance = canvas.new_instance()
        leaves = dice.vary(dice.choice(LEAVES), 0.15)
        x, z, height = self.x, self.order, self.height
        dx, dz = canvas.light.shadow(height * 0.6)
        spread = height * (0.3 if self.kind == "round" else 0.16)
        canvas.cast_disc(x + dx, max(z + dz, NEAR), spread, spread)
        canvas.cast(
            (
                (x - 0.1, z),
                (x + 0.1, z),
                (x + dx + 0.1, max(z + dz, NEAR)),
                (x + dx - 0.1, max(z + dz, NEAR)),
            )
        )
        bark = canvas.surface(
            Class.TREE, instance, _BARK, z, round_normal(canvas), Texture.ROUGH
        )
        width = 0.045 * height * canvas.camera.scale(z)
        canvas.line(
            canvas.camera.point(x, 0, z),
            canvas.camera.point(x, height * 0.5, z),
            width,
            bark,
        )
        if self.kind == "conifer":
            self._draw_conifer(canvas, instance, leaves)
        else:
            self._draw_crown(canvas, instance, leaves, dice)

    def _draw_crown(
        self, canvas: Canvas, instance: int, leaves: Colour, dice: Dice
    ) -> None:
        tall = self.kind == "poplar"
        sun_x, sun_y, _ = canvas.light.toward_sun
        scale = canvas.camera.scale(self.order)
        radius = self.height * (0.17 if tall else 0.3)
        stretch = 2.3 if tall else 1.0
        middle = self.height - radius * stretch
        x, y = canvas.camera.point(self.x, middle, self.order)
        radius *= scale
        if canvas.beside(x, 1.5 * radius):
            return
        # Dark clumps first; each layer is brighter and nearer to the sun.
        for layer, tone in enumerate((0.55, 0.8, 1.0, 1.22)):
            surface = self._leaf_surface(canvas, instance, scaled(leaves, tone))
            shift = layer * 0.13 * radius
            for _ in range(7):
                angle = dice.uniform(0, 2 * math.pi)
                reach = (1 - 0.2 * layer) * math.sqrt(dice()) * 0.62 * radius
                size = radius * dice.uniform(0.30, 0.50) * (1 - 0.13 * layer)
                canvas.ellipse(
                    x + math.cos(angle) * reach + sun_x * shift,
                    y + math.sin(angle) * reach * stretch - max(sun_y, 0.4) * shift,
                    size,
                    size * (0.9 * stretch**0.5),
                    surface,
                )
            if layer == 0:
                canvas.ellipse(x, y, radius * 0.8, radius * 0.75 * stretch, surface)

    def _draw_conifer(self, canvas: Canvas, instance: int, leaves: Colour) -> None:
        scale = canvas.camera.scale(self.order)
        sun_left = canvas.light.toward_sun[0] < 0
        leaves = scaled(leaves, 0.8)
        for tier in range(4):
            low = self.height * (0.14 + 0.2 * tier)
            high = min(self.height, low + self.height * 0.36)
            half = self.height * (0.24 - 0.045 * tier) * scale
            x, bottom = canvas.camera.point(self.x, low, self.order)
            _, top = canvas.camera.point(self.x, high, self.order)
            for left in (True, False):
                tone = 1.25 if left == sun_left else 0.7
                surface = self._leaf_surface(canvas, instance, scaled(leaves, tone))
                end = x - half if left else x + half
                canvas.polygon(((x, top), (end, bottom), (x, bottom)), surface)

    def _leaf_surface(self, canvas: Canvas, instance: int, colour: Colour) -> int:
        return canvas.surface(
            Class.TREE,
            instance,
            colour,
            self.order,
            round_normal(canvas),
            Texture.FOLIAGE,
        )


@dataclass(frozen=True)
class Hedge:
    """A hedge along the street.

    Attributes:
        x: metres from the street's middle.
        near, order: distances of its ends.
        height: metres.
    """

    x: float
    near: float
    order: float
    height: float

    def draw(self, canvas: Canvas, dice: Dice) -> None:
        """Draws the side towards the street, the end and the top."""
        instance = canvas.new_instance()
        leaves = dice.vary(dice.choice(LEAVES[:3]), 0.15)
        x, near, far, top = self.x, max(self.near, NEAR), self.order, self.height
        back = x + math.copysign(1.0, x)
        toward = -math.copysign(1.0, x)
        for normal, corners in (
            (
                (0, 1, 0),
                ((x, top, near), (back, top, near), (back, top, far), (x, top, far)),
            ),
            (
                (0, 0, -1),
                ((x, 0, near), (x, top, near), (back, top, near), (back, 0, near)),
            ),
            (
                (toward, 0, 0),
                ((x, 0, near), (x, top, near), (x, top, far), (x, 0, far)),
            ),
        ):
            surface = canvas.surface(
                Class.TREE, instance, leaves, (near + far) / 2, normal, Texture.FOLIAGE
            )
            canvas.face(corners, surface)


def round_normal(canvas: Canvas) -> tuple[float, float, float]:
    """A normal half way between the camera's side and the sun's: round things."""
    x, y, z = canvas.light.toward_sun
    return 0.6 * x, 0.6 * y, 0.6 * z - 0.3
