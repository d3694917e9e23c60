"""The command line of all recipes: ``prepare``, ``train``, ``generate`` and others.

Nothing heavy is imported before it is needed, so that ``--help`` and ``--dry-run``
answer at once and touch no device. Each subcommand is a module of
:mod:`ccfpse_tf.commands`.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ccfpse_tf.commands import (
    compare,
    distil,
    evaluate,
    export,
    generate,
    preset,
    segmenter,
    train,
)
from ccfpse_tf.config import Config
from ccfpse_tf.runtime.lasting_output import outlive_readers
from ccfpse_tf.runtime.startup import import_tensorflow


def main(
    dataset: str,
    config: Config,
    variants: Mapping[str, Config],
    description: str | None,
    argv: Sequence[str] | None = None,
) -> int:
    """Runs a recipe's command line.

    Args:
        dataset: the data that `prepare` writes: a data set's name, or ``folder``.
        config: of the runs that `train` trains.
        variants: other configs by the flag that chooses them, ``{"smoke": ...}``.
        description: the recipe's docstring, shown by ``--help``.
        argv: arguments, default those of the process.

    Returns:
        The exit code, 0.

    Raises:
        InputError: anything that the user can correct; `errors.exit_cleanly` prints it.
    """
    outlive_readers()
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv[:1] == ["prepare"]:
        return _prepare(dataset, argv[1:])
    arguments = _parser(config, variants, description).parse_args(argv)
    return arguments.action(arguments)


def _parser(config, variants, description):
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("prepare", help="write records (see prepare --help)")
    train.add(commands, config, variants)
    distil.add(commands)
    generate.add(commands)
    evaluate.add(commands)
    segmenter.add(commands, config)
    compare.add(commands, config)
    export.add(commands)
    preset.add(commands)
    return parser


def _prepare(dataset, argv):
    if not {"--check", "--help", "-h"} & set(argv):  # these do not need TensorFlow
        import_tensorflow()
    from ccfpse_tf.data.prepare import prepare

    # Recipes call the folder of records the same in every subcommand.
    program = f"{Path(sys.argv[0]).name} prepare"
    return prepare.main(dataset, argv, program, "--records") or 0
