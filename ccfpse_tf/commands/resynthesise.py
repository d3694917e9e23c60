"""``ccfpse resynthesise``: photos drawn anew, and where they differ: anomalies."""

import argparse
from pathlib import Path

from ccfpse_tf.runtime.startup import import_tensorflow


def add_command(commands) -> None:
    """Adds ``resynthesise`` to the subparsers of ``ccfpse``."""
    parser = commands.add_parser(
        "resynthesise",
        help="draw photos anew from their label maps, to find anomalies",
        description="Makes a label map of every photo by a segmentation network, draws "
        "an image of it, and writes where photo and image differ: much where a thing "
        "is that the networks were never shown (docs/anomalies.md).",
    )
    add = parser.add_argument
    add(
        "photos",
        nargs="+",
        metavar="PHOTO",
        help="a photo, a folder of photos, or a template such as 'DIR/{key}.jpg'",
    )
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--run", type=Path, metavar="DIR", help="run that draws")
    model.add_argument(
        "--preset", metavar="NAME|DIR", help="a preset that ships, or the folder of one"
    )
    add(
        "--evaluator",
        required=True,
        metavar="SPEC",
        help="segmentation network of the same classes, as for `label`",
    )
    add("--out", required=True, type=Path, metavar="DIR", help="made or replaced")
    add(
        "--records",
        type=Path,
        metavar="DIR",
        help="records of a run, if those of its training have moved",
    )
    add(
        "--masks",
        type=Path,
        metavar="DIR",
        help="PNGs of the photos' names, other than 0 where an anomaly is, to measure "
        "how well it is found",
    )
    add(
        "--distance",
        metavar="colour|NETWORK[:FILE]",
        help="of photo and image: of their colours, or of a perceptual loss's features "
        "(vgg19-torchvision, squeezenet, efficientnet-lite0, ...; default: the first "
        "network that is installed, else colour)",
    )
    parser.set_defaults(action=run)


def run(arguments: argparse.Namespace) -> int:
    """Draws the photos anew, and prints where everything is.

    Raises:
        InputError: networks that cannot be opened or do not fit together, a folder in
            the way.
        DataErrors: photos and masks that cannot be read; nothing is written then.
    """
    import_tensorflow()
    from ccfpse_tf.errors import InputError
    from ccfpse_tf.evaluation.resynthesis import Resynthesiser
    from ccfpse_tf.evaluation.resynthesis_folder import resynthesise
    from ccfpse_tf.generation.sources import PresetSource, RunSource

    if arguments.preset is not None and arguments.records is not None:
        raise InputError(
            f"--records {arguments.records}: a preset knows its own classes; leave out "
            "--records"
        )
    source = (
        PresetSource(arguments.preset)
        if arguments.run is None
        else RunSource.open(arguments.run)
    )
    found = resynthesise(
        Resynthesiser(
            source, arguments.evaluator, arguments.records, arguments.distance
        ),
        arguments.photos,
        arguments.out,
        masks=arguments.masks,
        facts=((source.kind, source.name), ("evaluator", arguments.evaluator)),
    )
    print(
        f"{found['photos']} photos drawn anew, compared by {found['distance']}: "
        f"{arguments.out / 'index.html'}"
    )
    if found.get("auroc") is not None:
        print(f"AUROC of the masks' pixels: {found['auroc']:.3f} (0.5 is chance)")
    return 0
