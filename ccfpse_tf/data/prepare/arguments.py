"""The command line of `tfrecords/*.py` and of the recipes' `prepare`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

from ccfpse_tf.data.datasets import Dataset
from ccfpse_tf.data.prepare.parallel import usable_cores
from ccfpse_tf.runtime.natural_option import natural


def parse_arguments(
    dataset: Dataset | None,
    argv: Sequence[str] | None,
    program: str | None = None,
    records: str = "--out",
) -> argparse.Namespace:
    """Parses a command line for one data set.

    Args:
        dataset: None means a folder of the user's own.
        argv: arguments, default those of the process.
        program: the command's name in help and errors, default the script's.
        records: the option that names the folder of records there, ``--out`` or
            ``--records``; the other one is understood, too. Its value is ``out``.
    """
    parser = argparse.ArgumentParser(
        prog=program,
        description=_description(dataset),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if dataset is None:
        _add_folder(parser, records)
    elif dataset.layout is None:
        _add_drawing(parser, dataset)
    else:
        _add_source(parser, dataset)
    _add_common(parser, dataset, records)
    arguments = parser.parse_args(argv)
    if arguments.out is None and not arguments.check:
        parser.error(f"{records} DIR is needed (or --check, which writes nothing)")
    if arguments.keep_size and (arguments.size or arguments.load_size):
        parser.error("--keep-size: does not go with --size and --load-size")
    if getattr(arguments, "tfds", None) is None and getattr(arguments, "source", 0) is (
        None
    ):
        parser.error("--source DIR is needed")
    return arguments


def size(text: str) -> tuple[int, int]:
    """Parses `256x512` (height x width) or `256` (square)."""
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", text)
    if not match or min(edges := [int(g) for g in match.groups() if g]) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; expected HEIGHTxWIDTH or one edge")
    return edges[0], edges[-1]


def positive(text: str) -> int:
    """Parses an integer of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; expected an integer of 1 or more")
    return int(text)


def fraction(text: str) -> float:
    """Parses a number between 0 and 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a number in (0, 1)")
    return value


def _licence(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r}; expected a name or an address")
    return text.strip()


def _splits(known: Sequence[str]):
    def parse(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",")]
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f"{name!r}; expected some of {','.join(known)}"
                )
        return list(dict.fromkeys(names))

    return parse


def _description(dataset: Dataset | None) -> str:
    if dataset is None:
        return "Writes records from folders of photos and label maps."
    if dataset.layout is None:
        return "Draws street scenes and writes records."
    layout = dataset.layout
    lines = [f"Writes records of {dataset.title}. Expected below --source:", ""]
    for word in layout.splits.values():
        for template in (layout.images, layout.labels, layout.instances):
            lines += [f"  {template.replace('{split}', word)}"] if template else []
    return "\n".join(lines)


def _add_source(parser: argparse.ArgumentParser, dataset: Dataset) -> None:
    add = parser.add_argument
    add("--source", metavar="DIR", help="folder of the data set")
    _add_max_pixels(parser)
    splits = list(dataset.layout.splits)
    add(
        "--split",
        type=_splits(splits),
        default=splits,
        metavar="NAMES",
        help=f"splits to prepare (default: {','.join(splits)})",
    )
    if dataset.instances:
        add("--no-instances", action="store_true", help="leave out instance maps")
    if len(dataset.label_mappings) > 1:
        add(
            "--label-mapping",
            choices=dataset.label_mappings,
            help="rule from file ids to classes "
            f"(default: {dataset.label_mappings[0]})",
        )
    parser.set_defaults(tfds=None)
    if dataset.tfds is not None:
        add(
            "--tfds",
            nargs="?",
            const="",
            metavar="DIR",
            help=f"read {dataset.tfds.name} as TensorFlow Datasets has installed it "
            "(in DIR, or in its default folder) instead of --source",
        )


def _add_drawing(parser: argparse.ArgumentParser, dataset: Dataset) -> None:
    add = parser.add_argument
    add("--train", type=positive, default=1000, metavar="N", help="default: 1000")
    add("--val", type=natural, default=100, metavar="N", help="default: 100")
    add("--seed", type=natural, default=0, help="of the scenes (default: 0)")


def _add_folder(parser: argparse.ArgumentParser, records: str) -> None:
    add = parser.add_argument
    template = "DIR, or a template such as DIR/{key}_L.png"
    add("--images", required=True, metavar="DIR", help="photos")
    add("--labels", required=True, metavar="DIR", help=f"label maps: {template}")
    add("--instances", metavar="DIR", help="instance maps, if there are any")
    add("--palette", metavar="FILE", help="class names, ids and colours (docs/data.md)")
    add(
        "--num-classes",
        type=positive,
        metavar="K",
        help="number of classes, without a palette (default: from the label files)",
    )
    add(
        "--dont-care-id",
        type=natural,
        metavar="ID",
        help="label id of pixels without a class (default without --palette and "
        "--num-classes: 255 if it occurs)",
    )
    add(
        "--label-format",
        choices=("auto", "ids", "colors"),
        default="auto",
        help="how to read PNGs with a colour table; auto: by colour if the palette "
        "file has colours",
    )
    add("--val-images", metavar="DIR", help="photos of the validation split")
    add("--val-labels", metavar="DIR", help="label maps of these photos")
    add("--val-instances", metavar="DIR", help="instance maps of these photos")
    add(
        "--val-fraction",
        type=fraction,
        metavar="F",
        help="or use this part of the photos for validation",
    )
    add(
        "--val-windows",
        type=size,
        metavar="HxW",
        help="cut the validation photos into windows of this size, side by side, each "
        "of which is resized to --size (to 256x256 with --keep-size)",
    )
    add("--name", metavar="NAME", help=f"name in files (default: that of {records})")
    _add_max_pixels(parser)


def _add_max_pixels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--max-pixels",
        type=positive,
        metavar="N",
        help="height times width that a file may have (default: 178956970, and less "
        "for files of few bytes)",
    )


def _add_common(
    parser: argparse.ArgumentParser, dataset: Dataset | None, records: str
) -> None:
    add = parser.add_argument
    add(
        *dict.fromkeys((records, "--out", "--records")),
        dest="out",
        metavar="DIR",
        help="folder for the records, made or resumed",
    )
    add("--check", action="store_true", help="only check, and print the classes")
    edges = dataset.image_size if dataset else (256, 256)
    add(
        "--size",
        type=size,
        metavar="HxW",
        help=f"size of the network's images (default: {edges[0]}x{edges[1]})",
    )
    load = dataset.load_size if dataset else (286, 286)
    add(
        "--load-size",
        type=size,
        metavar="HxW",
        help="size of training records, cropped to --size later (default: "
        f"{load[0]}x{load[1]}, or --size in the same ratio)",
    )
    add("--keep-size", action="store_true", help="do not resize")
    add(
        "--label-map",
        metavar="FILE",
        help='JSON that renames label ids first: {"11": 255, "12": null}; null is '
        "don't care",
    )
    add(
        "--licence",
        "--license",
        type=_licence,
        metavar="ID",
        help="of the data, for croissant.json: an SPDX identifier such as CC-BY-4.0, "
        "or an address (default: left out)",
    )
    add(
        "--shards",
        type=positive,
        metavar="N",
        help="files per split (default: by the number of images)",
    )
    cores = usable_cores()
    add(
        "--workers",
        type=positive,
        default=cores,
        metavar="N",
        help=f"processes (default: {cores}, the number of cores)",
    )
