"""``ccfpse label``: label maps of photos, as a segmentation network sees them."""

import argparse
from pathlib import Path

from ccfpse_tf.runtime.startup import import_tensorflow


def add_command(commands) -> None:
    """Adds ``label`` to the subparsers of ``ccfpse``."""
    parser = commands.add_parser(
        "label",
        help="make label maps of photos, as a first draft",
        description="Writes a label map for every photo: a PNG with the ids of the "
        "network's data set and its colours, as `prepare` and `generate --labels` read "
        "them. They are as good as the network: a first draft to correct.",
    )
    parser.add_argument(
        "photos",
        nargs="+",
        metavar="PHOTO",
        help="a photo, a folder of photos, or a template such as 'DIR/{key}.jpg'",
    )
    parser.add_argument(
        "--evaluator",
        required=True,
        metavar="SPEC",
        help="coral-deeplab (street scenes, downloads 2 MB), the folder or .keras file "
        "that a recipe's `segmenter` made, or as for `evaluate --segmenter`",
    )
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="made or replaced"
    )
    parser.set_defaults(action=run)


def run(arguments: argparse.Namespace) -> int:
    """Makes the label maps and prints where they are.

    Raises:
        InputError: a network that cannot be opened, a folder in the way.
        DataErrors: everything that is wrong with photos; nothing is written then.
    """
    import_tensorflow()
    from ccfpse_tf.evaluation.label_photos import label_photos

    count = label_photos(arguments.photos, arguments.evaluator, arguments.out)
    print(f"{count} label maps in {arguments.out}")
    return 0
