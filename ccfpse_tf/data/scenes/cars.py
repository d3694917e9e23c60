"""Cars: a side profile, extruded across the car's width."""

import math
from dataclasses import dataclass

from ccfpse_tf.data.scenes.canvas import Canvas, Class
from ccfpse_tf.data.scenes.dice import Colour, Dice
from ccfpse_tf.data.scenes.light import UP, Vector, mixed, scaled

# (metres from the tail, metres up) over the top of the car from tail to nose. The
# segments that start at the points 3, 5 and so on named by `glass` are windows.
_SHAPES: dict[str, tuple[tuple[tuple[float, float], ...], tuple[int, ...]]] = {
    "saloon": (
        (
            (0, 0.30),
            (0, 0.92),
            (0.8, 1.02),
            (1.5, 1.45),
            (2.6, 1.48),
            (3.4, 1.02),
            (4.4, 0.82),
            (4.5, 0.30),
        ),
        (2, 4),
    ),
    "hatchback": (
        (
            (0, 0.30),
            (0, 0.98),
            (0.45, 1.50),
            (2.2, 1.55),
            (2.95, 1.04),
            (3.8, 0.86),
            (3.9, 0.30),
        ),
        (1, 3),
    ),
    "van": (
        (
            (0, 0.32),
            (0, 1.10),
            (0.15, 2.05),
            (3.5, 2.10),
            (4.3, 1.20),
            (4.8, 1.02),
            (4.9, 0.32),
        ),
        (1, 3),
    ),
    "offroader": (
        (
            (0, 0.40),
            (0, 1.10),
            (0.3, 1.75),
            (2.7, 1.80),
            (3.3, 1.18),
            (4.4, 1.06),
            (4.5, 0.40),
        ),
        (1, 3),
    ),
}
_PAINTS: tuple[Colour, ...] = (
    (0.80, 0.12, 0.10),
    (0.14, 0.26, 0.62),
    (0.92, 0.92, 0.92),
    (0.62, 0.65, 0.68),
    (0.16, 0.17, 0.20),
    (0.94, 0.74, 0.14),
    (0.16, 0.46, 0.40),
    (0.92, 0.46, 0.12),
    (0.50, 0.74, 0.86),
)
_TYRE: Colour = (0.07, 0.07, 0.08)
_HALF = 0.92  # metres, half a car's width


@dataclass(frozen=True)
class Car:
    """A car parallel to the street.

    Attributes:
        x: metres from the street's middle to the car's middle.
        near: distance of its closer end.
        away: whether it faces away from the camera.
    """

    x: float
    near: float
    away: bool

    @property
    def order(self) -> float:
        """Distance by which objects are sorted."""
        return self.near + 1.0

    def draw(self, canvas: Canvas, dice: Dice) -> None:
        """Draws shadow, bodywork from back to front, the visible side, the lights."""
        profile, glass = _SHAPES[dice.choice(tuple(_SHAPES))]
        paint = dice.vary(dice.choice(_PAINTS), 0.08)
        if not self.away:
            length = profile[-1][0]
            profile = tuple((length - s, y) for s, y in profile)
        body = _Body(canvas, canvas.new_instance(), self, profile, glass, paint)
        body.cast()
        body.draw_tyres()
        body.draw_shell()
        body.draw_side()
        body.draw_end()


