"""The facts of every data set that the package knows, in one table.

Nothing else in the package may ask which data set it works on: sizes, class
counts, directory layouts and label rules are read from `DATASETS`. Sources: the
data sets' own label lists (COCO-Stuff `labels.txt`, cityscapesScripts `labels.py`,
SceneParsing `objectInfo150.txt` and its colour table) and the CC-FPSE paper
(Liu et al., NeurIPS 2019) with its official options.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass, field

Color = tuple[int, int, int]


@dataclass(frozen=True)
class DirectoryLayout:
    """Where a data set keeps its files, as templates below `--source`.

    `{split}` is the folder's own word for a split and `{key}` the name that image,
    label and instances share; a key may contain slashes. An ending of `.*` stands
    for any image format.
    """

    images: str
    labels: str
    instances: str | None
    splits: Mapping[str, str]


@dataclass(frozen=True)
class TFDSLayout:
    """The same data as TensorFlow Datasets stores it (no instance maps there)."""

    name: str
    image: str
    label: str
    key: str | None
    splits: Mapping[str, str]


@dataclass(frozen=True)
class Dataset:
    """What is known about one data set. Sizes are (height, width)."""

    name: str
    title: str
    num_classes: int
    dont_care: bool
    instances: bool
    class_names: tuple[str, ...]
    palette: tuple[Color, ...]
    load_size: tuple[int, int]
    image_size: tuple[int, int]
    depth: int
    epochs: int
    decay_epochs: int
    layout: DirectoryLayout | None
    counts: Mapping[str, int] | None = None
    label_mappings: tuple[str, ...] = ("identity",)
    tfds: TFDSLayout | None = None
    published: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    """The paper's table: method -> (mIoU, pixel accuracy, FID)."""
    segmenter: str | None = None
    """The published segmentation network that judges images of this data set."""
    segmenter_classes: tuple[int, ...] | None = None
    """Which classes that network knows, in its order; None for all of them."""

    @property
    def official_mapping(self) -> str:
        """How the official code turned ids into indices; see :func:`file_ids`."""
        return "raw" if "raw" in self.label_mappings else self.label_mappings[0]

    @property
    def label_channels(self) -> int:
        """Channels of the one-hot label: the classes, and don't care if it exists."""
        return self.num_classes + self.dont_care

    @property
    def semantic_channels(self) -> int:
        """Label channels plus the instance edge map, if there are instances."""
        return self.label_channels + self.instances


def distinct_colors(count: int) -> tuple[Color, ...]:
    """Returns `count` colours that neighbours in the list can be told apart by."""
    colors = []
    for index in range(count):
        hue = (index * 0.61803398875) % 1.0  # golden ratio: spreads evenly
        saturation = (0.85, 0.55, 0.7)[index % 3]
        value = (0.95, 0.75, 0.55, 0.85)[index % 4]
        red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
        colors.append((round(red * 255), round(green * 255), round(blue * 255)))
    return tuple(colors)


def _names(text: str) -> tuple[str, ...]:
    return tuple(" ".join(name.split()) for name in text.split(","))


def _colors(text: str) -> tuple[Color, ...]:
    return tuple(tuple(bytes.fromhex(code)) for code in text.split())


_COCO_NAMES = _names("""
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic
    light, fire hydrant, street sign, stop sign, parking meter, bench, bird, cat,
    dog, horse, sheep, cow, elephant, bear, zebra, giraffe, hat, backpack, umbrella,
    shoe, eye glasses, handbag, tie, suitcase, frisbee, skis, snowboard, sports
    ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket,
    bottle, plate, wine glass, cup, fork, knife, spoon, bowl, banana, apple,
    sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch,
    potted plant, bed, mirror, dining table, window, desk, toilet, door, tv, laptop,
    mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink,
    refrigerator, blender, book, clock, vase, scissors, teddy bear, hair drier,
    toothbrush, hair brush, banner, blanket, branch, bridge, building-other, bush,
    cabinet, cage, cardboard, carpet, ceiling-other, ceiling-tile, cloth, clothes,
    clouds, counter, cupboard, curtain, desk-stuff, dirt, door-stuff, fence,
    floor-marble, floor-other, floor-stone, floor-tile, floor-wood, flower, fog,
    food-other, fruit, furniture-other, grass, gravel, ground-other, hill, house,
    leaves, light, mat, metal, mirror-stuff, moss, mountain, mud, napkin, net,
    paper, pavement, pillow, plant-other, plastic, platform, playingfield, railing,
    railroad, river, road, rock, roof, rug, salad, sand, sea, shelf, sky-other,
    skyscraper, snow, solid-other, stairs, stone, straw, structural-other, table,
    tent, textile-other, towel, tree, vegetable, wall-brick, wall-concrete,
    wall-other, wall-panel, wall-stone, wall-tile, wall-wood, water-other,
    waterdrops, window-blind, window-other, wood
""")

