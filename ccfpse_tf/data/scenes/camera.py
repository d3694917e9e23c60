"""The pinhole camera that looks along the street."""

from dataclasses import dataclass

from ccfpse_tf.data.scenes.dice import Dice

NEAR = 1.0  # metres; geometry closer than this is clipped by its owner

Point = tuple[float, float]


@dataclass(frozen=True)
class Camera:
    """Projects metres (x right, y up, z ahead) onto the supersampled canvas.

    Attributes:
        width, height: size of the canvas in its pixels.
        sub: canvas pixels per side of a pixel of the final picture.
        focal: focal length in canvas pixels.
        horizon, vanish: row and column of the vanishing point.
        eye: height above the road in metres.
        offset: metres to the right of the road's middle.
        bend: how much the street curves (1 / metre).
    """

    width: int
    height: int
    sub: int
    focal: float
    horizon: float
    vanish: float
    eye: float
    offset: float
    bend: float

    def curve(self, z: float) -> float:
        """The street's sideways shift at distance z in metres; also takes arrays."""
        return self.bend * z * z / (1 + z / 40)

    def point(self, x: float, y: float, z: float) -> Point:
        """Canvas position of a point; z is clipped to the near plane."""
        z = z if z > NEAR else NEAR
        scale = self.focal / z
        return (
            self.vanish + scale * (x + self.curve(z) - self.offset),
            self.horizon + scale * (self.eye - y),
        )

    def scale(self, z: float) -> float:
        """Canvas pixels per metre at distance z."""
        return self.focal / (z if z > NEAR else NEAR)

    @classmethod
    def sample(cls, dice: Dice, size: tuple[int, int], sub: int) -> "Camera":
        """A camera of the ego car for a picture of the given (height, width)."""
        height, width = size[0] * sub, size[1] * sub
        return cls(
            width=width,
            height=height,
            sub=sub,
            focal=height * dice.uniform(0.72, 0.9),
            horizon=height * dice.uniform(0.46, 0.6),
            vanish=width / 2 + height * dice.uniform(-0.1, 0.1),
            eye=dice.uniform(1.7, 2.4),
            offset=dice.uniform(0.2, 1.6),
            bend=dice.uniform(-1, 1) ** 3 * 0.004,
        )
