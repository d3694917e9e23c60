"""Walls with windows."""

from collections.abc import Callable
from dataclasses import dataclass

from ccfpse_tf.data.scenes.canvas import Canvas, Class, Texture
from ccfpse_tf.data.scenes.dice import Colour, Dice
from ccfpse_tf.data.scenes.light import TO_CAMERA, Vector, mixed, scaled

_LAMPLIGHT: Colour = (1.0, 0.82, 0.46)

Place = Callable[[float, float], Vector]


@dataclass(frozen=True)
class Facade:
    """One wall of a building.

    Attributes:
        canvas, instance: where it is drawn and to which building it belongs.
        wall, texture: the wall's albedo and masonry.
        normal, depth, plane: as `Canvas.surface` takes them.
        place: maps (metres along the wall, metres up) to space.
        span, top: length and height in metres.
    """

    canvas: Canvas
    instance: int
    wall: Colour
    texture: Texture
    normal: Vector
    depth: float
    plane: float
    place: Place
    span: float
    top: float

    def draw(self, dice: Dice) -> None:
        """Draws the wall, rows of windows and, at the street, shop windows or a door.

        A wall beside the picture is left out.
        """
        canvas, place, span, top = self.canvas, self.place, self.span, self.top
        corners = (place(0, 0), place(0, top), place(span, top), place(span, 0))
        columns = [canvas.camera.point(*corner)[0] for corner in corners]
        if max(columns) < 0 or min(columns) > canvas.camera.width:
            return
        wall = canvas.surface(
            Class.BUILDING,
            self.instance,
            self.wall,
            self.depth,
            self.normal,
            self.texture,
            self.plane,
        )
        canvas.face(corners, wall)
        self._draw_storeys(dice)

    def _draw_storeys(self, dice: Dice) -> None:
        storey = dice.uniform(2.9, 3.5)
        pitch = dice.uniform(2.2, 3.2)
        columns = max(1, int(self.span / pitch))
        pitch = self.span / columns
        wide = pitch * dice.uniform(0.24, 0.36)
        tall = dice.uniform(1.5, 1.9)
        shop = dice.chance(0.4) and self.normal is not TO_CAMERA
        trim = self._surface(Class.BUILDING, mixed(self.wall, (1, 1, 1), 0.35))
        glass = mixed(
            (0.16, 0.22, 0.30), self.canvas.light.sky[1], dice.uniform(0, 0.5)
        )
        storeys = max(1, int((self.top - 0.4) / storey))
        for floor in range(storeys):
            sill = floor * storey + 0.95
            for column in range(columns):
                u = (column + 0.5) * pitch
                lit = dice.chance(self.canvas.light.evening)
                tone = dice.uniform(0.75, 1.2)
                if floor == 0 and not shop and column == columns // 2:
                    self._door(u, dice)
                elif floor == 0 and shop:
                    pane = scaled(glass, tone * 1.1)
                    self._window(u, 0.5, pitch * 0.42, 2.0, pane, lit, trim)
                else:
                    pane = scaled(glass, tone)
                    self._window(u, sill, wide, tall, pane, lit, trim)

    def _surface(self, label: Class, albedo: Colour, lit: bool = False) -> int:
        normal = None if lit else self.normal
        return self.canvas.surface(label, self.instance, albedo, self.depth, normal)

    def _rectangle(
        self, u: float, v: float, half: float, tall: float, surface: int
    ) -> None:
        place = self.place
        low, high = u - half, u + half
        corners = (place(low, v), place(low, v + tall), place(high, v + tall))
        self.canvas.face((*corners, place(high, v)), surface)

    def _door(self, u: float, dice: Dice) -> None:
        colour = dice.vary(dice.choice(((0.32, 0.18, 0.10), (0.16, 0.28, 0.22))), 0.2)
        self._rectangle(u, 0.0, 0.62, 2.2, self._surface(Class.BUILDING, colour))

    def _window(
        self,
        u: float,
        sill: float,
        half: float,
        tall: float,
        pane: Colour,
        lit: bool,
        trim: int,
    ) -> None:
        canvas, place = self.canvas, self.place
        # What would be smaller than a pixel of the final picture is left out.
        camera = canvas.camera
        x0, y0 = camera.point(*place(u - half, sill))
        x1, y1 = camera.point(*place(u + half, sill + tall))
        width, height, pixel = abs(x1 - x0), abs(y1 - y0), camera.sub
        if width < 0.6 * pixel or height < 0.9 * pixel:
            return
        if max(x0, x1) < 0 or min(x0, x1) > camera.width:
            return
        if width > 3 * pixel:
            self._rectangle(u, sill - 0.16, half + 0.14, tall + 0.3, trim)
        bright = _LAMPLIGHT if lit else mixed(pane, canvas.light.sky[1], 0.35)
        dark = scaled(_LAMPLIGHT, 0.86) if lit else pane
        self._rectangle(u, sill, half, tall, self._surface(Class.WINDOW, dark, True))
        if width > 1.6 * pixel:
            surface = self._surface(Class.WINDOW, bright, True)
            self._rectangle(u, sill + tall * 0.5, half, tall * 0.5, surface)
        if width > 5 * pixel:
            bar = self._surface(Class.WINDOW, mixed(self.wall, (1, 1, 1), 0.5))
            self._rectangle(u, sill, half * 0.09, tall, bar)
