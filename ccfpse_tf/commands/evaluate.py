"""``evaluate``: the paper's metrics of a run, with their protocol."""

import dataclasses
import re
from pathlib import Path

from ccfpse_tf.commands.size_option import read_size
from ccfpse_tf.config.sections import FID_RESIZES
from ccfpse_tf.errors import InputError
from ccfpse_tf.runtime.devices import ALLOWED, parse_devices
from ccfpse_tf.runtime.natural_option import natural
from ccfpse_tf.runtime.startup import import_tensorflow


def add(commands) -> None:
    """Adds the subcommand to a recipe's parser."""
    parser = commands.add_parser(
        "evaluate", help="measure mIoU, accuracy, FID and more of a run's images"
    )
    parser.set_defaults(action=run)
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", type=Path, metavar="DIR", help="run to evaluate")
    source.add_argument(
        "--images", type=Path, metavar="DIR", help="or finished images, named by key"
    )
    add("--out", type=Path, required=True, metavar="DIR", help="made or resumed")
    add("--records", type=Path, metavar="DIR", help="default: those of the training")
    add("--split", default="val", help="of the records (default: val)")
    add("--count", default="all", metavar="N", help="number of layouts (default: all)")
    add("--style", metavar="reference|random|IMAGE", help="as for generate")
    add("--seed", type=natural, default=0, help="seed of the styles (default: 0)")
    add("--batch", type=int, default=4, metavar="N", help="images at once (default: 4)")
    add("--devices", default="auto", metavar="LIST", help=f"{ALLOWED} (default: auto)")
    _add_segmenter(parser.add_argument_group("mIoU and pixel accuracy"))
    _add_distance(parser.add_argument_group("FID and KID"))
    _add_paired(parser.add_argument_group("distance to the photographs"))
    _add_diversity(parser.add_argument_group("diversity"))


def _add_segmenter(group):
    add = group.add_argument
    add(
        "--segmenter",
        metavar="SPEC",
        help="drn:FILE, upernet:ENCODER,DECODER, deeplab:FILE, coral-deeplab[:FILE], a "
        ".keras file or SavedModel, such as the `segmenter` subcommand makes",
    )
    add(
        "--label-size",
        metavar="HxW",
        help="compare at this size: images bicubic, labels nearest "
        "(default: without resizing)",
    )
    add("--single-scale", action="store_true", help="do not test at several scales")
    add("--normalisation", choices=("imagenet", "caffe"), help="of UPerNet's release")
    add(
        "--no-real",
        dest="real",
        action="store_false",
        help="do not segment the photographs, too",
    )


def _add_distance(group):
    add = group.add_argument
    add("--fid", metavar="download|FILE", help="the 2015 Inception graph")
    add(
        "--fid-resize",
        choices=FID_RESIZES,
        default="pytorch-fid",
        help="rule for resizing to 299x299",
    )
    add("--fid-sha256", metavar="HEX", help="digest that the graph must have")
    add(
        "--features",
        metavar="NAME|FILE",
        help="another feature network: efficientnet-lite0 or efficientnet-lite1 (or "
        "NAME:FILE of its weights), for distances that everybody can measure; or a "
        ".keras file or SavedModel",
    )
    add("--reference", type=Path, metavar="NPZ", help="statistics, read or made")


def _add_paired(group):
    group.add_argument(
        "--st-lpips",
        metavar="alex|vgg",
        help="perceptual distance of each image and its photograph by this network of "
        "ST-LPIPS (or NAME:FILE of its weights)",
    )


def _add_diversity(group):
    add = group.add_argument
    add(
        "--diversity",
        type=int,
        default=0,
        metavar="K",
        help="styles per layout, 2 or more",
    )
    add(
        "--diversity-network",
        default="vgg19",
        metavar="vgg19|st-lpips|FILE",
        help="network of feature maps (default: vgg19)",
    )
    add(
        "--diversity-weights",
        type=Path,
        metavar="FILE",
        help="weights of VGG19 or ST-LPIPS",
    )


def run(arguments) -> int:
    """Evaluates and prints the table."""
    count = _count(arguments.count)
    label_size = None
    if arguments.label_size:
        label_size = read_size("--label-size", arguments.label_size)
    if arguments.batch < 1:
        raise InputError(f"--batch {arguments.batch}: must be 1 or more")
    parse_devices(arguments.devices)  # errors appear before TensorFlow starts
    import_tensorflow(open_devices=False)
    from ccfpse_tf.evaluation.evaluate import evaluate
    from ccfpse_tf.evaluation.image_source import Images
    from ccfpse_tf.evaluation.measures import Measures
    from ccfpse_tf.evaluation.report import notes, table

    images = Images(
        run=arguments.run,
        folder=arguments.images,
        records=arguments.records,
        split=arguments.split,
        count=count,
        style=arguments.style,
        seed=arguments.seed,
        batch=arguments.batch,
        devices=arguments.devices,
    )
    # Every field is the destination of an option.
    names = [field.name for field in dataclasses.fields(Measures)]
    chosen = {name: getattr(arguments, name) for name in names}
    measures = Measures(**chosen | {"label_size": label_size})
    found = evaluate(images, measures, arguments.out)
    published = {f"{name} (paper)": row for name, row in found["published"].items()}
    print(table(found["metrics"] | published))
    for note in notes(found["protocol"]):
        print(f"\n{note}")
    print(f"\n{found['paper_line']}")
    print(f"\nmetrics  {arguments.out / 'metrics.json'}")
    return 0


def _count(text):
    if text != "all" and not re.fullmatch("0*[1-9][0-9]*", text):
        raise InputError(f"--count {text}: must be 1 or more, or all")
    return None if text == "all" else int(text)
