"""The command line that all recipes share: ``prepare``, ``train``, ``generate``, ...

Nothing heavy is imported before it is needed, so that ``--help`` and ``--dry-run``
answer at once and touch no device.
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ccfpse_tf.config import Config, override
from ccfpse_tf.devices import ALLOWED, parse_devices
from ccfpse_tf.errors import InputError
from ccfpse_tf.locks import RUN_LOCK, TRAINING, refuse_if_held
from ccfpse_tf.quiet import import_tensorflow
from ccfpse_tf.segmenter_config import SegmenterConfig, with_size
from ccfpse_tf.segmenter_config import override as override_segmenter
from ccfpse_tf.workers import read_workers


def main(
    dataset: str,
    config: Config,
    variants: Mapping[str, Config],
    description: str | None,
    argv: Sequence[str] | None = None,
) -> int:
    """Runs a recipe's command line.

    Args:
        dataset: what `prepare` writes: a data set's name, or ``folder``.
        config: what `train` trains.
        variants: other configs by the flag that chooses them, ``{"smoke": ...}``.
        description: the recipe's docstring, shown by ``--help``.
        argv: arguments, default those of the process.

    Returns:
        The exit code, 0.

    Raises:
        InputError: whatever the user can mend; `errors.exit_cleanly` prints it.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv[:1] == ["prepare"]:
        return _prepare(dataset, argv[1:])
    arguments = _parser(variants, description).parse_args(argv)
    if arguments.command == "generate":
        return _generate(arguments)
    if arguments.command == "segmenter":
        return _segmenter(config, arguments)
    return _train(config, variants, arguments)


def _parser(variants, description):
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare", help="write records (prepare --help has its own)")
    _add_train(commands, variants)
    _add_generate(commands)
    _add_segmenter(commands)
    return parser


def _add_train(commands, variants):
    train = commands.add_parser("train", help="train a run, or resume it")
    train.add_argument(
        "--records", type=Path, metavar="DIR", help="folder that `prepare` wrote"
    )
    train.add_argument(
        "--run", type=Path, metavar="DIR", help="run folder, made or resumed"
    )
    train.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],  # argparse copies it before it extends
        metavar="KEY=VALUE",
        help="change the config, such as generator.ngf=32 data.batch_size=4",
    )
    train.add_argument(
        "--devices", default="auto", metavar="LIST", help=f"{ALLOWED} (default: auto)"
    )
    train.add_argument(
        "--dry-run", action="store_true", help="print the resolved config and stop"
    )
    train.add_argument(
        "--profile",
        metavar="FIRST:LAST",
        help="record these steps for TensorBoard's profile page, such as 20:24",
    )
    choice = train.add_mutually_exclusive_group()
    for name in variants:
        choice.add_argument(
            f"--{name}",
            dest="variant",
            action="store_const",
            const=name,
            help=f"the recipe's {name.upper()} config instead of its full one",
        )


def _add_generate(commands):
    generate = commands.add_parser("generate", help="images and a gallery page")
    add = generate.add_argument
    add("--run", type=Path, required=True, metavar="DIR", help="run folder")
    add("--out", type=Path, required=True, metavar="DIR", help="made or replaced")
    add("--records", type=Path, metavar="DIR", help="default: those of the training")
    add("--split", default="val", help="of the records (default: val)")
    add("--count", default="16", metavar="N", help="layouts, or all (default: 16)")
    add(
        "--style",
        metavar="reference|random|IMAGE",
        help="take styles from the real images (default), from the prior, or from "
        "one image file",
    )
    add("--styles", type=int, default=1, metavar="K", help="images per layout")
    add("--seed", type=int, default=0, help="of the styles (default: 0)")
    add("--labels", type=Path, metavar="DIR", help="label PNGs instead of records")
    add("--instances", type=Path, metavar="DIR", help="instance PNGs for --labels")


def _add_segmenter(commands):
    segmenter = commands.add_parser(
        "segmenter", help="train a network that judges images, or go on with it"
    )
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
    add("--dry-run", action="store_true", help="print the resolved config and stop")


def _prepare(dataset, argv):
    if not {"--check", "--help", "-h"} & set(argv):  # these need none of it
        import_tensorflow()
    from ccfpse_tf.data import prepare

    # Recipes call the folder of records the same in every subcommand.
    argv = [
        "--out" + argument.removeprefix("--records")
        if argument.split("=")[0] == "--records"
        else argument
        for argument in argv
    ]
    return prepare.main(dataset, argv) or 0


def _train(config, variants, arguments):
    config = variants[arguments.variant] if arguments.variant else config
    if arguments.records:
        arguments.set.append(f"data.records={arguments.records.resolve()}")
    config = override(config, arguments.set)
    if arguments.dry_run:
        print(config.to_json())
        return 0
    for option, value in (("records", config.data.records), ("run", arguments.run)):
        if not value:
            raise InputError(
                f"train needs --{option} DIR (or --dry-run to print the config)"
            )
    profile = _steps(arguments.profile) if arguments.profile else None
    parse_devices(arguments.devices)  # what is wrong is told before TensorFlow starts
    workers = read_workers()
    if not workers.several:  # of several, the chief takes the lock
        refuse_if_held(arguments.run / RUN_LOCK, TRAINING)
    import_tensorflow(open_devices=False)
    from ccfpse_tf.train import train

    step = train(config, arguments.run, arguments.devices, profile)
    if workers.chief:
        run = arguments.run
        print(f"trained to step {step}; see images with: generate --run {run}")
    return 0


def _steps(text):
    match = re.fullmatch("([0-9]+):([0-9]+)", text)
    first, last = map(int, match.groups()) if match else (0, 0)
    if not 0 < first <= last:
        raise InputError(
            f"--profile {text}: write FIRST:LAST, two steps counted from 1, such as "
            "20:24 for five of them"
        )
    return first, last


def _generate(arguments):
    if arguments.count != "all" and not re.fullmatch("0*[1-9][0-9]*", arguments.count):
        raise InputError(f"--count {arguments.count}: must be 1 or more, or all")
    if arguments.styles < 1:
        raise InputError(f"--styles {arguments.styles}: must be 1 or more")
    import_tensorflow()
    from ccfpse_tf.generate import generate

    page = generate(
        arguments.run,
        arguments.out,
        records=arguments.records,
        split=arguments.split,
        count=None if arguments.count == "all" else int(arguments.count),
        style=arguments.style,
        styles=arguments.styles,
        seed=arguments.seed,
        labels=arguments.labels,
        instances=arguments.instances,
    )
    print(f"gallery  {page}")
    return 0


def _segmenter(config, arguments):
    chosen = override_segmenter(SegmenterConfig(), arguments.set)
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
    from ccfpse_tf.segmenter import train_segmenter

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
