"""``compare``: several methods or ablations, trained and measured alike."""

from pathlib import Path

from ccfpse_tf.config import Config
from ccfpse_tf.errors import InputError
from ccfpse_tf.runtime.devices import ALLOWED, parse_devices
from ccfpse_tf.runtime.startup import import_tensorflow


def add(commands, config: Config) -> None:
    """Adds the subcommand to a recipe's parser, or to that of ``ccfpse``."""
    parser = commands.add_parser(
        "compare", help="train and measure several methods or ablations alike"
    )
    parser.set_defaults(action=lambda options: run(config, options))
    add = parser.add_argument
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--table1", action="store_true", help="the five methods of the paper's Table 1"
    )
    which.add_argument(
        "--table2", action="store_true", help="the ablations of its Table 2, A to F"
    )
    which.add_argument("--columns", nargs="+", metavar="NAME", default=[])
    add("--records", type=Path, required=True, metavar="DIR", help="of all columns")
    add("--out", type=Path, metavar="DIR", help="made or resumed")
    add("--seeds", type=int, default=1, metavar="N", help="trainings of each (1)")
    add(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="change the config of all columns, such as data.image_size=64x96",
    )
    add(
        "--set-of",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME:KEY=VALUE",
        help="change that of one column, such as pix2pixhd:generator.ngf=16",
    )
    add(
        "--segmenter",
        metavar="SPEC",
        help="as for evaluate (default: one is trained on the real images)",
    )
    add(
        "--features",
        default="efficientnet-lite0",
        metavar="NAME|FILE|none",
        help="as for evaluate (default: %(default)s)",
    )
    add("--diversity", type=int, default=0, metavar="K", help="as for evaluate")
    add("--devices", default="auto", metavar="LIST", help=f"{ALLOWED} (default: auto)")
    add(
        "--dry-run",
        action="store_true",
        help="measure a step of each column, print the days that all would take; "
        "leaves nothing behind",
    )


def run(config: Config, arguments) -> int:
    """Compares and prints the report; or prints what it would take.

    Raises:
        InputError: options that do not fit, and the errors of `compare`.
    """
    if arguments.seeds < 1:
        raise InputError(f"--seeds {arguments.seeds}: must be 1 or more")
    if not arguments.out and not arguments.dry_run:
        raise InputError("compare needs --out DIR (or --dry-run to see what it takes)")
    parse_devices(arguments.devices)  # errors appear before TensorFlow starts
    import_tensorflow(open_devices=False)
    from ccfpse_tf.comparison.columns import TABLE_1, TABLE_2
    from ccfpse_tf.comparison.compare import compare, estimate
    from ccfpse_tf.comparison.plan import Plan

    columns = arguments.columns
    if arguments.table1 or arguments.table2:
        columns = TABLE_1 if arguments.table1 else TABLE_2
    records = f"data.records={arguments.records.resolve()}"
    features = None if arguments.features == "none" else arguments.features
    plan = Plan(
        config,
        tuple(columns),
        arguments.seeds,
        (records, *arguments.set),
        _of_columns(arguments.set_of),
        arguments.segmenter,
        features,
        arguments.diversity,
    )
    if arguments.dry_run:
        print(estimate(plan))
        return 0
    failed = compare(plan, arguments.out, arguments.devices)
    print((arguments.out / "report.md").read_text(encoding="utf-8"))
    page = arguments.out / "report.html"
    if page.exists():  # nothing is shown before a column is measured
        print(f"report   {page}")
    for name, message in failed.items():
        print(f"not done {name}: {message}")
    return 1 if failed else 0


def _of_columns(texts) -> dict[str, list[str]]:
    found = {}
    for text in texts:
        name, colon, setting = text.partition(":")
        if not colon or "=" not in setting or "=" in name:
            raise InputError(
                f"--set-of {text}: write NAME:KEY=VALUE, such as spade:generator.ngf=8"
            )
        found.setdefault(name, []).append(setting)
    return found
