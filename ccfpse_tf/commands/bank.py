"""``ccfpse bank``: the segments of photographs that SIMS pastes."""

import argparse
from pathlib import Path

from ccfpse_tf.commands.size_option import read_size
from ccfpse_tf.errors import InputError
from ccfpse_tf.runtime.startup import import_tensorflow


def add_command(commands) -> None:
    """Adds ``bank`` to the subparsers of ``ccfpse``."""
    parser = commands.add_parser(
        "bank",
        help="make a memory bank, which the method sims draws from",
        description="Cuts the photographs of some records into segments, one for every "
        "connected area of a class, and writes them to a folder. The method sims fills "
        "layouts with them. A command that was interrupted goes on where it was.",
    )
    add = parser.add_argument
    add("--records", type=Path, required=True, metavar="DIR", help="of `prepare`")
    add("--out", type=Path, required=True, metavar="DIR", help="made, or completed")
    add(
        "--image-size",
        metavar="HxW",
        help="of the images that are drawn, such as 256x512; default: that of the "
        "validation records, as those of the training are larger, for crops",
    )
    add("--split", default="train", help="whose photographs (default: %(default)s)")
    add(
        "--thin",
        nargs="*",
        metavar="CLASS",
        help="classes that do not cut what is behind them, such as pole; default: "
        "those of the data set",
    )
    add(
        "--least-share",
        type=float,
        default=0.001,
        metavar="SHARE",
        help="of an image's pixels; smaller segments are left out (%(default)s)",
    )
    parser.set_defaults(action=run)


def run(arguments: argparse.Namespace) -> int:
    """Makes the bank and prints what is in it.

    Raises:
        InputError: as :func:`ccfpse_tf.data.segments.write_bank.write_bank`; a size
            that is none.
    """
    from ccfpse_tf.data.description import read_description

    if not 0 <= arguments.least_share < 1:
        raise InputError(
            f"--least-share {arguments.least_share}: give a share from 0 to below 1"
        )
    description = read_description(arguments.records)
    size = _size(arguments, description)
    import_tensorflow()
    from ccfpse_tf.data.segments.write_bank import write_bank

    facts = write_bank(
        arguments.records,
        arguments.out,
        size,
        split=arguments.split,
        thin=arguments.thin,
        least_share=arguments.least_share,
    )
    print(
        f"{facts['segments']} segments of {facts['images']} images in {arguments.out}; "
        f"train with --bank {arguments.out} --set data.image_size={size[0]}x{size[1]}"
    )
    return 0


def _size(arguments, description):
    if arguments.image_size:
        return read_size("--image-size", arguments.image_size)
    description.shard_paths(arguments.records, arguments.split)  # raises if not there
    split = description.splits.get("val", description.splits[arguments.split])
    if split.height is None:
        raise InputError(
            f"{arguments.records}: its images have sizes of their own; give the size "
            "of those that are drawn, such as --image-size 256x256"
        )
    return split.height, split.width