_CITYSCAPES_NAMES = _names("""
    unlabeled, ego vehicle, rectification border, out of roi, static, dynamic,
    ground, road, sidewalk, parking, rail track, building, wall, fence, guard rail,
    bridge, tunnel, pole, polegroup, traffic light, traffic sign, vegetation,
    terrain, sky, person, rider, car, truck, bus, caravan, trailer, train,
    motorcycle, bicycle, license plate
""")

_CITYSCAPES_COLORS = _colors("""
    000000 000000 000000 000000 000000 6f4a00 510051 804080 f423e8 faaaa0 e6968c
    464646 66669c be9999 b4a5b4 966464 96785a 999999 999999 faaa1e dcdc00 6b8e23
    98fb98 4682b4 dc143c ff0000 00008e 000046 003c64 00005a 00006e 005064 0000e6
    770b20 00008e
""")

_ADE20K_NAMES = _names("""
    wall, building, sky, floor, tree, ceiling, road, bed, windowpane, grass,
    cabinet, sidewalk, person, earth, door, table, mountain, plant, curtain, chair,
    car, water, painting, sofa, shelf, house, sea, mirror, rug, field, armchair,
    seat, fence, desk, rock, wardrobe, lamp, bathtub, railing, cushion, base, box,
    column, signboard, chest of drawers, counter, sand, sink, skyscraper, fireplace,
    refrigerator, grandstand, path, stairs, runway, case, pool table, pillow, screen
    door, stairway, river, bridge, bookcase, blind, coffee table, toilet, flower,
    book, hill, bench, countertop, stove, palm, kitchen island, computer, swivel
    chair, boat, bar, arcade machine, hovel, bus, towel, light, truck, tower,
    chandelier, awning, streetlight, booth, television, airplane, dirt track,
    apparel, pole, land, bannister, escalator, ottoman, bottle, buffet, poster,
    stage, van, ship, fountain, conveyer belt, canopy, washer, plaything, swimming
    pool, stool, barrel, basket, waterfall, tent, bag, minibike, cradle, oven, ball,
    food, step, tank, trade name, microwave, pot, animal, bicycle, lake, dishwasher,
    screen, blanket, sculpture, hood, sconce, vase, traffic light, tray, ashcan,
    fan, pier, crt screen, plate, monitor, bulletin board, shower, radiator, glass,
    clock, flag
""")

_ADE20K_COLORS = _colors("""
    787878 b47878 06e6e6 503232 04c803 787850 8c8c8c cc05ff e6e6e6 04fa07 e005ff
    ebff07 96053d 787846 08ff33 ff0652 8fff8c ccff04 ff3307 cc4603 0066c8 3de6fa
    ff0633 0b66ff ff0747 ff09e0 0907e6 dcdcdc ff095c 7009ff 08ffd6 07ffe0 ffb806
    0aff47 ff290a 07ffff e0ff08 6608ff ff3d06 ffc207 ff7a08 00ff14 ff0829 ff0599
    0633ff eb0cff a09614 00a3ff 8c8c8c fa0a0f 14ff00 1fff00 ff1f00 ffe000 99ff00
    0000ff ff4700 00ebff 00adff 1f00ff 0bc8c8 ff5200 00fff5 003dff 00ff70 00ff85
    ff0000 ffa300 ff6600 c2ff00 008fff 33ff00 0052ff 00ff29 00ffad 0a00ff adff00
    00ff99 ff5c00 ff00ff ff00f5 ff0066 ffad00 ff0014 ffb8b8 001fff 00ff3d 0047ff
    ff00cc 00ffc2 00ff52 000aff 0070ff 3300ff 00c2ff 007aff 00ffa3 ff9900 00ff0a
    ff7000 8fff00 5200ff a3ff00 ffeb00 08b8aa 8500ff 00ff5c b800ff ff001f 00b8ff
    00d6ff ff0070 5cff00 00e0ff 70e0ff 46b8a0 a300ff 9900ff 47ff00 ff00a3 ffcc00
    ff008f 00ffeb 85ff00 ff00eb f500ff ff007a fff500 0abed4 d6ff00 00ccff 1400ff
    ffff00 0099ff 0029ff 00ffcc 2900ff 29ff00 ad00ff 00f5ff 4700ff 7a00ff 00ffb8
    005cff b8ff00 0085ff ffd600 19c2c2 66ff00 5c00ff
""")

