"""Houses along the street."""

from dataclasses import dataclass

from ccfpse_tf.data.scenes.camera import NEAR
from ccfpse_tf.data.scenes.canvas import Canvas, Class, Texture
from ccfpse_tf.data.scenes.dice import Colour, Dice
from ccfpse_tf.data.scenes.facade import Facade
from ccfpse_tf.data.scenes.light import TO_CAMERA, Vector, scaled

WALLS: tuple[tuple[Colour, Texture], ...] = (
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
_DEPTH = 9.0  # metres from front to back


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
        """Draws shadow, roof, the wall that faces the camera, and the front.

        Both walls copy the dice, so that their storeys and windows match.
        """
        instance = canvas.new_instance()
        wall, texture = dice.choice(WALLS)
        wall = dice.vary(wall, 0.12)
        roof = dice.vary(dice.choice(_ROOFS), 0.1)
        near, far = max(self.near, NEAR), self.far
        inner, middle = self.side * self.front, (near + far) / 2
        self._cast(canvas, near)
        if self.pitched:
            self._draw_gable_roof(canvas, instance, near, roof, wall)
        else:
            self._draw_cornice(canvas, instance, near, wall)

        def end(u: float, v: float) -> Vector:
            return inner + self.side * u, v, near

        def front(u: float, v: float) -> Vector:
            return inner, v, near + u

        paint = (canvas, instance, wall, texture)
        if self.near > NEAR:
            Facade(*paint, TO_CAMERA, near, 0.0, end, _DEPTH, self.height).draw(
                dice.copy()
            )
        plane = inner + canvas.camera.curve(middle) - canvas.camera.offset
        along = (-float(self.side), 0.0, 0.0)
        Facade(*paint, along, middle, plane, front, far - near, self.height).draw(
            dice.copy()
        )

    def _cast(self, canvas: Canvas, near: float) -> None:
        dx, dz = canvas.light.shadow(self.height)
        inner, outer = self._sides()
        far = self.far
        for (xa, za), (xb, zb) in (
            ((inner, near), (inner, far)),
            ((inner, near), (outer, near)),
            ((inner, far), (outer, far)),
        ):
            shifted = ((xb + dx, max(zb + dz, NEAR)), (xa + dx, max(za + dz, NEAR)))
            canvas.cast(((xa, za), (xb, zb), *shifted))

    def _sides(self) -> tuple[float, float]:
        return self.side * self.front, self.side * (self.front + _DEPTH)

    def _draw_cornice(
        self, canvas: Canvas, instance: int, near: float, wall: Colour
    ) -> None:
        inner, outer = self._sides()
        depth = (near + self.far) / 2
        edge = canvas.surface(Class.BUILDING, instance, scaled(wall, 0.72), depth)
        rim, low, high = inner - self.side * 0.25, self.height - 0.1, self.height + 0.45
        for x, z in ((rim, self.far), (outer, near)):
            corners = ((rim, low, near), (rim, high, near), (x, high, z), (x, low, z))
            canvas.face(corners, edge)

    def _draw_gable_roof(
        self, canvas: Canvas, instance: int, near: float, roof: Colour, wall: Colour
    ) -> None:
        inner, outer = self._sides()
        far, top, ridge = self.far, self.height, (inner + outer) / 2
        peak, low, eave = top + 3.2, top - 0.2, inner - self.side * 0.4
        normal = (-0.6 * self.side, 0.8, 0.0)
        slope = canvas.surface(
            Class.BUILDING, instance, roof, near, normal, Texture.ROUGH
        )
        corners = ((eave, low, near), (ridge, peak, near), (ridge, peak, far))
        canvas.face((*corners, (eave, low, far)), slope)
        gable = canvas.surface(Class.BUILDING, instance, scaled(wall, 0.95), near)
        canvas.face(
            ((inner, top, near), (ridge, peak, near), (outer, top, near)), gable
        )
