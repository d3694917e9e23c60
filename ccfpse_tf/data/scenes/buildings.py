"""Houses along the street and the skyline behind them."""

from collections.abc import Callable
from dataclasses import dataclass

from ccfpse_tf.data.scenes.camera import NEAR
from ccfpse_tf.data.scenes.canvas import Canvas, Class, Texture
from ccfpse_tf.data.scenes.dice import Colour, Dice
from ccfpse_tf.data.scenes.light import TO_CAMERA, Vector, mixed, scaled

_WALLS: tuple[tuple[Colour, Texture], ...] = (
    ((0.62, 0.30, 0.22), Texture.BRICK),
    ((0.55, 0.36, 0.26), Texture.BRICK),
    ((0.72, 0.52, 0.36), Texture.BRICK),
    ((0.86, 0.80, 0.66), Texture.SLABS),
    ((0.80, 0.68, 0.48), Texture.SLABS),
    ((0.66, 0.68, 0.70), Texture.SLABS),
    ((0.84, 0.84, 0.80), Texture.BOARDS),
    ((0.52, 0.64, 0.70), Texture.BOARDS),
    ((0.76, 0.60, 0.54), Texture.SLABS),
    ((0.74, 0.70, 0.42), Texture.BOARDS),
)
_ROOFS: tuple[Colour, ...] = (
    (0.50, 0.22, 0.16),
    (0.34, 0.26, 0.24),
    (0.32, 0.34, 0.40),
)
_LAMPLIGHT: Colour = (1.0, 0.82, 0.46)

Place = Callable[[float, float], Vector]


@dataclass(frozen=True)
class Building:
    """A house whose long front faces the street.

    Attributes:
        side: -1 left of the street, 1 right of it.
        front: metres from the street's middle to the front.
        near, far: distances of its two ends.
        height: height of the walls.
        pitched: whether it has a gable roof, else a flat one with a cornice.
    """

    side: int
    front: float
    near: float
    far: float
    height: float
    pitched: bool

    @property
    def order(self) -> float:
        """Distance by which objects are sorted."""
        return self.far

    def draw(self, canvas: Canvas, dice: Dice) -> None:
        """Draws the wall that faces the camera, the front, and the roof."""
        instance = canvas.new_instance()
        wall, texture = dice.choice(_WALLS)
        wall = dice.vary(wall, 0.12)
        roof = dice.vary(dice.choice(_ROOFS), 0.1)
        back = self.front + 9.0
        near, far, top = max(self.near, NEAR), self.far, self.height
        self._cast(canvas, near, back)
        inner, outer = self.side * self.front, self.side * back
        along = (-float(self.side), 0.0, 0.0)
        camera = canvas.camera
        plane = inner + camera.curve((near + far) / 2) - camera.offset
        self._draw_roof(canvas, instance, roof, wall)
        for normal, depth, at, place, span in (
            (TO_CAMERA, near, 0.0, lambda u, v: (inner + self.side * u, v, near), 9.0),
            (
                along,
                (near + far) / 2,
                plane,
                lambda u, v: (inner, v, near + u),
                far - near,
            ),
        ):
            if normal is TO_CAMERA and self.near <= NEAR:
                continue
            surface = canvas.surface(
                Class.BUILDING, instance, wall, depth, normal, texture, at
            )
            corners = (place(0, 0), place(0, top), place(span, top), place(span, 0))
            canvas.face(corners, surface)
            front = _Facade(canvas, instance, wall, normal, depth, place, span, top)
            front.draw(dice)
        del outer

    def _cast(self, canvas: Canvas, near: float, back: float) -> None:
        dx, dz = canvas.light.shadow(self.height)
        inner, outer = self.side * self.front, self.side * back
        far = self.far
        for (xa, za), (xb, zb) in (
            ((inner, near), (inner, far)),
            ((inner, near), (outer, near)),
            ((inner, far), (outer, far)),
        ):
            shifted = ((xb + dx, max(zb + dz, NEAR)), (xa + dx, max(za + dz, NEAR)))
            canvas.cast(((xa, za), (xb, zb), *shifted))

    def _draw_roof(
        self, canvas: Canvas, instance: int, roof: Colour, wall: Colour
    ) -> None:
        near, far, top = max(self.near, NEAR), self.far, self.height
        inner, outer = self.side * self.front, self.side * (self.front + 9.0)
        depth, building = (near + far) / 2, Class.BUILDING
        if not self.pitched:
            edge = canvas.surface(building, instance, scaled(wall, 0.72), depth)
            rim = inner - self.side * 0.25
            low, high = top - 0.1, top + 0.45
            canvas.face(
                (
                    (rim, low, near),
                    (rim, high, near),
                    (rim, high, far),
                    (rim, low, far),
                ),
                edge,
            )
            canvas.face(
                (
                    (rim, low, near),
                    (rim, high, near),
                    (outer, high, near),
                    (outer, low, near),
                ),
                edge,
            )
            return
        ridge = (inner + outer) / 2
        peak = top + 3.2
        eave = inner - self.side * 0.4
        slope = canvas.surface(
            building, instance, roof, depth, (-0.6 * self.side, 0.8, 0), Texture.ROUGH
        )
        canvas.face(
            (
                (eave, top - 0.2, near),
                (ridge, peak, near),
                (ridge, peak, far),
                (eave, top - 0.2, far),
            ),
            slope,
        )
        gable = canvas.surface(building, instance, scaled(wall, 0.95), near)
        canvas.face(
            ((inner, top, near), (ridge, peak, near), (outer, top, near)), gable
        )


@dataclass(frozen=True)
class _Facade:
    """One wall with its windows; `place` maps (metres along, metres up) to space."""

    canvas: Canvas
    instance: int
    wall: Colour
    normal: Vector
    depth: float
    place: Place
    span: float
    top: float

    def draw(self, dice: Dice) -> None:
        """Draws the rows of windows and, at the street, shop windows and a door."""
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
        left, right = (
            canvas.camera.point(*place(u - half, sill)),
            canvas.camera.point(*place(u + half, sill + tall)),
        )
        width, height = abs(right[0] - left[0]), abs(right[1] - left[1])
        pixel = canvas.camera.sub
        if width < 0.6 * pixel or height < 0.9 * pixel or right[0] < -width:
            return
        if left[0] > canvas.camera.width + width:
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


@dataclass(frozen=True)
class Skyline:
    """A distant block that closes the view.

    Attributes:
        x: metres to the right.
        order: distance.
        width, height: metres.
    """

    x: float
    order: float
    width: float
    height: float

    def draw(self, canvas: Canvas, dice: Dice) -> None:
        """Draws a box facing the camera."""
        instance = canvas.new_instance()
        wall = dice.vary(dice.choice(_WALLS)[0], 0.1)
        surface = canvas.surface(Class.BUILDING, instance, wall, self.order)
        left, right, z = self.x - self.width / 2, self.x + self.width / 2, self.order
        shaded = canvas.surface(Class.BUILDING, instance, scaled(wall, 0.8), z)
        edge = left + self.width * 0.66
        for start, end, tone in ((left, edge, surface), (edge, right, shaded)):
            canvas.face(
                (
                    (start, 0, z),
                    (start, self.height, z),
                    (end, self.height, z),
                    (end, 0, z),
                ),
                tone,
            )
