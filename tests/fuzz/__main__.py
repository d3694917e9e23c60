"""Gives damaged and invented inputs to one reader of foreign bytes.

``python -m tests.fuzz NAME [SECONDS]`` runs for a minute by default. The names are in
``targets.py``. A reader may refuse an input with the project's own error. Everything
else is a finding: another exception, more than a second of computing, or memory beyond
ten times the input plus 200 MB. Findings are printed, their inputs are kept in a
temporary folder, and the exit code is 1.

With `Atheris <https://github.com/google/atheris>`_ (``pip install atheris``), inputs
are guided by the branches that they reach; without it, Hypothesis makes them.
"""

import argparse
import contextlib
import importlib.util
import sys
import tempfile
from pathlib import Path

from tests.fuzz.check import Report
from tests.fuzz.inputs import from_atheris, from_hypothesis
from tests.fuzz.targets import TARGETS


def main() -> None:
    """Runs one target and leaves the process with 1 if there were findings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=TARGETS)
    parser.add_argument("seconds", type=float, nargs="?", default=60)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{arguments.name}-"))
    guided = importlib.util.find_spec("atheris") is not None
    with _instrumented() if guided else contextlib.nullcontext():
        target = TARGETS[arguments.name](folder)  # imports the reader
    report = Report(target, keep=folder)
    print(f"{arguments.name}: {'Atheris' if guided else 'Hypothesis'}, {folder}")
    run = from_atheris if guided else from_hypothesis
    run(target.seeds, report, arguments.seconds)
    print(report)
    sys.exit(1 if report.findings else 0)


def _instrumented():
    import atheris

    return atheris.instrument_imports(
        include=["ccfpse_tf"], enable_loader_override=False
    )


if __name__ == "__main__":
    main()
