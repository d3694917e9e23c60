"""The subcommand ``segmenter`` trains a network for the evaluation of images."""

from pathlib import Path

from ccfpse_tf.commands.set_option import add_setting
from ccfpse_tf.config import Config
from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.segmenter.config import SegmenterConfig, override, with_size
from ccfpse_tf.runtime.startup import import_tensorflow


def add(commands, config: Config) -> None:
    """Adds the subcommand to a recipe's parser; ``config`` tells the images' size."""
    segmenter = commands.add_parser(
        "segmenter", help="train a segmentation network for evaluate, or resume it"
    )
    segmenter.set_defaults(action=lambda options: run(config, options))
    add = segmenter.add_argument
    add("--records", type=Path, metavar="DIR", help="folder that `prepare` wrote")
    add("--out", type=Path, metavar="DIR", help="folder to make")
    add(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="change its config, such as backbone=segformer steps=3000",
    )
    add("--backbone", metavar="NAME", help="short for --set backbone=NAME")
    add("--dry-run", action="store_true", help="print the resolved config and stop")


def run(config: Config, arguments) -> int:
    """Trains a segmenter and prints its score on real validation images.

    Raises:
        InputError: options that do not fit, and the errors of `train_segmenter`.
    """
    if arguments.backbone:
        add_setting(arguments, "--backbone", "backbone", arguments.backbone)
    chosen = override(SegmenterConfig(), arguments.set)
    if arguments.records:
        from ccfpse_tf.data.description import read_description

        splits = read_description(arguments.records).splits
        split = splits.get("val", splits.get("train"))
        size = (split.height, split.width) if split else (None, None)
        chosen = with_size(chosen, size, config.data.image_size)
    if arguments.dry_run:
        print(chosen.to_json())
        return 0
    for option, value in (("records", arguments.records), ("out", arguments.out)):
        if not value:
            raise InputError(
                f"segmenter needs --{option} DIR (or --dry-run to print its config)"
            )
    import_tensorflow()
    from ccfpse_tf.evaluation.segmenter.train_segmenter import train_segmenter

    score = train_segmenter(chosen, arguments.records, arguments.out)["validation"]
    if score is None:
        print("not scored: the records have no split 'val'")
    elif score["mean_iou"] is None:
        print("not scored: all pixels of the validation images are don't care")
    else:
        print(
            f"real validation images ({score['images']}): "
            f"mIoU {100 * score['mean_iou']:.1f}, "
            f"pixel accuracy {100 * score['pixel_accuracy']:.1f}"
        )
    print(f"segmenter {arguments.out}")
    return 0
