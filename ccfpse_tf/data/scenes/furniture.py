"""Traffic signs, traffic lights and street lamps."""

import math
from dataclasses import dataclass

from ccfpse_tf.data.scenes.canvas import Canvas, Class
from ccfpse_tf.data.scenes.dice import Colour, Dice

_STEEL: Colour = (0.46, 0.48, 0.50)
_DARK: Colour = (0.14, 0.17, 0.17)
_RED: Colour = (0.88, 0.10, 0.10)
_WHITE: Colour = (0.97, 0.97, 0.96)
_BLUE: Colour = (0.10, 0.30, 0.80)
_YELLOW: Colour = (0.99, 0.82, 0.12)
_GREEN: Colour = (0.08, 0.46, 0.26)


def _corners(count: int, turn: float) -> tuple[tuple[float, float], ...]:
    steps = (turn + 2 * math.pi * step / count for step in range(count))
    return tuple((math.cos(angle), math.sin(angle)) for angle in steps)


_ROUND = _corners(16, 0)
_TRIANGLE = _corners(3, math.pi / 2)
_DIAMOND = _corners(4, math.pi / 2)
_OCTAGON = _corners(8, math.pi / 8)
_SQUARE = ((-0.8, -0.8), (-0.8, 0.8), (0.8, 0.8), (0.8, -0.8))
_BAR = ((-0.55, -0.18), (-0.55, 0.18), (0.55, 0.18), (0.55, -0.18))
_MARK = ((-0.13, -0.3), (-0.13, 0.4), (0.13, 0.4), (0.13, -0.3))
_BOARD = ((-1.5, -0.55), (-1.5, 0.55), (1.5, 0.55), (1.5, -0.55))

# Layers of (outline, size, colour), painted in order.
_PLATES = (
    ((_ROUND, 1.0, _RED), (_ROUND, 0.68, _WHITE)),
    ((_ROUND, 1.0, _RED), (_BAR, 1.1, _WHITE)),
    ((_TRIANGLE, 1.2, _RED), (_TRIANGLE, 0.72, _WHITE), (_MARK, 0.7, _DARK)),
    ((_DIAMOND, 1.15, _WHITE), (_DIAMOND, 0.92, _YELLOW)),
    ((_OCTAGON, 1.05, _WHITE), (_OCTAGON, 0.92, _RED), (_BAR, 0.9, _WHITE)),
    ((_SQUARE, 1.1, _BLUE), (_TRIANGLE, 0.62, _WHITE)),
    ((_ROUND, 1.0, _BLUE), (_MARK, 1.3, _WHITE)),
    ((_BOARD, 0.9, _WHITE), (_BOARD, 0.8, _GREEN), (_BAR, 1.3, _WHITE)),
)


def _draw_pole(
    canvas: Canvas, x: float, z: float, height: float, width: float, colour: Colour
) -> None:
    """An upright pole, its own instance, with its shadow."""
    instance = canvas.new_instance()
    sun_x, sun_y, sun_z = canvas.light.toward_sun
    normal = (0.6 * sun_x, 0.6 * sun_y, 0.6 * sun_z - 0.3)
    surface = canvas.surface(Class.POLE, instance, colour, z, normal)
    point, scale = canvas.camera.point, canvas.camera.scale(z)
    canvas.line(point(x, 0, z), point(x, height, z), width * scale, surface)
    dx, dz = canvas.light.shadow(height)
    end = max(z + dz, 1.2)
    canvas.cast(
        ((x - 0.07, z), (x + 0.07, z), (x + dx + 0.07, end), (x + dx - 0.07, end))
    )


@dataclass(frozen=True)
class Sign:
    """A traffic sign on its pole.

    Attributes:
        x: metres from the street's middle.
        order: distance.
    """

    x: float
    order: float

    def draw(self, canvas: Canvas, dice: Dice) -> None:
        """Draws the pole and one of the plates."""
        height, radius = dice.uniform(2.1, 2.6), dice.uniform(0.4, 0.52)
        _draw_pole(canvas, self.x, self.order, height + radius * 0.6, 0.1, _STEEL)
        instance = canvas.new_instance()
        for outline, size, colour in dice.choice(_PLATES):
            surface = canvas.surface(Class.SIGN, instance, colour, self.order)
            canvas.face(
                [
                    (self.x + u * size * radius, height + v * size * radius, self.order)
                    for u, v in outline
                ],
                surface,
            )


@dataclass(frozen=True)
class TrafficLight:
    """A traffic light on its pole; its box counts as a sign.

    Attributes:
        x: metres from the street's middle.
        order: distance.
    """

    x: float
    order: float

    def draw(self, canvas: Canvas, dice: Dice) -> None:
        """Draws the pole, the box and three lamps of which one is lit."""
        _draw_pole(canvas, self.x, self.order, 3.2, 0.14, _DARK)
        instance, z, height = canvas.new_instance(), self.order, 3.0
        box = canvas.surface(Class.SIGN, instance, _DARK, z)
        left, right = self.x - 0.24, self.x + 0.24
        canvas.face(
            (
                (left, height - 0.7, z),
                (left, height + 0.7, z),
                (right, height + 0.7, z),
                (right, height - 0.7, z),
            ),
            box,
        )
        radius = 0.18 * canvas.camera.scale(z)
        lit = dice.integer(0, 2)
        lamps = ((1.0, 0.15, 0.12), (1.0, 0.80, 0.15), (0.20, 0.95, 0.45))
        for number, colour in enumerate(lamps):
            colour = colour if number == lit else (0.25, 0.26, 0.26)
            lamp = canvas.surface(Class.SIGN, instance, colour, z, None)
            x, y = canvas.camera.point(self.x, height + 0.44 * (1 - number), z)
            canvas.ellipse(x, y, radius, radius, lamp)


@dataclass(frozen=True)
class Lamp:
    """A street lamp whose arm reaches over the road.

    Attributes:
        x: metres from the street's middle.
        order: distance.
    """

    x: float
    order: float

    def draw(self, canvas: Canvas, dice: Dice) -> None:
        """Draws pole, arm and lamp as one pole."""
        height = dice.uniform(5.0, 6.5)
        instance = canvas.new_instance()
        _draw_pole(canvas, self.x, self.order, height, 0.15, _DARK)
        point, scale = canvas.camera.point, canvas.camera.scale(self.order)
        steel = canvas.surface(Class.POLE, instance, _DARK, self.order)
        end = self.x - math.copysign(1.3, self.x)
        start = point(self.x, height, self.order)
        canvas.line(start, point(end, height + 0.25, self.order), 0.1 * scale, steel)
        on = canvas.light.evening > 0.2
        glass = (1.0, 0.92, 0.66) if on else (0.80, 0.82, 0.80)
        lamp = canvas.surface(Class.POLE, instance, glass, self.order, None)
        x, y = point(end, height + 0.12, self.order)
        canvas.ellipse(x, y, 0.34 * scale, 0.15 * scale, lamp)
