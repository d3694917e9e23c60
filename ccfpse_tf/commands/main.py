"""The console command ``ccfpse``; the work itself is started through the recipes."""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from ccfpse_tf.commands import (
    bank,
    compare,
    doctor,
    label,
    publish,
    resynthesise,
    study,
)
from ccfpse_tf.commands import generate_remotely as generate
from ccfpse_tf.commands import serve as serving
from ccfpse_tf.commands.convert import add_arguments as add_convert_arguments
from ccfpse_tf.commands.convert import convert
from ccfpse_tf.config import Config
from ccfpse_tf.errors import exit_cleanly
from ccfpse_tf.files.unlock import unlock as unlock_folder
from ccfpse_tf.runs.table import as_json, list_runs, table
from ccfpse_tf.runtime.lasting_output import outlive_readers
from ccfpse_tf.serving.background import leave

RECIPES = """\
The recipes of the source tree prepare records, train, and generate images:
  python recipes/scenes.py prepare --records DIR
  python recipes/scenes.py train --records DIR --run DIR
  python recipes/scenes.py generate --run DIR --out DIR
The other recipes work in the same way; see the --help of each.
"""


def main() -> None:
    """Entry point of ``ccfpse``; leaves the process with its exit code."""
    try:
        exit_cleanly(run)
    except SystemExit as end:
        leave(end.code)  # a server may be loading a model still
        raise


def run(argv: Sequence[str] | None = None) -> int:
    """Runs ``ccfpse`` with ``argv`` (default: the process's) and returns 0."""
    parser = argparse.ArgumentParser(
        prog="ccfpse",
        description="CC-FPSE semantic image synthesis in Keras 3 and TensorFlow.",
        epilog=RECIPES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("version", help="print the versions of the packages in use")
    runs = commands.add_parser("runs", help="list the runs below a folder")
    runs.add_argument("folder", type=Path, metavar="DIR", help="folder to search")
    runs.add_argument("--json", action="store_true", help="print JSON, for scripts")
    unlock = commands.add_parser(
        "unlock", help="clear a lock that was left by a machine that is gone"
    )
    unlock.add_argument("folder", type=Path, metavar="DIR", help="run or records")
    study.add_parser(commands)
    convert_parser = commands.add_parser(
        "convert", help="convert official PyTorch checkpoints to runs, and back"
    )
    add_convert_arguments(convert_parser)
    serving.add_commands(commands)
    generate.add_command(commands)
    label.add_command(commands)
    resynthesise.add_command(commands)
    bank.add_command(commands)
    compare.add(commands, Config(name="folder"))
    publish.add(commands)
    doctor.add(commands)
    arguments = parser.parse_args(sys.argv[1:] if argv is None else argv)
    if arguments.version:
        print(f"ccfpse {version('ccfpse-tf')}")
    elif arguments.command == "version":
        for name in ("ccfpse-tf", "keras", "tensorflow", "numpy", "pillow"):
            print(f"{name:12}{version(name)}")
    elif arguments.command == "runs":
        rows = list_runs(arguments.folder)
        print(as_json(rows) if arguments.json else table(rows))
    elif arguments.command == "unlock":
        print("\n".join(unlock_folder(arguments.folder)))
    elif arguments.command == "study":
        print(study.run_command(arguments))
    elif arguments.command == "convert":
        outlive_readers()
        convert(arguments)
    elif "action" in arguments:
        outlive_readers()
        return arguments.action(arguments)
    else:
        parser.print_help()
    return 0
