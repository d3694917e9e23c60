"""Environments and processes that know nothing of this checkout."""

import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

# Another interpreter to try: BARE_PYTHON=python3.13 pytest -m slow tests/packaging
PYTHON = os.environ.get("BARE_PYTHON", sys.executable)
_OURS = ("PYTHON", "PYTEST_", "UV_PROJECT", "VIRTUAL_ENV", "KERAS_", "TF_")


def environment(**further) -> dict[str, str]:
    """Returns this process's variables without those that lead to the checkout."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
    return kept | {"TF_CPP_MIN_LOG_LEVEL": "2"} | further


def run(*command, cwd, env=None) -> str:
    """Runs a command that has to succeed; returns what it prints."""
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env=env or environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


def bare_environment(folder: Path) -> Path:
    """Makes a virtual environment with nothing but pip; returns its `bin`."""
    run(PYTHON, "-m", "venv", folder, cwd=folder.parent)
    return folder / "bin"


def require_registry() -> None:
    """Skips the test, with the reason, where no packages can be fetched."""
    if problem := _registry_problem():
        pytest.skip(f"needs the package registry: {problem}")


@functools.cache
def _registry_problem():
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "--retries", "0", "--timeout", "20"]
            + ["download", "--quiet", "--no-deps", "--dest", folder, "iniconfig"],
            capture_output=True,
            text=True,
        )
    return done.returncode and (done.stderr.strip().splitlines() or ["pip failed"])[-1]
