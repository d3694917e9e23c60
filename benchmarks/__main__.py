"""Runs all benchmarks, records the quick ones, writes the table: `make bench`."""

import argparse
import subprocess
import sys
from collections.abc import Sequence

from benchmarks import BENCHMARKS
from ccfpse_tf.errors import exit_cleanly


def main(argv: Sequence[str] | None = None) -> int:
    """Runs every step in its own process; if one fails, the others still run."""
    argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.splitlines()[0]
    ).parse_args(argv)
    steps = [[f"benchmarks.{name}"] for name in BENCHMARKS]
    steps += [["benchmarks.check", "--record"], ["benchmarks.report"]]
    failed = []
    for step in steps:
        print(f"== {' '.join(step)}", flush=True)
        if subprocess.run([sys.executable, "-m", *step]).returncode:
            failed.append(" ".join(step))
    for step in failed:
        print(f"failed: python -m {step}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    exit_cleanly(main)
