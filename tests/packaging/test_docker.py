"""The Dockerfile: linted, and its steps run one by one in a bare folder."""

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.bare import bare_environment, environment, require_registry, run

ROOTS = re.compile(r"(?<![\w.$/])/(app|data|opt)\b")


@pytest.fixture(scope="module")
def stages(repository):
    """``{stage: [(instruction, rest), ...]}``, with "FROM" first."""
    text = (repository / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"^#.*\n", "", text, flags=re.M).replace("\\\n", " ").splitlines()
    found = {}
    for line in filter(None, map(str.strip, lines)):
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            steps = found[rest.partition(" AS ")[2]] = []
        steps.append((instruction, rest.strip()))
    return found


def test_hadolint_finds_nothing(repository):
    binary = Path(sys.executable).with_name("hadolint")
    if not binary.exists():
        pytest.skip("needs hadolint: pip install '.[test]'")
    found = subprocess.run(
        [binary, "Dockerfile"], cwd=repository, capture_output=True, text=True
    )
    assert (found.returncode, found.stdout) == (0, "")


def test_images_start_from_pinned_ones_and_do_not_run_as_root(stages):
    for name, steps in stages.items():
        image = steps[0][1].partition(" AS ")[0]
        assert image in stages or re.fullmatch(r"python:3\.\d+-slim-\w+", image)
        users = [rest for instruction, rest in steps if instruction == "USER"]
        assert users == ([] if name == "base" else ["1000"])


def test_only_what_is_copied_is_sent(stages, repository):
    lines = (repository / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {
        source
        for steps in stages.values()
        for instruction, rest in steps
        if instruction == "COPY"
        for source in rest.split()[:-1]
    }
    assert lines[1] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == copied


def test_the_server_s_image_accepts_the_names_of_loopback_only(stages):
    [entry] = [rest for name, rest in stages["serving"] if name == "ENTRYPOINT"]
    assert re.findall(r'"([^"]*)"', entry)[-2:] == ["--allow-host", "localhost"]


def test_another_extra_does_not_replace_that_of_the_recipes_weights(stages):
    [sync] = [rest for name, rest in stages["training"] if "uv sync" in rest]
    assert re.findall(r"--extra (\S+)", sync) == ["features", '"$EXTRA"']


class BareFolder:
    """Runs steps as Docker would, with a folder in the place of the image's root.

    The base image is a fresh virtual environment, users are those of this machine, and
    packages may come from uv's cache. A stage goes on in the folder of the last one.
    """

    def __init__(self, root, repository):
        self.root, self.repository, self.cwd = root, repository, root
        stubs = root / "stubs"
        stubs.mkdir(parents=True)
        for name in ("useradd", "chown"):
            (stubs / name).write_text("#!/bin/sh\n", encoding="utf-8")
            (stubs / name).chmod(0o755)
        python = bare_environment(root / "usr")
        path = os.pathsep.join((str(stubs), str(python), os.environ["PATH"]))
        self.variables = environment(PATH=path)
        self.entry, self.arguments = [], []

    def step(self, instruction, rest):
        """Takes one step."""
        text = ROOTS.sub(rf"{self.root}/\1", rest)
        if instruction == "ENV":
            for part in shlex.split(text):
                name, _, value = part.partition("=")
                if name not in ("UV_NO_CACHE", "UV_LINK_MODE"):
                    value = value.replace("$PATH", self.variables["PATH"])
                    self.variables[name] = value
        elif instruction == "ARG":
            name, _, value = text.partition("=")
            self.variables[name] = value
        elif instruction == "WORKDIR":
            self.cwd = Path(text)
            self.cwd.mkdir(parents=True, exist_ok=True)
        elif instruction == "COPY":
            *sources, target = text.split()
            for source in sources:
                self._copy(source, self.cwd / target)
        elif instruction == "RUN":
            run("sh", "-ec", text, cwd=self.cwd, env=self.variables)
        elif instruction in ("ENTRYPOINT", "CMD"):
            words = re.findall(r'"([^"]*)"', text)
            if instruction == "CMD":
                self.arguments = words
            else:
                self.entry, self.arguments = words, []
        else:
            assert instruction in ("FROM", "USER", "EXPOSE", "VOLUME"), instruction

    def _copy(self, source, target):
        if (self.repository / source).is_dir():
            left_out = shutil.ignore_patterns("__pycache__")
            shutil.copytree(self.repository / source, target, ignore=left_out)
        else:
            shutil.copy(self.repository / source, target)

    def start(self, *arguments):
        """Runs the image's command; returns what it prints."""
        words = [*self.entry, *(arguments or self.arguments)]
        command = shutil.which(words[0], path=self.variables["PATH"])
        return run(command, *words[1:], cwd=self.cwd, env=self.variables)


SERVE = """\
import re, subprocess, sys, urllib.request
server = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
url = re.search("http://[^ ]*/", server.stdout.readline())[0]
print(urllib.request.urlopen(url + "v1/models/scenes_256", timeout=60).read().decode())
server.terminate()
raise SystemExit(server.wait())
"""


@pytest.mark.slow
def test_the_steps_of_both_images(stages, repository, tmp_path):
    pytest.importorskip("uv", reason="needs pip install '.[test]'")
    require_registry()
    folder = BareFolder(tmp_path / "root", repository)
    for name in ("base", "training"):
        for step in stages[name]:
            folder.step(*step)
    assert "prepare" in folder.start()
    dry = folder.start("recipes/scenes.py", "train", "--dry-run", "--smoke")
    assert '"name": "scenes"' in dry
    for step in stages["serving"]:
        folder.step(*step)
    local = ("--host", "127.0.0.1", "--port", "0")
    path = folder.variables["PATH"]
    command = [shutil.which(folder.entry[0], path=path), *folder.entry[1:], *local]
    assert command[0].startswith(str(folder.root))
    said = run(
        *(sys.executable, "-c", SERVE, *command), cwd=folder.cwd, env=folder.variables
    )
    assert fnmatch.fnmatch(said, "*model_version_status*")