_SCENES_NAMES = _names("""
    sky, building, tree, grass, road, lane marking, sidewalk, car, person, sign,
    pole, window
""")

_SCENES_COLORS = _colors("""
    87beeb 966e5a 327832 78b450 5a5a5f f0f0f0 beaaaa c82828 e6963c f0d21e 6e788c
    3c5aa0
""")

_COCO_STUFF = Dataset(
    name="coco_stuff",
    title="COCO-Stuff",
    num_classes=182,
    dont_care=True,
    instances=True,
    class_names=_COCO_NAMES,
    palette=distinct_colors(182),  # the data set has no colours of its own
    load_size=(286, 286),
    image_size=(256, 256),
    depth=5,
    epochs=100,
    decay_epochs=0,
    layout=DirectoryLayout(
        images="{split}_img/{key}.jpg",
        labels="{split}_label/{key}.png",
        instances="{split}_inst/{key}.png",
        splits={"train": "train", "val": "val"},
    ),
    counts={"train": 118287, "val": 5000},
    published={
        "CRN": (23.7, 40.4, 70.4),
        "pix2pixHD": (14.6, 45.8, 111.5),
        "SPADE": (37.4, 67.9, 22.6),
        "CC-FPSE": (41.6, 70.7, 19.2),
    },
    segmenter="deeplab",
)

_CITYSCAPES = Dataset(
    name="cityscapes",
    title="Cityscapes",
    # Raw labelIds 0..33. Channel 34 stays zero: the licence plate is -1 in the
    # data set's own list and never drawn. 255 and the like are errors.
    num_classes=35,
    dont_care=False,
    instances=True,
    class_names=_CITYSCAPES_NAMES,
    palette=_CITYSCAPES_COLORS,
    load_size=(256, 512),
    image_size=(256, 512),
    depth=6,
    epochs=100,
    decay_epochs=100,
    layout=DirectoryLayout(
        images="leftImg8bit/{split}/{key}_leftImg8bit.png",
        labels="gtFine/{split}/{key}_gtFine_labelIds.png",
        instances="gtFine/{split}/{key}_gtFine_instanceIds.png",
        splits={"train": "train", "val": "val"},
    ),
    counts={"train": 2975, "val": 500},
    tfds=TFDSLayout(
        name="cityscapes/semantic_segmentation",
        image="image_left",
        label="segmentation_label",
        key="image_id",
        splits={"train": "train", "val": "validation"},
    ),
    published={
        "CRN": (52.4, 77.1, 104.7),
        "SIMS": (47.2, 75.5, 49.7),
        "pix2pixHD": (58.3, 81.4, 95.0),
        "SPADE": (62.3, 81.9, 71.8),
        "CC-FPSE": (65.5, 82.3, 54.3),
    },
    segmenter="drn",
    # The data set's trainIds 0..18: road first, bicycle last.
    segmenter_classes=(
        *(7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23),
        *(24, 25, 26, 27, 28, 31, 32, 33),
    ),
)

_ADE20K = Dataset(
    name="ade20k",
    title="ADE20K",
    num_classes=150,
    dont_care=True,
    instances=False,
    class_names=_ADE20K_NAMES,
    palette=_ADE20K_COLORS,
    load_size=(286, 286),
    image_size=(256, 256),
    depth=5,
    epochs=100,
    decay_epochs=100,
    layout=DirectoryLayout(
        images="images/{split}/{key}.jpg",
        labels="annotations/{split}/{key}.png",
        instances=None,
        splits={"train": "training", "val": "validation"},
    ),
    counts={"train": 20210, "val": 2000},
    # The official code means to shift and does not: its weights need "raw".
    label_mappings=("shift", "raw"),
    tfds=TFDSLayout(
        name="scene_parse150",
        image="image",
        label="annotation",
        key=None,
        splits={"train": "train", "val": "test"},
    ),
    published={
        "CRN": (22.4, 68.8, 73.3),
        "pix2pixHD": (20.3, 69.2, 81.8),
        "SPADE": (38.5, 79.9, 33.9),
        "CC-FPSE": (43.7, 82.9, 31.7),
    },
    segmenter="upernet",
)

_SCENES = Dataset(
    name="scenes",
    title="scenes (drawn by this package)",
    num_classes=12,
    dont_care=True,  # the bonnet of the car that carries the camera
    instances=True,
    class_names=_SCENES_NAMES,
    palette=_SCENES_COLORS,
    load_size=(72, 72),
    image_size=(64, 64),
    depth=5,
    epochs=100,
    decay_epochs=0,
    layout=None,
)

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset for dataset in (_COCO_STUFF, _CITYSCAPES, _ADE20K, _SCENES)
}
"""Every data set with fixed facts; a folder of one's own is described by its files."""