@dataclass(frozen=True)
class _Body:
    """One car being drawn; profile starts (away) or ends (oncoming) at the camera."""

    canvas: Canvas
    instance: int
    car: Car
    profile: tuple[tuple[float, float], ...]
    glass: tuple[int, ...]
    paint: Colour

    def surface(self, albedo: Colour, normal: Vector | None = (0, 0, -1)) -> int:
        return self.canvas.surface(
            Class.CAR, self.instance, albedo, self.car.near, normal
        )

    def half(self, y: float) -> float:
        """Half the width at height y: the cabin is narrower than the body."""
        return _HALF - 0.17 * min(max((y - 1.0) / 0.5, 0), 1)

    def cast(self) -> None:
        x, near = self.car.x, self.car.near
        far = near + max(s for s, _ in self.profile)
        dx, dz = self.canvas.light.shadow(1.1)
        for ox, oz in ((0, 0), (dx / 2, dz / 2), (dx, dz)):
            a, b = x - _HALF - 0.1 + ox, x + _HALF + 0.1 + ox
            self.canvas.cast(
                (
                    (a, near + oz - 0.1),
                    (a, far + oz),
                    (b, far + oz),
                    (b, near + oz - 0.1),
                )
            )

    def draw_tyres(self) -> None:
        rubber = self.surface(scaled(_TYRE, 0.8))
        x, z = self.car.x, self.car.near + 0.15
        for left in (x - _HALF + 0.04, x + _HALF - 0.32):
            right = left + 0.28
            self.canvas.face(
                ((left, 0, z), (left, 0.5, z), (right, 0.5, z), (right, 0, z)), rubber
            )

    def draw_shell(self) -> None:
        """The strips between neighbouring profile points that the camera can see."""
        x, near, eye = self.car.x, self.car.near, self.canvas.camera.eye
        pane = mixed((0.08, 0.10, 0.13), self.canvas.light.sky[1], 0.28)
        strips = []
        for number, (start, end) in enumerate(
            zip(self.profile, self.profile[1:], strict=False)
        ):
            if not self.car.away:
                start, end = end, start
            along, up = end[0] - start[0], end[1] - start[1]
            length = math.hypot(along, up)
            normal = (0.0, along / length, -up / length)
            middle_y, middle_z = (start[1] + end[1]) / 2, near + (start[0] + end[0]) / 2
            if (eye - middle_y) * normal[1] - middle_z * normal[2] <= 0:
                continue
            glass = number in self.glass
            surface = (
                self.surface(pane, None) if glass else self.surface(self.paint, normal)
            )
            (sa, ya), (sb, yb) = start, end
            ha, hb = self.half(ya), self.half(yb)
            strips.append(
                (
                    middle_z,
                    surface,
                    (
                        (x - ha, ya, near + sa),
                        (x + ha, ya, near + sa),
                        (x + hb, yb, near + sb),
                        (x - hb, yb, near + sb),
                    ),
                )
            )
        for _, surface, corners in sorted(strips, key=lambda strip: -strip[0]):
            self.canvas.face(corners, surface)

    def draw_side(self) -> None:
        """The side towards the camera, with windows and wheels."""
        camera = self.canvas.camera
        x, near = self.car.x, self.car.near
        toward = -1.0 if x + camera.curve(near) > camera.offset else 1.0
        gap = abs(x + camera.curve(near) - camera.offset)
        if gap < _HALF:
            return
        sign = (toward, 0.25, 0)
        side = [(x + toward * self.half(y), y, near + s) for s, y in self.profile]
        self.canvas.face(side, self.surface(scaled(self.paint, 0.92), sign))
        pane = self.surface(
            mixed((0.08, 0.10, 0.13), self.canvas.light.sky[1], 0.18), None
        )
        first, last = self.glass
        tail, nose = self.profile[first : first + 2], self.profile[last : last + 2]
        cabin = (tail[0], tail[1], nose[0], nose[1])
        centre_s = sum(s for s, _ in cabin) / 4
        centre_y = sum(y for _, y in cabin) / 4
        self.canvas.face(
            [
                (
                    x + toward * self.half(y),
                    centre_y + (y - centre_y) * 0.72,
                    near + centre_s + (s - centre_s) * 0.84,
                )
                for s, y in cabin
            ],
            pane,
        )
        length = max(s for s, _ in self.profile)
        for s in (0.85, length - 0.85):
            for radius, colour in ((0.36, _TYRE), (0.2, (0.55, 0.56, 0.58))):
                wheel = [
                    (x + toward * _HALF, 0.36 + radius * sin, near + s + radius * cos)
                    for cos, sin in _CIRCLE
                ]
                self.canvas.face(wheel, self.surface(colour, (toward, 0, 0)))

    def draw_end(self) -> None:
        """Lights, bumper and number plate on the end towards the camera."""
        x, z, y = self.car.x, self.car.near - 0.01, 0.72
        away = self.car.away
        lamp = self.surface((0.92, 0.10, 0.08) if away else (1.0, 0.97, 0.84), None)
        self._plate(x, z, 0.34, 0.16, _HALF, self.surface(scaled(self.paint, 0.4)))
        if not away:
            self._plate(x, z, 0.58, 0.13, 0.42, self.surface((0.10, 0.10, 0.11)))
        self._plate(x, z, 0.46, 0.13, 0.27, self.surface((0.95, 0.94, 0.86)))
        for middle in (x - _HALF + 0.2, x + _HALF - 0.2):
            self._plate(middle, z, y - 0.08, 0.2, 0.19, lamp)

    def _plate(
        self, x: float, z: float, y: float, tall: float, half: float, surface: int
    ) -> None:
        left, right, top = x - half, x + half, y + tall
        self.canvas.face(
            ((left, y, z), (left, top, z), (right, top, z), (right, y, z)), surface
        )


_CIRCLE = tuple(
    (math.cos(step * math.pi / 6), math.sin(step * math.pi / 6)) for step in range(12)
)
del UP
