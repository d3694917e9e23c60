"""The drawing of one car."""

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

from ccfpse_tf.data.scenes.canvas import Canvas, Class
from ccfpse_tf.data.scenes.dice import Colour
from ccfpse_tf.data.scenes.light import Vector, mixed, scaled

_TYRE: Colour = (0.07, 0.07, 0.08)
_PANE: Colour = (0.08, 0.10, 0.13)
_HALF = 0.92  # metres, half a car's width
_CIRCLE = tuple(
    (math.cos(step * math.pi / 6), math.sin(step * math.pi / 6)) for step in range(12)
)


@dataclass(frozen=True)
class Bodywork:
    """A car's side profile, extruded across its width.

    Attributes:
        canvas, instance: where it is drawn, and its number.
        x, near, away: as those of `Car`.
        profile: points (metres from the closer end, metres up).
        glass: the profile's segments that are windows.
        paint: albedo.
    """

    canvas: Canvas
    instance: int
    x: float
    near: float
    away: bool
    profile: tuple[tuple[float, float], ...]
    glass: tuple[int, int]
    paint: Colour

    def draw(self) -> None:
        """Draws shadow, body from back to front, the visible side, the lights."""
        self._cast()
        self._draw_tyres()
        self._draw_shell()
        self._draw_side()
        self._draw_end()

    def _surface(self, albedo: Colour, normal: Vector | None = (0, 0, -1)) -> int:
        return self.canvas.surface(Class.CAR, self.instance, albedo, self.near, normal)

    def _half(self, y: float) -> float:
        """Half the width at height y: the cabin is narrower than the body."""
        return _HALF - 0.17 * min(max((y - 1.0) / 0.5, 0), 1)

    def _cast(self) -> None:
        x, near = self.x, self.near
        far = near + max(s for s, _ in self.profile)
        dx, dz = self.canvas.light.shadow(1.1)
        for ox, oz in ((0, 0), (dx / 2, dz / 2), (dx, dz)):
            a, b = x - _HALF - 0.1 + ox, x + _HALF + 0.1 + ox
            z0, z1 = near + oz - 0.1, far + oz
            self.canvas.cast(((a, z0), (a, z1), (b, z1), (b, z0)))

    def _draw_tyres(self) -> None:
        rubber = self._surface(scaled(_TYRE, 0.8))
        x, z = self.x, self.near + 0.15
        for left in (x - _HALF + 0.04, x + _HALF - 0.32):
            right = left + 0.28
            self.canvas.face(
                ((left, 0, z), (left, 0.5, z), (right, 0.5, z), (right, 0, z)), rubber
            )

    def _draw_shell(self) -> None:
        """The strips between neighbouring profile points that the camera can see."""
        x, near, eye = self.x, self.near, self.canvas.camera.eye
        pane = self._surface(mixed(_PANE, self.canvas.light.sky[1], 0.28), None)
        strips = list(enumerate(itertools.pairwise(self.profile)))
        # The farthest strip first; an oncoming car's profile starts there.
        for number, points in reversed(strips) if self.away else strips:
            (sa, ya), (sb, yb) = points if self.away else points[::-1]
            along, up = sb - sa, yb - ya
            length = math.hypot(along, up)
            normal = (0.0, along / length, -up / length)
            below, ahead = eye - (ya + yb) / 2, near + (sa + sb) / 2
            if below * normal[1] <= ahead * normal[2]:
                continue
            glass = number in self.glass
            surface = pane if glass else self._surface(self.paint, normal)
            ha, hb, za, zb = self._half(ya), self._half(yb), near + sa, near + sb
            first, last = (x - ha, ya, za), (x - hb, yb, zb)
            self.canvas.face((first, (x + ha, ya, za), (x + hb, yb, zb), last), surface)

    def _draw_side(self) -> None:
        """The side towards the camera, if it can see one."""
        camera = self.canvas.camera
        right = self.x + camera.curve(self.near) - camera.offset
        if abs(right) < _HALF:
            return
        toward = -1.0 if right > 0 else 1.0
        paint = self._surface(scaled(self.paint, 0.92), (toward, 0.25, 0))
        self._draw_outline(self.profile, toward, paint)
        pane = self._surface(mixed(_PANE, self.canvas.light.sky[1], 0.18), None)
        first, last = self.glass
        cabin = (*self.profile[first : first + 2], *self.profile[last : last + 2])
        middle_s, middle_y = (sum(values) / 4 for values in zip(*cabin, strict=True))
        window = [
            (middle_s + (s - middle_s) * 0.84, middle_y + (y - middle_y) * 0.72)
            for s, y in cabin
        ]
        self._draw_outline(window, toward, pane)
        length = max(s for s, _ in self.profile)
        for axle in (0.85, length - 0.85):
            for radius, colour in ((0.36, _TYRE), (0.2, (0.55, 0.56, 0.58))):
                wheel = [
                    (axle + radius * cos, 0.36 + radius * sin) for cos, sin in _CIRCLE
                ]
                surface = self._surface(colour, (toward, 0, 0))
                self._draw_outline(wheel, toward, surface)

    def _draw_outline(
        self, points: Iterable[tuple[float, float]], toward: float, surface: int
    ) -> None:
        """Fills profile points on one side of the car."""
        x, near = self.x, self.near
        self.canvas.face(
            [(x + toward * self._half(y), y, near + s) for s, y in points], surface
        )

    def _draw_end(self) -> None:
        """Lights, bumper and number plate on the end towards the camera."""
        x, z, y = self.x, self.near - 0.01, 0.72
        away = self.away
        lamp = self._surface((0.92, 0.10, 0.08) if away else (1.0, 0.97, 0.84), None)
        self._plate(x, z, 0.34, 0.16, _HALF, self._surface(scaled(self.paint, 0.4)))
        if not away:
            self._plate(x, z, 0.58, 0.13, 0.42, self._surface((0.10, 0.10, 0.11)))
        self._plate(x, z, 0.46, 0.13, 0.27, self._surface((0.95, 0.94, 0.86)))
        for middle in (x - _HALF + 0.2, x + _HALF - 0.2):
            self._plate(middle, z, y - 0.08, 0.2, 0.19, lamp)

    def _plate(
        self, x: float, z: float, y: float, tall: float, half: float, surface: int
    ) -> None:
        left, right, top = x - half, x + half, y + tall
        self.canvas.face(
            ((left, y, z), (left, top, z), (right, top, z), (right, y, z)), surface
        )
