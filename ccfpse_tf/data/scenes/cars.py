"""Cars of several shapes and colours."""

from dataclasses import dataclass

from ccfpse_tf.data.scenes.bodywork import Bodywork
from ccfpse_tf.data.scenes.canvas import Canvas
from ccfpse_tf.data.scenes.dice import Colour, Dice

# Points (metres from the tail, metres up) over the top of the car from tail to nose,
# and the numbers of the segments between them that are the rear window and windscreen.
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
        """Draws the car in one of the shapes and colours."""
        profile, glass = _SHAPES[dice.choice(tuple(_SHAPES))]
        paint = dice.vary(dice.choice(_PAINTS), 0.08)
        if not self.away:
            length = profile[-1][0]
            profile = tuple((length - s, y) for s, y in profile)
        instance = canvas.new_instance()
        Bodywork(
            canvas, instance, self.x, self.near, self.away, profile, glass, paint
        ).draw()
