"""People: upright figures that face the camera or walk away from it."""

from dataclasses import dataclass

from ccfpse_tf.data.scenes.canvas import Canvas, Class
from ccfpse_tf.data.scenes.dice import Colour, Dice
from ccfpse_tf.data.scenes.light import scaled

_SKIN: tuple[Colour, ...] = ((0.90, 0.70, 0.56), (0.66, 0.44, 0.32), (0.42, 0.27, 0.20))
_HAIR: tuple[Colour, ...] = ((0.12, 0.09, 0.08), (0.42, 0.26, 0.12), (0.78, 0.64, 0.36))
_TOPS: tuple[Colour, ...] = (
    (0.84, 0.16, 0.16),
    (0.16, 0.34, 0.74),
    (0.94, 0.80, 0.20),
    (0.92, 0.92, 0.92),
    (0.16, 0.52, 0.32),
    (0.56, 0.24, 0.56),
    (0.93, 0.52, 0.18),
)
_TROUSERS: tuple[Colour, ...] = (
    (0.14, 0.18, 0.32),
    (0.16, 0.16, 0.17),
    (0.46, 0.38, 0.28),
)


@dataclass(frozen=True)
class Person:
    """A walking person.

    Attributes:
        x: metres from the street's middle.
        order: distance.
        height: metres.
    """

    x: float
    order: float
    height: float

    def draw(self, canvas: Canvas, dice: Dice) -> None:
        """Draws shadow, legs, body in a lit and a shaded half, arms and head."""
        figure = _Figure(canvas, canvas.new_instance(), self)
        skin, hair = dice.choice(_SKIN), dice.choice(_HAIR)
        top = dice.vary(dice.choice(_TOPS), 0.1)
        trousers = dice.vary(dice.choice(_TROUSERS), 0.15)
        stride = dice.uniform(0.03, 0.13) * dice.choice((-1, 1))
        self._cast(canvas)
        for side in (-1, 1):
            hip, foot = side * 0.055, side * 0.06 + side * stride
            tone = scaled(trousers, 1.0 if side < 0 else 0.8)
            figure.part(
                (
                    (hip - 0.065, 0.5),
                    (hip + 0.065, 0.5),
                    (foot + 0.045, 0.0),
                    (foot - 0.05, 0.0),
                ),
                tone,
            )
        for side in (-1, 1):
            reach = side * (0.19 + abs(stride) * 0.4)
            figure.part(
                (
                    (side * 0.1, 0.82),
                    (side * 0.15, 0.81),
                    (reach, 0.5),
                    (reach - side * 0.06, 0.48),
                ),
                scaled(top, 0.85),
            )
        bright_left = canvas.light.toward_sun[0] < 0
        for side in (-1, 1):
            tone = 1.12 if (side < 0) == bright_left else 0.78
            figure.part(
                ((0, 0.85), (side * 0.14, 0.82), (side * 0.11, 0.46), (0, 0.46)),
                scaled(top, tone),
            )
        figure.disc(0, 0.93, 0.068, 0.08, hair)
        if dice.chance(0.7):
            figure.disc(0, 0.912, 0.055, 0.066, skin)

    def _cast(self, canvas: Canvas) -> None:
        x, z = self.x, self.order
        dx, dz = canvas.light.shadow(self.height)
        z_end = max(z + dz, 1.5)
        canvas.cast(
            ((x - 0.2, z), (x + 0.2, z), (x + dx + 0.15, z_end), (x + dx - 0.15, z_end))
        )
        canvas.cast_disc(x, z, 0.35, 0.25)


@dataclass(frozen=True)
class _Figure:
    """Places parts given in shares of the person's height around the feet."""

    canvas: Canvas
    instance: int
    person: Person

    def _surface(self, albedo: Colour) -> int:
        x, y, z = self.canvas.light.toward_sun
        # Clothes are round: they catch light from the sun's side as well.
        normal = (0.5 * x, 0.5 * y, 0.5 * z - 0.4)
        return self.canvas.surface(
            Class.PERSON, self.instance, albedo, self.person.order, normal
        )

    def part(self, outline: tuple[tuple[float, float], ...], albedo: Colour) -> None:
        x, z, height = self.person.x, self.person.order, self.person.height
        corners = [(x + u * height, v * height, z) for u, v in outline]
        self.canvas.face(corners, self._surface(albedo))

    def disc(self, u: float, v: float, rx: float, ry: float, albedo: Colour) -> None:
        person = self.person
        height = person.height
        x, y = self.canvas.camera.point(person.x + u * height, v * height, person.order)
        scale = self.canvas.camera.scale(person.order) * height
        self.canvas.ellipse(x, y, rx * scale, ry * scale, self._surface(albedo))
