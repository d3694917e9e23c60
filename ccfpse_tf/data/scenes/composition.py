"""The composition of a scene: the objects of one street and their places."""

from typing import Protocol

from ccfpse_tf.data.scenes.backdrop import Skyline, Wood
from ccfpse_tf.data.scenes.buildings import Building
from ccfpse_tf.data.scenes.canvas import Canvas, Class
from ccfpse_tf.data.scenes.cars import Car
from ccfpse_tf.data.scenes.dice import Dice
from ccfpse_tf.data.scenes.furniture import Lamp, Sign, TrafficLight
from ccfpse_tf.data.scenes.people import Person
from ccfpse_tf.data.scenes.plants import Hedge, Tree
from ccfpse_tf.data.scenes.street import Street

_TREES = ("round", "round", "round", "conifer", "poplar")


class Thing(Protocol):
    """Something that stands on the ground."""

    @property
    def order(self) -> float:
        """Distance by which things are drawn, farthest first."""

    def draw(self, canvas: Canvas, dice: Dice) -> None:
        """Draws it, taking what is left to chance from the dice."""


def compose(street: Street, dice: Dice) -> list[Thing]:
    """All objects along the street, farthest first."""
    things = [*_backdrop(dice), *_traffic(street, dice), *_people(street, dice)]
    for side in (-1, 1):
        things += _houses(street, side, dice)
        things += _greenery(street, side, dice)
        things += _furniture(street, side, dice)
    return sorted(things, key=lambda thing: -thing.order)


def _backdrop(dice: Dice) -> list[Thing]:
    things: list[Thing] = []
    for x in range(-150, 151, 25):
        at, distance = x + dice.uniform(-8, 8), dice.uniform(110, 150)
        if dice.chance(0.45):
            height = dice.uniform(12, 40)
            things.append(Skyline(at, distance, dice.uniform(12, 26), height))
        else:
            things.append(Wood(at, distance, dice.uniform(30, 50), dice.uniform(9, 16)))
    return things


def _houses(street: Street, side: int, dice: Dice) -> list[Thing]:
    things: list[Thing] = []
    city = street.kind == "city"
    share = {"city": 0.95, "suburb": 0.85, "park": 0.22}[street.kind]
    near = dice.uniform(-4, 4)
    while near < 75:
        length = dice.uniform(7, 13) if city else dice.uniform(7, 10)
        height = dice.uniform(7, 19) if city else dice.uniform(4.5, 7)
        front = street.front(side) + (0 if city else dice.uniform(0, 1.5))
        pitched = dice.chance(0.15 if city else 0.8)
        gap = dice.choice((0.0, 0.0, 0.0, 4.0)) if city else dice.uniform(2.5, 6)
        if dice.chance(share) and near + length > 3:
            things.append(Building(side, front, near, near + length, height, pitched))
        elif dice.chance(0.7):
            at = front + dice.uniform(1, 4)
            things.append(_tree(side * at, max(near + length / 2, 5), dice))
        near += length + gap
    return things


def _tree(x: float, z: float, dice: Dice) -> Tree:
    return Tree(x, z, dice.uniform(4.5, 8.5), dice.choice(_TREES))


def _greenery(street: Street, side: int, dice: Dice) -> list[Thing]:
    things: list[Thing] = []
    edge = street.behind
    planted = dice.chance({"city": 0.4, "suburb": 0.7, "park": 1.0}[street.kind])
    z = dice.uniform(6, 12)
    spacing = dice.uniform(6, 10)
    # Trees stand in the strip where there is one, in a city at the kerb at least.
    at = edge + 0.9
    if street.strip or street.kind == "city":
        at = street.half_road + max(street.strip / 2, 0.5)
    while planted and z < 60:
        things.append(_tree(side * at, z + dice.uniform(-1, 1), dice))
        z += spacing * dice.uniform(0.8, 1.3)
    if street.kind != "city" and dice.chance(0.5):
        near = dice.uniform(3, 16)
        far = near + dice.uniform(6, 14)
        things.append(Hedge(side * (edge + 0.15), near, far, dice.uniform(0.7, 1.3)))
    return things


def _furniture(street: Street, side: int, dice: Dice) -> list[Thing]:
    things: list[Thing] = []
    at = side * (street.half_road + 0.35)
    if dice.chance(0.65):
        things.append(Sign(at, dice.uniform(5.5, 12)))
    if dice.chance(0.4):
        things.append(Sign(at, dice.uniform(12, 24)))
    if street.crossing is not None and dice.chance(0.7):
        things.append(TrafficLight(at, street.crossing + 3.2))
    if dice.chance(0.6):
        z = dice.uniform(8, 15)
        spacing = dice.uniform(14, 20)
        things += [Lamp(at, z + number * spacing) for number in range(3)]
    return things


def _traffic(street: Street, dice: Dice) -> list[Thing]:
    things: list[Thing] = []
    lane = street.half_road / 2
    stop = street.crossing or 0.0
    for away in (True, False):
        z = dice.uniform(5.5, 16)
        if away and stop:
            z = max(z, stop + 4)
        while z < 55:
            if dice.chance(0.6):
                drift = dice.uniform(-0.15, 0.15)
                things.append(Car((lane if away else -lane) + drift, z, away))
            z += dice.uniform(7, 22)
    for side in (-1, 1):
        z = dice.uniform(3.5, 12)
        while street.half_road > 3.6 and z < 40:
            if dice.chance(0.4) and abs(z - stop) > 5:
                things.append(Car(side * (street.half_road + 0.1), z, side > 0))
            z += dice.uniform(5.8, 9)
    return things


def _people(street: Street, dice: Dice) -> list[Thing]:
    things: list[Thing] = []
    for _ in range(dice.integer(1, 6)):
        side = dice.choice((-1, 1))
        x = side * (street.behind - dice.uniform(0.1, street.sidewalk - 0.3))
        z = 4.5 + 22 * dice() ** 1.6
        things.append(Person(x, z, dice.uniform(1.5, 1.9)))
    if street.crossing is not None:
        for _ in range(dice.integer(0, 3)):
            x = dice.uniform(-street.half_road, street.half_road)
            z = street.crossing + dice.uniform(0.4, 2.2)
            things.append(Person(x, z, dice.uniform(1.5, 1.9)))
    return things


def draw_bonnet(canvas: Canvas, dice: Dice) -> None:
    """The ego car's own bonnet along the lower edge: unlabelled, no instance."""
    camera = canvas.camera
    width, height = camera.width, camera.height
    rise = dice.uniform(0.07, 0.12) * height
    paint = dice.vary(
        dice.choice(((0.22, 0.23, 0.26), (0.50, 0.10, 0.10), (0.75, 0.76, 0.78))), 0.1
    )
    for share, tone, normal in (
        (1.0, 0.45, (0, 0.5, -0.5)),
        (0.86, 1.0, (0, 1, 0)),
        (0.5, 0.8, (0, 1, 0)),
    ):
        colour = (paint[0] * tone, paint[1] * tone, paint[2] * tone)
        surface = canvas.surface(Class.EGO, 0, colour, 0.0, normal)
        outline = [(0.0, float(height))]
        for step in range(17):
            u = step / 8 - 1
            drop = 0.55 * u * u + 0.45 * u**8
            outline.append((width * (u + 1) / 2, height - rise * share * (1 - drop)))
        canvas.polygon([*outline, (float(width), float(height))], surface)
