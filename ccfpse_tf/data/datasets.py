"""Facts of every data set that the package knows, in one table.

Nothing else in the package asks which data set it works on: class counts, sizes of
records, directory layouts and label rules are read from `DATASETS`. How a model is
trained on the data is written in `recipes/`. Sources: the data sets' own label lists
(see `class_lists`) and the CC-FPSE paper (Liu et al., NeurIPS 2019) with its official
options.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass, field

from ccfpse_tf.data import class_lists

Color = tuple[int, int, int]


@dataclass(frozen=True)
class DirectoryLayout:
    """The places of a data set's files, as templates below `--source`.

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
    """Facts of one data set.

    Attributes:
        name: the key in `DATASETS`.
        title: the name as people write it.
        num_classes: without the don't-care class.
        dont_care: whether pixels may belong to no class.
        instances: whether there are instance maps.
        class_names: in the order of the indices.
        palette: a colour per class.
        load_size: (height, width) of training records.
        image_size: (height, width) of validation records and of published models.
        layout: directories and files; None for scenes that the package draws.
        counts: images per split; None where their number is not fixed.
        label_mappings: the rules of :func:`~ccfpse_tf.data.label_mapping.file_ids`
            that fit the label files, the default first.
        tfds: the same data in TensorFlow Datasets.
        published: the paper's table: method -> (mIoU, pixel accuracy, FID).
        segmenter: the published segmentation network for images of these data.
        further_segmenters: other networks for them, which know the same classes.
        segmenter_classes: indices of the classes that these networks know, in their
            order; None for all of them.
        thin_classes: names of those that cut what is behind them, such as poles; see
            :func:`ccfpse_tf.data.segments.extraction.segments_of`.
    """

    name: str
    title: str
    num_classes: int
    dont_care: bool
    instances: bool
    class_names: tuple[str, ...]
    palette: tuple[Color, ...]
    load_size: tuple[int, int]
    image_size: tuple[int, int]
    layout: DirectoryLayout | None
    counts: Mapping[str, int] | None = None
    label_mappings: tuple[str, ...] = ("identity",)
    tfds: TFDSLayout | None = None
    published: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    segmenter: str | None = None
    further_segmenters: tuple[str, ...] = ()
    segmenter_classes: tuple[int, ...] | None = None
    thin_classes: tuple[str, ...] = ()

    @property
    def official_mapping(self) -> str:
        """The rule by which the official code turned ids into indices."""
        return "raw" if "raw" in self.label_mappings else self.label_mappings[0]

    @property
    def label_channels(self) -> int:
        """Channels of the one-hot labels: the classes, and don't care if any."""
        return self.num_classes + self.dont_care

    @property
    def semantic_channels(self) -> int:
        """Label channels plus the instance edge map, if there are instances."""
        return self.label_channels + self.instances


def distinct_colors(count: int) -> tuple[Color, ...]:
    """Returns `count` colours, neighbours in the list far apart in hue."""
    colors = []
    for index in range(count):
        hue = (index * 0.61803398875) % 1.0  # golden ratio: spreads evenly
        saturation = (0.85, 0.55, 0.7)[index % 3]
        value = (0.95, 0.75, 0.55, 0.85)[index % 4]
        red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
        colors.append((round(red * 255), round(green * 255), round(blue * 255)))
    return tuple(colors)


_COCO_STUFF = Dataset(
    name="coco_stuff",
    title="COCO-Stuff",
    num_classes=182,
    dont_care=True,
    instances=True,
    class_names=class_lists.COCO_STUFF_NAMES,
    palette=distinct_colors(182),  # the data set has no colours of its own
    load_size=(286, 286),
    image_size=(256, 256),
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
    class_names=class_lists.CITYSCAPES_NAMES,
    palette=class_lists.CITYSCAPES_COLORS,
    load_size=(256, 512),
    image_size=(256, 512),
    thin_classes=("pole", "traffic light", "traffic sign"),
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
    further_segmenters=("coral-deeplab",),
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
    class_names=class_lists.ADE20K_NAMES,
    palette=class_lists.ADE20K_COLORS,
    load_size=(286, 286),
    image_size=(256, 256),
    layout=DirectoryLayout(
        images="images/{split}/{key}.jpg",
        labels="annotations/{split}/{key}.png",
        instances=None,
        splits={"train": "training", "val": "validation"},
    ),
    counts={"train": 20210, "val": 2000},
    # The official code intends "shift" but does not apply it: its weights need "raw".
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
    class_names=class_lists.SCENES_NAMES,
    palette=class_lists.SCENES_COLORS,
    load_size=(72, 72),
    image_size=(64, 64),
    layout=None,
)

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset for dataset in (_COCO_STUFF, _CITYSCAPES, _ADE20K, _SCENES)
}
"""Data sets with fixed facts. The user's own folders are described by their files."""
