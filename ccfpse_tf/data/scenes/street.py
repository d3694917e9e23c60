"""The street's cross section and what is painted on it."""

from dataclasses import dataclass

from ccfpse_tf.data.scenes.dice import Colour, Dice


@dataclass(frozen=True)
class Street:
    """Widths in metres, symmetric about the road's middle unless said otherwise.

    Attributes:
        kind: city (closed rows of houses), suburb (gaps, gardens) or park (trees).
        half_road: half the width of the carriageway.
        strip: width of the lawn between each kerb and sidewalk.
        sidewalk: width of each sidewalk.
        verge: width of the strip behind the sidewalk, (left, right).
        paved: whether the ground behind the sidewalk is paved, (left, right).
        dash: (length, period) of the middle line; length = period for a solid one.
        edge_lines: whether lines run along the kerbs.
        crossing: distance of a zebra crossing, or None.
        asphalt, grass, slab: albedos.
    """

    kind: str
    half_road: float
    strip: float
    sidewalk: float
    verge: tuple[float, float]
    paved: tuple[bool, bool]
    dash: tuple[float, float]
    edge_lines: bool
    crossing: float | None
    asphalt: Colour
    grass: Colour
    slab: Colour

    @property
    def behind(self) -> float:
        """Distance of the sidewalks' far edges from the middle."""
        return self.half_road + self.strip + self.sidewalk

    def front(self, side: int) -> float:
        """Distance of the houses from the middle; side -1 is left, 1 is right."""
        return self.behind + self.verge[side > 0]

    @classmethod
    def sample(cls, dice: Dice) -> "Street":
        """A street of a random kind."""
        kind = dice.choice(("city", "city", "suburb", "suburb", "park"))
        if kind == "city":
            verge = (dice.choice((0.0, 1.0)), dice.choice((0.0, 1.0)))
            paved = (dice.chance(0.7), dice.chance(0.7))
            green = 0.25
        else:
            verge = (dice.uniform(1.0, 3.5), dice.uniform(1.0, 3.5))
            paved = (False, False)
            green = 0.8
        grey = dice.uniform(0.27, 0.42)
        stone = dice.uniform(0.56, 0.72)
        return cls(
            kind=kind,
            half_road=dice.uniform(2.9, 4.2),
            strip=dice.uniform(1.2, 2.2) if dice.chance(green) else 0.0,
            sidewalk=dice.uniform(1.6, 2.4),
            verge=verge,
            paved=paved,
            dash=dice.choice(((2.5, 5.0), (3.0, 7.0), (1.0, 1.0))),
            edge_lines=dice.chance(0.5),
            crossing=dice.uniform(5.0, 11.0) if dice.chance(0.35) else None,
            asphalt=dice.vary((grey, grey, grey * 1.06), 0.05),
            grass=dice.vary(dice.choice(_LAWNS), 0.12),
            slab=dice.vary((stone, stone * 0.97, stone * 0.9), 0.06),
        )


_LAWNS: tuple[Colour, ...] = (
    (0.28, 0.48, 0.14),
    (0.36, 0.54, 0.18),
    (0.45, 0.52, 0.20),
)
