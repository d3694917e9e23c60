"""The plan of a preparation from a folder of the user's own."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path

from ccfpse_tf.data.datasets import DATASETS, distinct_colors
from ccfpse_tf.data.prepare.label_table import LabelTable, pack_color
from ccfpse_tf.data.prepare.palette_file import read_palette
from ccfpse_tf.data.prepare.plan import Plan, check_sizes, max_pixels, remapped_ids
from ccfpse_tf.data.prepare.sources import FolderSource, Source
from ccfpse_tf.data.prepare.validate import consecutive_ids
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.digests import sha256

CROP_MARGIN = 286 / 256  # load size over crop size of the official pipelines


def plan_folder(arguments: argparse.Namespace) -> Plan:
    """Plans a folder of the user's own.

    Raises:
        InputError: for options that contradict each other.
    """
    image_size = arguments.size or (256, 256)
    load_size = arguments.load_size or tuple(
        round(edge * CROP_MARGIN) for edge in image_size
    )
    check_sizes(load_size, image_size)
    plan = Plan(
        name=_record_name(arguments),
        sources={},
        load_size=load_size,
        image_size=image_size,
        keep_size=arguments.keep_size,
        instances=arguments.instances is not None,
        dont_care_id=arguments.dont_care_id,
        shards=arguments.shards,
    )
    plan = _with_classes(plan, arguments)
    by_color = arguments.label_format == "colors" or (
        arguments.label_format == "auto"
        and plan.table is not None
        and bool(plan.table.colors)
    )
    return replace(plan, sources=_folder_sources(arguments, by_color))


def _with_classes(plan: Plan, arguments: argparse.Namespace) -> Plan:
    """Takes the classes from the palette file or the options, if either is there."""
    unknown = arguments.dont_care_id
    if arguments.palette:
        if arguments.num_classes:
            raise InputError("--num-classes: the palette file already says that")
        palette = read_palette(arguments.palette)
        count = len(palette.class_names)
        care = count if palette.dont_care or unknown is not None else None
        ids = palette.ids | ({} if unknown is None else {unknown: count})
        colors = {pack_color(c): i for c, i in palette.color_indices.items()}
        if arguments.label_format == "ids":
            colors = {}
        plan = replace(plan, class_names=palette.class_names, palette=palette.colors)
    elif arguments.num_classes:
        count, colors = arguments.num_classes, {}
        care = None if unknown is None else count
        ids = consecutive_ids(count, unknown)
        names = tuple(f"class {value}" for value in list(ids)[:count])
        plan = replace(plan, class_names=names, palette=distinct_colors(count))
    elif arguments.label_map:
        raise InputError("--label-map: needs --num-classes or --palette, too")
    else:
        return plan
    ids = remapped_ids(ids, care, arguments.label_map)
    mapping = (
        "identity" if all(ids[k] == k for k in ids if ids[k] != care) else ("custom")
    )
    return replace(
        plan,
        num_classes=count,
        dont_care_index=care,
        table=LabelTable(ids, colors),
        label_mapping=mapping,
    )


def _folder_sources(arguments, by_color: bool) -> dict[str, Source]:
    def open_(images, labels, instances) -> FolderSource:
        templates = (_template(path) for path in (images, labels, instances))
        return FolderSource(
            *templates, by_color=by_color, max_pixels=max_pixels(arguments)
        )

    train = open_(arguments.images, arguments.labels, arguments.instances)
    if arguments.val_images:
        if not arguments.val_labels or (
            (arguments.instances is None) != (arguments.val_instances is None)
        ):
            raise InputError(
                "--val-images: needs --val-labels, and --val-instances if and only if "
                "there is --instances"
            )
        val = open_(arguments.val_images, arguments.val_labels, arguments.val_instances)
        return {"train": train, "val": val}
    if arguments.val_fraction:
        return _split(train, arguments.val_fraction)
    return {"train": train}


def _split(source: FolderSource, fraction: float) -> dict[str, Source]:
    """Sets a fraction aside, chosen by a hash of the names: the same every time."""
    count = round(len(source) * fraction)
    if not 0 < count < len(source):
        raise InputError(
            f"--val-fraction {fraction}: sets {count} of {len(source)} images aside; "
            "both splits need at least one"
        )
    order = sorted(source.keys, key=sha256)
    chosen = set(order[:count])
    train = source.subset(lambda key: key not in chosen)
    train.problems = source.problems
    return {"train": train, "val": source.subset(lambda key: key in chosen)}


def _template(path: str | None) -> str | None:
    if path is None or "{key}" in path:
        return path
    return str(Path(path) / "{key}.*")


def _record_name(arguments: argparse.Namespace) -> str:
    name = arguments.name or (
        Path(arguments.out).resolve().name if arguments.out else ""
    )
    name = re.sub(r"\W+", "_", name.lower()).strip("_") or "folder"
    if name in DATASETS:
        # The user's own shards must not be taken for the data set of that name.
        name = f"my_{name}"
    return name if name[0].isalpha() else f"data_{name}"
