"""Times of day: sun, ambient light, sky and haze."""

import math
from dataclasses import dataclass, replace

from ccfpse_tf.data.scenes.dice import Colour, Dice

Vector = tuple[float, float, float]

UP: Vector = (0.0, 1.0, 0.0)
TO_CAMERA: Vector = (0.0, 0.0, -1.0)


@dataclass(frozen=True)
class Light:
    """One time of day.

    Attributes:
        name: day, overcast or sunset.
        toward_sun: unit vector (x right, y up, z ahead).
        sun, ambient: colours that multiply the albedo.
        sky: colours at the zenith, half way, and at the horizon.
        cloud, cloud_shade: colours of a cloud's top and of its underside.
        cover: share of the sky under clouds, about.
        haze: extinction per metre.
        evening: probability that a window is lit.
    """

    name: str
    toward_sun: Vector
    sun: Colour
    ambient: Colour
    sky: tuple[Colour, Colour, Colour]
    cloud: Colour
    cloud_shade: Colour
    cover: float
    haze: float
    evening: float

    def shade(self, albedo: Colour, normal: Vector) -> Colour:
        """Lambert's law with ambient light."""
        (x, y, z), (sun_x, sun_y, sun_z) = normal, self.toward_sun
        cosine = max(x * sun_x + y * sun_y + z * sun_z, 0.0)
        ambient, sun = self.ambient, self.sun
        return (
            albedo[0] * (ambient[0] + sun[0] * cosine),
            albedo[1] * (ambient[1] + sun[1] * cosine),
            albedo[2] * (ambient[2] + sun[2] * cosine),
        )

    def shadow(self, height: float) -> tuple[float, float]:
        """The shadow's offset of a point `height` metres up: (dx, dz) in metres."""
        x, y, z = self.toward_sun
        reach = min(height / y, 14.0)
        return -x * reach, -z * reach


_DAY = Light(
    name="day",
    toward_sun=UP,
    sun=(0.78, 0.72, 0.60),
    ambient=(0.50, 0.54, 0.62),
    sky=((0.22, 0.46, 0.86), (0.46, 0.70, 0.96), (0.80, 0.90, 0.97)),
    cloud=(1.0, 1.0, 1.0),
    cloud_shade=(0.74, 0.79, 0.88),
    cover=0.35,
    haze=0.006,
    evening=0.0,
)
_OVERCAST = Light(
    name="overcast",
    toward_sun=UP,
    sun=(0.14, 0.14, 0.14),
    ambient=(0.70, 0.74, 0.79),
    sky=((0.58, 0.63, 0.69), (0.70, 0.74, 0.78), (0.83, 0.85, 0.87)),
    cloud=(0.84, 0.86, 0.88),
    cloud_shade=(0.56, 0.60, 0.66),
    cover=0.85,
    haze=0.012,
    evening=0.12,
)
_SUNSET = Light(
    name="sunset",
    toward_sun=UP,
    sun=(1.10, 0.62, 0.30),
    ambient=(0.60, 0.50, 0.60),
    sky=((0.26, 0.27, 0.54), (0.83, 0.48, 0.48), (1.0, 0.74, 0.42)),
    cloud=(1.0, 0.72, 0.52),
    cloud_shade=(0.52, 0.34, 0.48),
    cover=0.45,
    haze=0.009,
    evening=0.35,
)
_ELEVATION = {"day": (0.7, 1.15), "overcast": (0.9, 1.3), "sunset": (0.28, 0.48)}


def sample_light(dice: Dice) -> Light:
    """A time of day, its sun somewhere around the street, colours slightly varied."""
    light = dice.choice((_DAY, _DAY, _OVERCAST, _SUNSET))
    elevation = dice.uniform(*_ELEVATION[light.name])
    azimuth = dice.uniform(0, 2 * math.pi)
    flat = math.cos(elevation)
    exposure = dice.uniform(0.92, 1.08)
    return replace(
        light,
        toward_sun=(
            flat * math.sin(azimuth),
            math.sin(elevation),
            flat * math.cos(azimuth),
        ),
        sun=scaled(light.sun, exposure),
        ambient=scaled(light.ambient, exposure * dice.uniform(0.95, 1.05)),
        cover=light.cover * dice.uniform(0.4, 1.3),
        haze=light.haze * dice.uniform(0.5, 1.6),
    )


def scaled(colour: Colour, factor: float) -> Colour:
    """The colour times a factor."""
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second colour mixed into the first one."""
    r, g, b = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return r, g, b
