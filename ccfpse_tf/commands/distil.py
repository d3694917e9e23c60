"""``distil``: trains a compact generator on the images of a trained run."""

from pathlib import Path

from ccfpse_tf.commands.train import add_batch_options, set_data, start_training
from ccfpse_tf.runtime.devices import ALLOWED


def add(commands) -> None:
    """Adds the subcommand to a recipe's parser."""
    distil = commands.add_parser(
        "distil", help="train a compact generator that learns from a trained run"
    )
    distil.set_defaults(action=run)
    add = distil.add_argument
    add("--teacher", type=Path, required=True, metavar="DIR", help="trained run")
    add("--run", type=Path, metavar="DIR", help="run folder, made or resumed")
    add("--records", type=Path, metavar="DIR", help="default: those of the teacher")
    add(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="change the config, which is the teacher's with a compact generator",
    )
    add_batch_options(distil)
    add("--devices", default="auto", metavar="LIST", help=f"{ALLOWED} (default: auto)")
    add("--dry-run", action="store_true", help="print the resolved config and stop")
    distil.set_defaults(profile=None)


def run(arguments) -> int:
    """Trains, or prints the config.

    Raises:
        InputError: a teacher that is no trained run, a student that does not fit it,
            and the errors of `train`.
    """
    # Only now, as it loads NumPy.
    from ccfpse_tf.training.teaching import Teaching

    set_data(arguments)
    teaching = Teaching.open(arguments.teacher)
    return start_training(teaching.student(arguments.set), arguments, teaching=teaching)
