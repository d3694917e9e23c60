"""Runs all benchmarks, records the quick ones, writes the table: `make bench`."""

import subprocess
import sys

from benchmarks import BENCHMARKS
from ccfpse_tf.errors import exit_cleanly


def main() -> int:
    """Runs every step in its own process; if one fails, the others still run."""
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
