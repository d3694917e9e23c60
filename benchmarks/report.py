"""Writes the recorded figures into README.md, as a table between two markers.

python -m benchmarks.report
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks import BENCHMARKS
from benchmarks.measure import Ratio
from benchmarks.results import RESULTS, Result, read
from ccfpse_tf.errors import InputError, exit_cleanly

README = Path(__file__).resolve().parent / "README.md"
BEGIN = "<!-- begin of the table: python -m benchmarks.report -->"
END = "<!-- end of the table -->"


def table(results: dict[str, tuple[dict, Result]]) -> str:
    """Markdown of all figures, benchmark by benchmark.

    Args:
        results: (head, result) by name, as `results.read` gives them.
    """
    blocks = []
    for name, (head, result) in results.items():
        rows = [_row(one) for one in result.ratios]
        notes = [f"\n{note}" for note in result.notes]
        blocks.append(
            "\n".join(
                [
                    f"### {name}",
                    "",
                    f"{_machine(head['machine'])} Picture: "
                    f"[{name}.png](results/{name}.png)",
                    "",
                    "| ratio | median | smallest to largest round | target | |",
                    "|---|---:|---|---|---|",
                    *rows,
                    *notes,
                ]
            )
        )
    return "\n\n".join(blocks) or "Nothing has been recorded yet."


def replaced(text: str, inserted: str) -> str:
    """Puts `inserted` between the markers of `text`.

    Raises:
        InputError: if a marker is missing.
    """
    if BEGIN not in text or END not in text.split(BEGIN)[1]:
        raise InputError(f"{README}: the lines {BEGIN} and {END} are needed in it")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    return f"{before}{BEGIN}\n\n{inserted}\n\n{END}{after}"


def main(argv: Sequence[str] | None = None) -> int:
    """Reads the results that exist and rewrites README.md."""
    argparse.ArgumentParser(
        prog="python -m benchmarks.report", description=__doc__.splitlines()[0]
    ).parse_args(argv)
    paths = {name: RESULTS / f"{name}.json" for name in BENCHMARKS}
    found = {name: read(path) for name, path in paths.items() if path.exists()}
    for name in paths.keys() - found.keys():
        print(f"no result of {name} (python -m benchmarks.{name})")
    text = README.read_text(encoding="utf-8")
    README.write_text(replaced(text, table(found)), encoding="utf-8")
    print(f"written: {README}")
    return 0


def _row(one: Ratio) -> str:
    target, word = "", ""
    if one.target is not None:
        target = f"{'≥' if one.better == 'higher' else '≤'} {one.target:g}"
        word = "reached" if one.reached else "**missed**"
    spread = (
        "measured once" if one.low == one.high else f"{one.low:.2f} to {one.high:.2f}"
    )
    return f"| {one.name} | {one.value:.2f} | {spread} | {target} | {word} |"


def _machine(facts: dict) -> str:
    libraries = ", ".join(f"{k} {v}" for k, v in facts["libraries"].items() if v)
    return (
        f"{facts['processor']}, {facts['cores']} cores, {facts['memory_gb']:g} GB; "
        f"{facts['system']}, Python {facts['python']}, {libraries}; load before "
        f"{facts['load_before']:g}."
    )


if __name__ == "__main__":
    exit_cleanly(main)
