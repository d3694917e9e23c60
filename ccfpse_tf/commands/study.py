"""The subcommands ``ccfpse study build`` and ``ccfpse study score``."""

import argparse
from pathlib import Path

from ccfpse_tf.runtime.natural_option import natural
from ccfpse_tf.study.defaults import DEFAULT_PAIRS, PASS_SHARE, QUESTION


def add_parser(commands) -> None:
    """Adds ``study`` to the console command's subcommands."""
    study = commands.add_parser("study", help="let people compare two methods")
    parts = study.add_subparsers(dest="part", metavar="PART", required=True)
    _add_build(parts.add_parser("build", help="make the page that raters open"))
    _add_score(parts.add_parser("score", help="score the files that raters send"))


def run_command(arguments: argparse.Namespace) -> str:
    """Runs the parsed command; returns the text to print."""
    # Imported here, as `ccfpse runs` and the other commands do not need it.
    from ccfpse_tf.study.design import Options
    from ccfpse_tf.study.score import score
    from ccfpse_tf.study.score_text import built_text, score_json, score_text
    from ccfpse_tf.study.study_builder import build

    if arguments.part == "score":
        outcome = score(
            arguments.results, arguments.key, arguments.pass_checks, arguments.seed
        )
        return score_json(outcome) if arguments.json else score_text(outcome)
    options = Options(
        pairs=arguments.pairs,
        per_rater=arguments.per_rater,
        repeats=arguments.repeats,
        checks=arguments.checks,
        question=arguments.question,
        min_seconds=arguments.min_seconds,
        seed=arguments.seed,
    )
    places = (arguments.a, arguments.b, arguments.labels)
    return built_text(build(*places, arguments.out, options, arguments.palette))


def _add_build(parser):
    images = "an output of generate, a folder of PNG or JPEG, or 'DIR/{key}_x.png'"
    parser.add_argument("--a", required=True, metavar="DIR", help=images)
    parser.add_argument("--b", required=True, metavar="DIR", help="the other method's")
    parser.add_argument(
        "--labels", required=True, metavar="DIR", help="label maps: ids or colours"
    )
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="folder to make"
    )
    pairs = f"number of pairs (default: all, {DEFAULT_PAIRS} at most)"
    parser.add_argument("--pairs", type=int, metavar="N", help=pairs)
    parser.add_argument(
        "--per-rater", type=int, metavar="N", help="pairs for each rater (default: all)"
    )
    parser.add_argument(
        "--repeats", type=int, metavar="N", help="pairs shown twice (default: 1 in 10)"
    )
    parser.add_argument(
        "--checks", type=int, metavar="N", help="attention checks (default: 1 in 20)"
    )
    parser.add_argument("--question", default=QUESTION, metavar="TEXT")
    parser.add_argument(
        "--min-seconds",
        type=float,
        default=0.0,
        metavar="S",
        help="time before a pair can be answered (default: 0)",
    )
    parser.add_argument(
        "--palette", type=Path, metavar="FILE", help="colours of label ids"
    )
    parser.add_argument("--seed", type=natural, default=0, metavar="N")


def _add_score(parser):
    parser.add_argument("results", nargs="+", type=Path, help="files, or their folders")
    parser.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="key.json of the study (default: next to the results or one folder up)",
    )
    parser.add_argument(
        "--pass-checks",
        type=float,
        default=PASS_SHARE,
        metavar="SHARE",
        help=f"share of attention checks to pass (default: {PASS_SHARE})",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
    parser.add_argument("--seed", type=natural, default=0, metavar="N")
