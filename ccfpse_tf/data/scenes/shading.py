"""From surface numbers to the final image, label and instance maps."""

import numpy as np

from ccfpse_tf.data.scenes import noise_tiles
from ccfpse_tf.data.scenes.camera import NEAR, Camera
from ccfpse_tf.data.scenes.canvas import Canvas, Class, Texture
from ccfpse_tf.data.scenes.dice import Dice
from ccfpse_tf.data.scenes.ground import Ground, draw_sky
from ccfpse_tf.data.scenes.light import mixed

# Metres of one brick, board or slab, and how much they differ, by texture.
_TALL = np.float32((1, 1, 1, 0.34, 0.42, 3.0))
_WIDE = np.float32((1, 1, 1, 0.8, 4.0, 2.2))
_TINT = np.float32((0, 0, 0, 0.34, 0.12, 0.12))


def shade(
    canvas: Canvas, ground: Ground, dice: Dice
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The finished picture.

    Args:
        canvas: everything that stands on the ground.
        ground: what it stands on.
        dice: where the textures start.

    Returns:
        image uint8 (h, w, 3), the mean of its canvas pixels; label uint8 (h, w) and
        instance uint16 (h, w), those of the canvas pixel in the middle.
    """
    camera, first = canvas.camera, ground.first
    numbers = np.asarray(canvas.numbers)
    picture = np.empty((camera.height, camera.width, 3), np.float32)
    picture[:first] = draw_sky(camera, canvas.light, first, dice)
    shadow = np.asarray(canvas.shadows)[first:].astype(np.float32) / 255
    picture[first:] = ground.colours(shadow)
    _paint_objects(picture, numbers, canvas, dice)

    background = np.full(numbers.shape, Class.SKY, np.uint8)
    background[first:] = ground.classes
    centre = slice(camera.sub // 2, None, camera.sub)
    background, numbers = background[centre, centre], numbers[centre, centre]
    _, label, instance, *_ = zip(*canvas.rows, strict=True)
    labels = np.where(numbers == 0, background, np.uint8(label)[numbers])
    return _averaged(picture, camera.sub), labels, np.uint16(instance)[numbers]


def _averaged(picture: np.ndarray, sub: int) -> np.ndarray:
    """The mean of each sub x sub block, uint8."""
    # Rows first: their sums run over contiguous memory.
    rows = picture.reshape(len(picture) // sub, sub, -1).sum(axis=1)
    rows = rows.reshape(len(rows), -1, 3)
    image = sum(rows[:, column::sub] for column in range(sub))
    return (np.clip(image, 0, sub * sub) * (255 / sub**2) + 0.5).astype(np.uint8)


def _paint_objects(
    picture: np.ndarray, numbers: np.ndarray, canvas: Canvas, dice: Dice
) -> None:
    """Paints over the picture where the surface number is not 0."""
    light = canvas.light
    colour, _, _, texture, plane, depth = zip(*canvas.rows, strict=True)
    places = np.flatnonzero(numbers)
    width = np.int32(canvas.camera.width)
    rows, columns = np.divmod(places.astype(np.int32), width)
    covered = numbers.ravel()[places]
    tones = _textures(
        canvas.camera, rows, columns, covered, np.array(texture), plane, depth, dice
    )
    haze = 1 - np.exp(-np.float32(depth) * light.haze)[:, None]
    distant = np.float32(mixed(light.sky[2], light.sky[1], 0.3))
    # The haze is folded into two tables, so that a pixel costs one multiplication.
    near, veil = np.float32(colour) * (1 - haze), distant * haze
    seen = near[covered]
    seen *= tones[:, None]
    seen += veil[covered]
    picture.reshape(-1, 3)[places] = seen


def _textures(
    camera: Camera,
    rows: np.ndarray,
    columns: np.ndarray,
    covered: np.ndarray,
    texture: np.ndarray,
    plane: tuple[float, ...],
    depth: tuple[float, ...],
    dice: Dice,
) -> np.ndarray:
    """Factors of the colours of the covered pixels, float32 (n,)."""
    kinds = texture[covered]
    tones = np.ones(len(covered), np.float32)
    offset = (dice.integer(0, 255), dice.integer(0, 255))
    size = (camera.height, camera.width)
    window = (noise_tiles.TILE // 2, max(1, noise_tiles.TILE // 2 * size[1] // size[0]))
    field = noise_tiles.stretched(noise_tiles.clouds(), offset, window, size)
    for kind, coarse, fine in ((Texture.FOLIAGE, 1.4, 0.5), (Texture.ROUGH, 0.3, 0.2)):
        at = np.flatnonzero(kinds == kind)
        y, x = rows[at], columns[at]
        leaf = noise_tiles.grain()[_cells(y, camera), _cells(x, camera)]
        tones[at] += coarse * (field[y, x] - 0.5) + fine * (leaf - 0.5)
    at = np.flatnonzero(kinds >= Texture.BRICK)
    if at.size:
        side = np.float32(plane)[covered[at]]
        ahead = np.float32(depth)[covered[at]]
        tones[at] = _walls(camera, rows[at], columns[at], kinds[at], side, ahead)
    return tones


def _walls(
    camera: Camera,
    rows: np.ndarray,
    columns: np.ndarray,
    kinds: np.ndarray,
    plane: np.ndarray,
    depth: np.ndarray,
) -> np.ndarray:
    """Masonry: positions on the walls are found from the walls' planes."""
    sideways = columns.astype(np.float32) + np.float32(0.5 - camera.vanish)
    below = rows.astype(np.float32) + np.float32(0.5 - camera.horizon)
    # Near the vanishing column a wall along the street would be at infinity.
    sideways = np.where(np.abs(sideways) < 1, np.float32(1), sideways)
    along = camera.focal * plane / sideways
    z = np.where(plane == 0, depth, np.clip(along, NEAR, 150))
    u = np.where(plane == 0, sideways * z / camera.focal, z)
    v = camera.eye - below * z / camera.focal
    brick, boards = kinds == Texture.BRICK, kinds == Texture.BOARDS
    tall, wide = _TALL[kinds], _WIDE[kinds]
    course = np.floor(v / tall)
    shifted = u / wide + 0.5 * np.mod(course, 2) * brick
    column = np.floor(shifted)
    joint = (v / tall - course < 0.17) | ((shifted - column < 0.1) & ~boards)
    mask = noise_tiles.TILE - 1
    tint = noise_tiles.grain()[
        course.astype(np.int32) & mask, column.astype(np.int32) & mask
    ]
    clarity = np.clip(14 / z, 0.15, 1)
    foot = 0.84 + 0.16 * np.clip(v / 3, 0, 1)  # walls are darker near the ground
    strength = _TINT[kinds]
    return foot * (1 + clarity * (strength * (tint - 0.5) - 0.2 * joint))


def _cells(places: np.ndarray, camera: Camera) -> np.ndarray:
    """Rows or columns of a noise tile as tall as the picture."""
    return (places * noise_tiles.TILE // camera.height) & (noise_tiles.TILE - 1)
