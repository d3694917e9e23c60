"""The canvas: numbers of surfaces, drawn back to front, and their meanings."""

from collections.abc import Sequence
from enum import IntEnum

from PIL import Image, ImageDraw

from ccfpse_tf.data.scenes.camera import Camera, Point
from ccfpse_tf.data.scenes.dice import Colour
from ccfpse_tf.data.scenes.light import TO_CAMERA, Light, Vector

UNLABELLED = 255


class Class(IntEnum):
    """Label indices, in the order of the data set's table of facts."""

    SKY = 0
    BUILDING = 1
    TREE = 2
    GRASS = 3
    ROAD = 4
    LANE_MARKING = 5
    SIDEWALK = 6
    CAR = 7
    PERSON = 8
    SIGN = 9
    POLE = 10
    WINDOW = 11
    EGO = UNLABELLED


class Texture(IntEnum):
    """The pattern that changes a surface's colour from pixel to pixel."""

    PLAIN = 0
    FOLIAGE = 1
    ROUGH = 2
    BRICK = 3
    BOARDS = 4
    SLABS = 5


class Canvas:
    """Holds one surface number per canvas pixel, so that image, label and instance map
    come from the same numbers and are aligned by construction. Number 0 is what no
    object covers: sky and ground.

    Args:
        camera: projects points; gives the canvas its size.
        light: shades surfaces.
    """

    def __init__(self, camera: Camera, light: Light) -> None:
        self.camera = camera
        self.light = light
        size = (camera.width, camera.height)
        self.numbers = Image.new("I", size, 0)
        self.shadows = Image.new("L", size, 0)
        self._pen = ImageDraw.Draw(self.numbers)
        self._shadow_pen = ImageDraw.Draw(self.shadows)
        self._known: dict[tuple, int] = {}
        # One row per surface number: colour, class, instance, texture, plane, depth.
        self.rows: list[tuple] = [((0, 0, 0), 0, 0, Texture.PLAIN, 0.0, 0.0)]
        self._instances = 0

    def new_instance(self) -> int:
        """A number that no object has had yet, from 1 on."""
        self._instances += 1
        return self._instances

    def surface(
        self,
        label: Class,
        instance: int,
        albedo: Colour,
        depth: float,
        normal: Vector | None = TO_CAMERA,
        texture: Texture = Texture.PLAIN,
        plane: float = 0.0,
    ) -> int:
        """The number of a surface.

        Args:
            label: its class.
            instance: its object's number.
            albedo: its colour in white light.
            depth: metres from the camera, for the haze.
            normal: lights the surface; None takes the albedo for the seen colour.
            texture: the modulation.
            plane: for wall textures, the wall's metres to the side of the camera;
                0 means that the wall faces the camera at `depth`.
        """
        key = (label, instance, albedo, depth, normal, texture)
        number = self._known.get(key)
        if number is None:
            number = self._known[key] = len(self.rows)
            colour = albedo if normal is None else self.light.shade(albedo, normal)
            self.rows.append((colour, label, instance, texture, plane, depth))
        return number

    def polygon(self, points: Sequence[Point], surface: int) -> None:
        """Fills a polygon given in canvas pixels."""
        self._pen.polygon(points, fill=surface)

    def face(self, corners: Sequence[Vector], surface: int) -> None:
        """Fills a polygon given in metres."""
        point = self.camera.point
        self._pen.polygon([point(*corner) for corner in corners], fill=surface)

    def beside(self, x: float, reach: float) -> bool:
        """Returns whether x - reach to x + reach are columns outside the picture."""
        return x + reach < 0 or x - reach > self.camera.width

    def ellipse(self, x: float, y: float, rx: float, ry: float, surface: int) -> None:
        """Fills an ellipse given by centre and radii in canvas pixels."""
        if rx >= 0.5 and ry >= 0.5:
            self._pen.ellipse((x - rx, y - ry, x + rx, y + ry), fill=surface)

    def line(self, start: Point, end: Point, width: float, surface: int) -> None:
        """A straight bar, never thinner than a pixel of the final picture."""
        width = max(round(width), round(1.2 * self.camera.sub))
        self._pen.line((start, end), fill=surface, width=width)

    def cast(self, outline: Sequence[Point]) -> None:
        """Darkens the ground inside an outline of (x, z) metres."""
        point = self.camera.point
        self._shadow_pen.polygon([point(x, 0.0, z) for x, z in outline], fill=255)

    def cast_disc(self, x: float, z: float, rx: float, rz: float) -> None:
        """Darkens an ellipse on the ground, in metres; nothing at the near plane."""
        if z - rz > 1.5:
            left, top = self.camera.point(x - rx, 0.0, z + rz)
            right, bottom = self.camera.point(x + rx, 0.0, z - rz)
            left, right = min(left, right), max(left, right)
            self._shadow_pen.ellipse((left, top, right, bottom), fill=255)
