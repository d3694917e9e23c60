"""The diffs and commands of CONTRIBUTING.md, tried on a copy of the checkout."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# The large fixtures have no part in it.
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.npz")
COPIED = (
    *("ccfpse_tf", "recipes", "tfrecords", "tests", "benchmarks"),
    *("pyproject.toml", "setup.cfg"),
)
LIGHT = ("A data set",)
HEAVY = ("A method", "A metric", "A config key")  # these load TensorFlow


@pytest.fixture(scope="module")
def guide(repository):
    """``{heading: {language: block}}`` of the section "How to add ..."."""
    text = (repository / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = re.search(r"^## How to add .*?(?=^## )", text, re.M | re.S).group()
    parts = re.split(r"^### (.*)\n", section, flags=re.M)[1:]
    return {
        title: dict(re.findall(r"^```(\w+)\n(.*?)^```$", body, re.M | re.S))
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    }


@pytest.fixture
def checkout(repository, tmp_path):
    """A copy of what the guide changes, and of what its commands need."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in COPIED:
        if (repository / name).is_dir():
            shutil.copytree(repository / name, copy / name, ignore=LEFT_OUT)
        else:
            shutil.copy(repository / name, copy)
    return copy


def run(checkout, *command, text=None):
    """Runs a command in the copy as a reader would; returns what it prints."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    own = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(checkout),
        # Inside of another repository git would pass over the copy's files.
        "GIT_CEILING_DIRECTORIES": str(checkout.parent),
    }
    done = subprocess.run(
        command,
        cwd=checkout,
        env=inherited | own,
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_guide_shows_these_parts(guide):
    assert {*guide} == {*LIGHT, *HEAVY}
    assert all({*blocks} == {"diff", "sh", "text"} for blocks in guide.values())


@pytest.mark.parametrize(
    "part", [*LIGHT, *(pytest.param(part, marks=pytest.mark.slow) for part in HEAVY)]
)
def test_what_is_added_works(part, guide, checkout):
    run(checkout, "git", "apply", text=guide[part]["diff"])
    printed = run(checkout, "bash", "-ec", guide[part]["sh"]).splitlines()
    for line in guide[part]["text"].splitlines():
        assert line in printed, "\n".join(printed)


def test_all_diffs_together_keep_the_rules(guide, checkout):
    for blocks in guide.values():
        run(checkout, "git", "apply", text=blocks["diff"])
    run(checkout, "ruff", "check", ".")
    run(checkout, "ruff", "format", "--check", ".")
    run(checkout, "python", "-m", "pytest", "tests/test_imports.py")
    settings = ("generator.architecture=class_colors", "optimizers.weight_decay=0.01")
    train = ("recipes/fields.py", "train", "--smoke", "--dry-run", "--set", *settings)
    assert '"class_colors"' in run(checkout, "python", *train)
    assert "--absolute-error" in run(
        checkout, "python", "recipes/fields.py", "evaluate", "--help"
    )
