"""Sky and ground, computed per canvas pixel by inverting the projection."""

import numpy as np

from ccfpse_tf.data.scenes import noise_tiles
from ccfpse_tf.data.scenes.camera import Camera
from ccfpse_tf.data.scenes.canvas import Class
from ccfpse_tf.data.scenes.dice import Dice
from ccfpse_tf.data.scenes.light import UP, Light, mixed
from ccfpse_tf.data.scenes.street import Street

_PAINT = (0.86, 0.85, 0.80)
# Amplitudes of the noise on lawns and elsewhere.
_PATCHY = np.float32((0.9, 0.28))
_GRAINY = np.float32((0.42, 0.14))
_FAR = 400.0  # metres; the last row before the horizon would be at infinity


def draw_sky(camera: Camera, light: Light, rows: int, dice: Dice) -> np.ndarray:
    """The sky's colours, float32 (rows, width, 3): gradient, clouds and the sun's glow.

    Args:
        camera: where the vanishing point is.
        light: the time of day.
        rows: canvas rows above the horizon.
        dice: where the clouds are.
    """
    height = np.linspace(1, 0, rows, dtype=np.float32)[:, None]
    zenith, middle, low = (np.float32(colour) for colour in light.sky)
    upper = middle + (zenith - middle) * np.clip(height * 2 - 1, 0, 1)
    gradient = (upper + (low - middle) * np.clip(1 - height * 2, 0, 1))[:, None]
    offset = (dice.integer(0, 255), dice.integer(0, 255))
    span = round(110 * camera.width / max(camera.height, 1))
    field = noise_tiles.stretched(
        noise_tiles.clouds(), offset, (120, span), (rows, camera.width)
    )
    # Clouds are thick where the noise is high, and flatten towards the horizon.
    threshold = 0.78 - 0.45 * light.cover
    density = np.clip((field - threshold) * 5, 0, 1) * np.clip(height * 4, 0.15, 1)
    lift = max(1, rows // 14)
    under = np.clip((field - np.roll(field, -lift, axis=0)) * 5 + 0.5, 0, 1)
    cloud = np.float32(light.cloud_shade) + under[..., None] * (
        np.float32(light.cloud) - np.float32(light.cloud_shade)
    )
    sky = gradient + density[..., None] * (cloud - gradient)
    return sky + _glow(camera, light, rows)


def _glow(camera: Camera, light: Light, rows: int) -> np.ndarray | float:
    x, y, z = light.toward_sun
    if light.name == "overcast" or z < 0.2:
        return 0.0
    column = camera.vanish + camera.focal * x / z
    row = camera.horizon - camera.focal * y / z
    dx = (np.arange(camera.width, dtype=np.float32) - column) / camera.height
    dy = (np.arange(rows, dtype=np.float32) - row) / camera.height
    distance = dx * dx + (dy * dy)[:, None]
    glow = 0.5 * np.exp(-distance * 14) + np.clip(6 - distance * 4000, 0, 1)
    return glow[..., None] * np.float32(light.sun)


class Ground:
    """The ground's classes and colours below the horizon.

    Args:
        camera: the projection to invert.
        light: the time of day.
        street: widths and paint.
        dice: where the texture starts.

    Attributes:
        first: the first canvas row of the ground.
        classes: uint8 (rows, width).
    """

    def __init__(self, camera: Camera, light: Light, street: Street, dice: Dice):
        self.camera, self.light, self.street = camera, light, street
        self.first = int(camera.horizon) + 1
        rows = np.arange(self.first, camera.height, dtype=np.float32) + 0.5
        columns = np.arange(camera.width, dtype=np.float32) + 0.5
        eye = camera.focal * camera.eye
        self.z = np.minimum(eye / (rows - camera.horizon), _FAR)[:, None]
        middle = camera.offset - camera.curve(self.z)
        self.x = (columns - camera.vanish) * (self.z / camera.focal) + middle
        self._across = np.abs(self.x)
        self._origin = (dice.integer(0, 255), dice.integer(0, 255))
        self.classes = self._classify()

    def _classify(self) -> np.ndarray:
        street, across = self.street, self._across
        left, right = (
            Class.SIDEWALK if paved else Class.GRASS for paved in street.paved
        )
        classes = np.where(self.x < 0, np.uint8(left), np.uint8(right))
        # Paving ends somewhere behind the houses; beyond it there are gardens.
        classes[across > street.behind + 14] = Class.GRASS
        classes[across < street.behind] = Class.SIDEWALK
        classes[across < street.half_road + street.strip] = Class.GRASS
        on_road = across < street.half_road
        classes[on_road] = Class.ROAD
        classes[on_road & self._painted()] = Class.LANE_MARKING
        return classes

    def _painted(self) -> np.ndarray:
        street, across = self.street, self._across
        length, period = street.dash
        painted = (across < 0.11) & (np.mod(self.z, period) < length)
        if street.edge_lines:
            painted |= np.abs(across - (street.half_road - 0.3)) < 0.08
        if street.crossing is not None:
            near = street.crossing
            painted &= (self.z < near - 2.2) | (self.z > near + 3.4)
            bars = (self.z > near) & (self.z < near + 2.6)
            painted |= bars & (np.mod(self.x, 0.9) < 0.48)
            stop = (self.z > near - 1.5) & (self.z < near - 1.1)
            painted |= stop & (self.x > 0.2)
        return painted

    def colours(self, shadow: np.ndarray) -> np.ndarray:
        """Seen colours, float32 (rows, width, 3).

        Args:
            shadow: 0..1 where something keeps the sun off, (rows, width).
        """
        light, street = self.light, self.street
        table = np.zeros((12, 3), np.float32)
        table[Class.GRASS] = street.grass
        table[Class.ROAD] = street.asphalt
        table[Class.LANE_MARKING] = _PAINT
        table[Class.SIDEWALK] = street.slab
        lit = np.float32(light.shade((1, 1, 1), UP))
        dark = np.float32(light.ambient) * 0.88
        tone = (lit + shadow[..., None] * (dark - lit)) * self._texture()[..., None]
        colour = table[self.classes] * tone
        haze = (1 - np.exp(-self.z * light.haze))[..., None]
        distant = np.float32(mixed(light.sky[2], light.sky[1], 0.3))
        return colour + haze * (distant - colour)

    def _texture(self) -> np.ndarray:
        street, across = self.street, self._across
        patches = self._noise(noise_tiles.clouds(), 9.0, 5.0)
        fine = self._noise(noise_tiles.grain(), 14.0, 7.0)
        detail = np.clip(9 / self.z, 0.1, 1)
        grass = self.classes == Class.GRASS
        # Lawns are patchy, asphalt is grainy and polished where the wheels run.
        texture = 1 + (patches - 0.5) * np.where(grass, *_PATCHY)
        texture += (fine - 0.5) * detail * np.where(grass, *_GRAINY)
        wheels = np.abs(np.abs(across - street.half_road / 2) - 0.75)
        texture -= 0.09 * ((wheels < 0.25) & (across < street.half_road))
        slabs = (self.classes == Class.SIDEWALK) & (
            (np.mod(self.x, 0.8) < 0.07) | (np.mod(self.z, 1.1) < 0.09)
        )
        texture -= 0.30 * detail * slabs
        beyond = across - street.half_road
        texture += 0.28 * ((beyond > 0) & (beyond < 0.2))
        texture -= 0.25 * ((beyond < 0) & (beyond > -0.14))
        return texture

    def _noise(self, tile: np.ndarray, along_x: float, along_z: float) -> np.ndarray:
        mask = noise_tiles.TILE - 1
        column = (self.x * along_x + self._origin[0]).astype(np.int32) & mask
        row = (self.z * along_z + self._origin[1]).astype(np.int32) & mask
        return tile[row, column]
