"""The picture of the presets in README.md: layouts, and pictures in several styles.

    python -m benchmarks.preset_pictures [--presets NAME ...] [--out docs/presets.jpg]
    python -m benchmarks.preset_pictures --faults NAME --out docs/cards/NAME_faults.jpg

Draws a row for each preset: the first of the layouts that are stored in it, then this
layout in the first styles that are stored in it, which are far from each other. With
``--faults``, it draws enlarged parts of these pictures that show what the preset's card
lists as its faults.
"""

import argparse
from pathlib import Path

from ccfpse_tf.errors import InputError, exit_cleanly
from ccfpse_tf.files.atomic import new_file
from ccfpse_tf.runtime.startup import import_tensorflow

OUT = Path(__file__).parents[1] / "docs" / "presets.jpg"
QUALITY = 92  # of a JPEG, which stays small
# Faults of the shipped presets: what is seen, in which style, and where: left, top,
# width (equal to the height) in pixels of the first stored layout.
FAULTS = {
    "scenes_256": (
        ("cars of one colour", 0, (190, 130, 66)),
        ("signs without symbols", 1, (200, 100, 56)),
        ("a fine pattern in even places", 1, (160, 0, 64)),
        ("far houses blurred", 2, (120, 90, 64)),
    ),
    "aerial_256": (
        ("a repeating texture on land", 0, (150, 110, 96)),
        ("houses all alike", 1, (60, 0, 96)),
        ("vegetation grey, water black", 2, (160, 100, 96)),
        ("wavy edges", 0, (0, 60, 96)),
    ),
}
ENLARGED = 240  # pixels of a part's edge
CAPTION = 24  # pixels below it


def main(argv=None) -> int:
    """Writes the picture and prints its size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--presets",
        nargs="+",
        metavar="NAME|DIR",
        help="of the rows from the top (default: all that ship)",
    )
    parser.add_argument("--styles", type=int, default=3, metavar="K", help="columns")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FILE.jpg")
    parser.add_argument("--faults", choices=FAULTS, help="of this preset, instead")
    arguments = parser.parse_args(argv)
    presets = arguments.presets or _shipped()
    if arguments.styles < 1:
        raise InputError(f"--styles {arguments.styles}: must be 1 or more")
    import_tensorflow()
    if arguments.faults:
        picture = faults_of(arguments.faults)
    else:
        picture = picture_of(presets, arguments.styles)
    with new_file(arguments.out) as aside:
        picture.save(aside, "JPEG", quality=QUALITY)
    width, height = picture.size
    kilobytes = arguments.out.stat().st_size / 1e3
    print(f"{arguments.out}: {width}x{height}, {kilobytes:.0f} kB")
    return 0


def _shipped():
    from ccfpse_tf.presets.shipped import shipped_presets

    # Street scenes first, as the package's own example.
    names = sorted(shipped_presets(), reverse=True)
    if not names:
        raise InputError("this version ships no presets: name folders by --presets")
    return names


def picture_of(presets, styles: int):
    """Returns the picture of a few presets, as Pillow's.

    Args:
        presets: names or folders.
        styles: how many of each.

    Raises:
        InputError: a preset with fewer styles, layouts of different sizes.
    """
    from PIL import Image

    from ccfpse_tf.generation.pictures import grid

    rows = [row_of(preset, styles) for preset in presets]
    sizes = {row[0].shape[:2] for row in rows}
    if len(sizes) > 1:
        raise InputError(f"presets of several sizes in one picture: {sorted(sizes)}")
    return Image.fromarray(grid(rows))


def faults_of(preset: str):
    """Returns enlarged parts of a preset's pictures, each with a caption below it."""
    from PIL import Image, ImageDraw, ImageFont

    faults = FAULTS[preset]
    _, *images = row_of(preset, 1 + max(style for _, style, _ in faults))
    size = (ENLARGED * len(faults), ENLARGED + CAPTION)
    picture = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    for place, (text, style, (left, top, edge)) in enumerate(faults):
        box = (left, top, left + edge, top + edge)
        part = Image.fromarray(images[style]).crop(box)
        size = (ENLARGED - 4, ENLARGED - 4)
        picture.paste(part.resize(size, Image.NEAREST), (place * ENLARGED, 0))
        middle = place * ENLARGED + ENLARGED // 2
        draw.text((middle, ENLARGED + 4), text, "black", font, anchor="ma")
    return picture


def row_of(preset, styles: int) -> list:
    """Returns a layout in colour and its images, uint8 ``(height, width, 3)`` each."""
    from ccfpse_tf.generation.pictures import colorize
    from ccfpse_tf.generation.preset_model import PresetModel

    trained = PresetModel(preset)
    found = trained.preset
    if len(found.styles) < styles:
        raise InputError(f"{preset}: has {len(found.styles)} styles, --styles {styles}")
    label, instance = trained.layouts()[0]
    objects = None if instance is None else instance[None]
    return [
        colorize(label, found.data.index_palette, instance),
        *(
            trained.images(label[None], objects, style.code[None])[0]
            for style in found.styles[:styles]
        ),
    ]


if __name__ == "__main__":
    exit_cleanly(main)
