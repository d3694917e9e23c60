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
    reading = arguments.label_format
    if reading == "auto" and (plan.table is None or not plan.table.colors):
        reading = "ids"
    sources = _folder_sources(arguments, reading)
    if arguments.val_windows:
        if "val" not in sources:
            raise InputError(
                "--val-windows: needs validation photos (--val-images, --val-fraction)"
            )
        sources["val"] = sources["val"].in_windows(arguments.val_windows)
    return replace(
        plan, sources=sources, reading=reading, val_windows=arguments.val_windows
    )


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
        if unknown in palette.ids:
            raise InputError(
                f"--dont-care-id {unknown}: {arguments.palette} names it a class, "
                f"{palette.class_names[palette.ids[unknown]]!r}; write - in place of "
                f"the id {unknown} in that file, or leave the option out"
            )
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
    if colors:  # a class that is read by its id and by its colour is one class
        moved = {place: ids[id_] for id_, place in palette.ids.items()}
        colors = {color: moved.get(place, place) for color, place in colors.items()}
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


def _folder_sources(arguments, reading: str) -> dict[str, Source]:
    def open_(prefix: str) -> FolderSource:
        kinds = ("images", "labels", "instances")
        return FolderSource(
            *(getattr(arguments, f"{prefix}{kind}") for kind in kinds),
            reading,
            [f"--{prefix}{kind}".replace("_", "-") for kind in kinds],
            max_pixels(arguments),
        )

    train = open_("")
    _check_validation(arguments)
    if arguments.val_images:
        return {"train": train, "val": open_("val_")}
    if arguments.val_fraction:
        return _split(train, arguments.val_fraction)
    return {"train": train}


def _check_validation(arguments):
    if not arguments.val_images:
        for option in ("val_labels", "val_instances"):
            if getattr(arguments, option):
                name = option.replace("_", "-")
                raise InputError(
                    f"--{name}: needs --val-images, the photos that belong to it"
                )
        return
    if not arguments.val_labels or (
        (arguments.instances is None) != (arguments.val_instances is None)
    ):
        raise InputError(
            "--val-images: needs --val-labels, and --val-instances if and only if "
            "there is --instances"
        )
    if arguments.val_fraction:
        raise InputError(
            f"--val-fraction {arguments.val_fraction}: --val-images names the "
            "validation photos already; leave one of the two out"
        )


def _split(source: FolderSource, fraction: float) -> dict[str, Source]:
    """Sets a fraction aside, chosen by a hash of the names: the same every time."""
    count = round(len(source) * fraction)
    if not 0 < count < len(source):
        if source.problems:  # which say why
            return {"train": source}
        raise InputError(
            f"--val-fraction {fraction}: sets {count} of {len(source)} images aside; "
            "both splits need at least one"
        )
    order = sorted(source.keys, key=sha256)
    chosen = set(order[:count])
    train = source.subset(lambda key: key not in chosen)
    train.problems, train.notes = source.problems, source.notes
    return {"train": train, "val": source.subset(lambda key: key in chosen)}


def _record_name(arguments: argparse.Namespace) -> str:
    name = arguments.name or (
        Path(arguments.out).resolve().name if arguments.out else ""
    )
    name = re.sub(r"\W+", "_", name.lower()).strip("_") or "folder"
    if name in DATASETS:
        # The user's own shards must not be taken for the data set of that name.
        name = f"my_{name}"
    # TFDS takes names that begin with a letter of ASCII.
    return name if name[0].isascii() and name[0].isalpha() else f"data_{name}"
