"""The results of `evaluate` for readers: a table, a picture, a line for a paper."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.runtime.text_table import text_table

COLUMNS = (
    ("mean_iou", "mIoU"),
    ("pixel_accuracy", "accuracy"),
    ("pixel_accuracy_all", "accuracy of all pixels"),
    ("fid", "FID"),
    ("kid", "KID"),
    # Of other features than those of FID and KID, and called so.
    ("kid_lite0", "KID of Lite0"),
    ("fd_lite0", "FD of Lite0"),
    ("kid_lite1", "KID of Lite1"),
    ("fd_lite1", "FD of Lite1"),
    ("lpips_st", "ST-LPIPS"),
)
PUBLISHED = ("mean_iou", "pixel_accuracy", "fid")  # order of labels.Dataset.published
_PERCENT = {"mean_iou", "pixel_accuracy", "pixel_accuracy_all"}
_BAR, _ROW, _WIDTH = 420, 20, 760  # pixels


def published(dataset: str) -> dict[str, dict[str, float]]:
    """The paper's table for a data set as fractions and distances; empty if none."""
    rows = DATASETS[dataset].published if dataset in DATASETS else {}
    return {
        method: {
            name: value / 100 if name in _PERCENT else value
            for name, value in zip(PUBLISHED, values, strict=True)
        }
        for method, values in rows.items()
    }


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Sets named rows of metrics as text, one column for each metric that any has.

    Args:
        rows: what is measured, to metric names of `COLUMNS` and values. Other names
            (another distance than FID, diversity) get columns of their own.
    """
    known = dict(COLUMNS)
    names = [name for name, _ in COLUMNS if any(name in row for row in rows.values())]
    others = {name for row in rows.values() for name in row if name not in known}
    names += sorted(others)
    titles = [known.get(name, name) for name in names]
    lines = [
        [title, *(shown(name, row.get(name)) for name in names)]
        for title, row in rows.items()
    ]
    return text_table(["", *titles], lines)


def shown(name: str, value: float | None) -> str:
    """A metric's value as papers print it; a dash without a value."""
    if value is None or math.isnan(value):
        return "-"
    if name in _PERCENT:
        return f"{100 * value:.1f}"
    if name.startswith(("fid", "fd_", "frechet_distance")):
        return f"{value:.1f}"
    return f"{value:.4f}"


def paper_line(generated: Mapping[str, float], protocol: Mapping, data: str) -> str:
    """One line to paste in a paper: the numbers, and the protocol that made them."""
    titles = dict(COLUMNS)
    names = [name for name in titles if name in generated]
    names += sorted(set(generated) - set(names))
    values = ", ".join(
        f"{titles.get(name, name)} {shown(name, generated[name])}" for name in names
    )
    facts = [f"{protocol['images']} {protocol['split']} images of {data}"]
    facts.append("x".join(map(str, protocol["image_size"])))
    facts.append(f"style: {protocol['style']}")
    if segmenter := protocol.get("segmenter"):
        height, width = segmenter["label_size"]
        facts.append(
            f"{segmenter['evaluator']}, labels by nearest neighbour at "
            f"{height}x{width}, mIoU over {_MEANS[segmenter['miou']]}"
        )
    if distance := protocol.get("distance"):
        facts.append(
            f"{distance['network']} features, resized as {distance['resize']}, against "
            f"{distance['reference_images']} {distance['reference']} images"
        )
    if paired := protocol.get("lpips_st"):
        facts.append(f"ST-LPIPS ({paired['trunk']}) of each image and its photograph")
    return f"{values} ({'; '.join(facts)})"


def notes(protocol: Mapping) -> list[str]:
    """Returns sentences for those who read the numbers of an evaluation."""
    distance = protocol.get("distance", {})
    count = min(protocol["images"], distance.get("reference_images", 0))
    if count >= distance.get("dimensions", 0):
        return []
    return [
        f"The Frechet distance of {count} images in {distance['dimensions']} "
        "dimensions has a floor far above 0 (about 47 for 100 images of the same kind "
        "and EfficientNet-Lite0): go by the kernel distance, and compare Frechet "
        "distances at equal counts only."
    ]


_MEANS = {
    "present": "the classes that occur in labels or predictions",
    "labelled": "the classes that occur in labels",
    "all": "all classes",
}


def draw_iou(names: Sequence[str], series: Mapping[str, np.ndarray]) -> np.ndarray:
    """Draws per-class IoU as bars, the best classes of the first series on top.

    Args:
        names: of the classes.
        series: title to ``(classes,)`` IoU, NaN where undefined; classes that are
            undefined everywhere are left out.

    Returns:
        The picture, uint8 ``(height, width, 3)``.
    """
    values = {title: np.asarray(iou, float) for title, iou in series.items()}
    first = next(iter(values.values()))
    there = ~np.isnan(np.stack(list(values.values()))).all(axis=0)
    order = [i for i in np.argsort(-np.nan_to_num(first, nan=-1)) if there[i]]
    per_class = _ROW * len(values) + _ROW // 2
    height = 2 * _ROW + per_class * len(order) + 12
    image = Image.new("RGB", (_WIDTH, height), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(13)
    colors = ("#2f6db3", "#9aa5b1", "#d08a2e")
    x, y = 10, 6
    for title, color in zip(values, colors, strict=False):
        draw.rectangle((x, y + 2, x + 14, y + 14), fill=color)
        draw.text((x + 20, y), title, fill="black", font=font)
        x += 40 + draw.textlength(title, font=font)
    y += 2 * _ROW
    left = _WIDTH - _BAR - 60
    for index in order:
        name = names[index]
        draw.text((left - 8, y), name, fill="black", font=font, anchor="ra")
        for iou, color in zip(values.values(), colors, strict=False):
            value = iou[index]
            if np.isnan(value):
                draw.text((left, y), "undefined", fill="#777777", font=font)
            else:
                draw.rectangle((left, y, left + _BAR * value, y + 13), fill=color)
                place = (left + _BAR * value + 5, y)
                draw.text(place, f"{100 * value:.1f}", fill="black", font=font)
            y += _ROW
        y += _ROW // 2
    return np.asarray(image)
