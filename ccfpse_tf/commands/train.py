"""``train``: trains a run with a recipe's config, or resumes one."""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

from ccfpse_tf.commands.set_option import add_setting
from ccfpse_tf.config import Config, override
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.locks import RUN_LOCK, TRAINING, refuse_if_held
from ccfpse_tf.gan import methods
from ccfpse_tf.gan.unread_settings import refuse_unread
from ccfpse_tf.runs.run_folder import is_run
from ccfpse_tf.runtime.devices import ALLOWED, parse_devices
from ccfpse_tf.runtime.startup import import_tensorflow
from ccfpse_tf.runtime.tf_config import read_workers


def add(commands, config: Config, variants: Mapping[str, Config]) -> None:
    """Adds the subcommand to a recipe's parser."""
    train = commands.add_parser("train", help="train a run, or resume it")
    train.add_argument(
        "--records", type=Path, metavar="DIR", help="folder that `prepare` wrote"
    )
    train.add_argument(
        "--bank",
        type=Path,
        metavar="DIR",
        help="memory bank that `ccfpse bank` made of the records, for sims",
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
        "--method",
        choices=methods.METHODS,
        help="train this method with its own settings, which --set changes in turn; "
        "the other keys are the recipe's: "
        + "; ".join(
            f"{name} ({row.title}): {' '.join(row.defaults)}"
            for name, row in methods.METHODS.items()
        ),
    )
    train.add_argument(
        "--preset",
        metavar="NAME|DIR",
        help="start from these weights: networks as of the preset, classes by name",
    )
    add_batch_options(train)
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
    train.set_defaults(action=lambda options: run(config, variants, options))
    choice = train.add_mutually_exclusive_group()
    for name in variants:
        choice.add_argument(
            f"--{name}",
            dest="variant",
            action="store_const",
            const=name,
            help=f"the recipe's {name.upper()} config instead of its full one",
        )


def add_batch_options(parser) -> None:
    """Adds the options about the images of a step, and the memory that they take."""
    parser.add_argument(
        "--batch",
        type=_batch,
        metavar="N|auto",
        help="images of a step, as --set data.batch_size=N; auto: as many of the "
        "config's as fit into the memory",
    )
    parser.add_argument(
        "--no-forecast",
        action="store_true",
        help="train without checking before whether the batch fits into the memory",
    )


def run(config: Config, variants: Mapping[str, Config], arguments) -> int:
    """Trains, or prints the config.

    Raises:
        InputError: options that do not fit, and the errors of `train.train`.
    """
    config = variants[arguments.variant] if arguments.variant else config
    set_data(arguments)
    if arguments.bank:
        add_setting(arguments, "--bank", "data.bank", arguments.bank.resolve())
    preset = None
    if arguments.method and arguments.preset:
        raise InputError(
            f"--method {arguments.method}: --preset {arguments.preset} has a method of "
            "its own; leave one of the two out"
        )
    if arguments.preset:
        # Only now, as they load NumPy.
        from ccfpse_tf.presets.preset_config import started_from
        from ccfpse_tf.presets.shipped import find_preset

        preset = find_preset(arguments.preset)
        config = started_from(preset, config, arguments.set)
    else:
        chosen = methods.settings(arguments.method) if arguments.method else []
        config = override(config, [*chosen, *arguments.set])
    return start_training(config, arguments, preset=preset)


def set_data(arguments) -> None:
    """Adds ``--records`` and a number of ``--batch`` to the texts of ``--set``.

    Raises:
        InputError: ``--set`` gives another value.
    """
    if arguments.records:
        records = arguments.records.resolve()
        add_setting(arguments, "--records", "data.records", records)
    if isinstance(arguments.batch, int):
        add_setting(arguments, "--batch", "data.batch_size", arguments.batch)


def start_training(config: Config, arguments, *, preset=None, teaching=None) -> int:
    """Trains by a resolved config, or prints it.

    Args:
        config: of the run, with the texts of ``--set``.
        arguments: ``set``, ``run``, ``devices``, ``batch``, ``no_forecast``,
            ``profile`` and ``dry_run`` of the command.
        preset: see :func:`ccfpse_tf.training.train.train`.
        teaching: see there.

    Raises:
        InputError: options that do not fit, and the errors of `train.train`.
    """
    memory = "fit" if arguments.batch == "auto" else "check"
    if arguments.no_forecast:
        if memory == "fit":
            raise InputError("--batch auto: needs the check that --no-forecast omits")
        memory = "trust"
    methods.check(config)
    if not (arguments.run and is_run(arguments.run)):  # which has to have its own
        refuse_unread(config, arguments.set)
    if arguments.dry_run:
        print(config.to_json())
        return 0
    for option, value in (("records", config.data.records), ("run", arguments.run)):
        if not value:
            raise InputError(
                f"training needs --{option} DIR (or --dry-run to print the config)"
            )
    profile = _steps(arguments.profile) if arguments.profile else None
    parse_devices(arguments.devices)  # errors appear before TensorFlow starts
    workers = read_workers()
    if not workers.several:  # of several, the chief takes the lock
        refuse_if_held(arguments.run / RUN_LOCK, TRAINING)
    import_tensorflow(open_devices=False)
    from ccfpse_tf.training.train import train

    run, devices = arguments.run, arguments.devices
    step = train(
        config, run, devices, profile, preset=preset, teaching=teaching, memory=memory
    )
    if workers.chief:
        print(f"trained to step {step}; see images with: generate --run {run}")
    return 0


def _batch(text):
    if text == "auto":
        return text
    if text.isascii() and text.isdigit() and int(text):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r}: a number of 1 or more, or auto")


def _steps(text):
    match = re.fullmatch("([0-9]+):([0-9]+)", text)
    first, last = map(int, match.groups()) if match else (0, 0)
    if not 0 < first <= last:
        raise InputError(
            f"--profile {text}: write FIRST:LAST, two steps counted from 1, such as "
            "20:24 for five of them"
        )
    return first, last
