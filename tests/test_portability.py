"""Systems without what only Unix has, and with another encoding.

Neither Windows' nor Apple's TensorFlow runs where this is developed. What can be tried
on Linux is that nothing asks for what those systems lack.
"""

import ast
import ntpath
import os
import re
import subprocess
import sys
import types

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.data import file_template

MODULES = {
    "fcntl",
    "grp",
    "posix",
    "pty",
    "pwd",
    "resource",
    "syslog",
    "termios",
    "tty",
}
NAMES = {
    "os": {
        *("fchown", "fork", "forkpty", "getegid", "geteuid", "getgid", "getloadavg"),
        *("getpgid", "getuid", "killpg", "mkfifo", "nice", "openpty", "posix_spawn"),
        *("register_at_fork", "sched_getaffinity", "sched_setaffinity", "setsid"),
        *("statvfs", "sync", "sysconf", "uname", "wait", "chown", "O_NOFOLLOW"),
        *("O_DIRECTORY", "O_NONBLOCK", "O_CLOEXEC"),
    },
    "signal": {
        *("SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT"),
        *("SIGSTOP", "SIGTSTP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "alarm", "pause"),
        *("pthread_kill", "pthread_sigmask", "setitimer", "sigwait"),
    },
    "socket": {"AF_UNIX"},
    "time": {"tzset"},
}
TEXT_MODE = re.compile(r"[rwax+t]*")


@pytest.fixture(scope="module")
def trees(repository):
    """``{path: syntax tree}`` of everything that users run."""
    paths = [
        path
        for folder in ("ccfpse_tf", "recipes", "tfrecords")
        for path in sorted((repository / folder).rglob("*.py"))
    ]
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def test_no_module_that_only_unix_has_is_imported(trees):
    found = [
        (str(path), module)
        for path, tree in trees.items()
        for node in ast.walk(tree)
        for module in _imported(node)
        if module.split(".")[0] in MODULES
    ]
    assert not found


def _imported(node):
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def test_names_that_only_unix_has_are_asked_for_first(trees):
    found = [
        (str(path), f"{node.value.id}.{node.attr}")
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.attr in NAMES.get(node.value.id, ())
        and f'hasattr({node.value.id}, "{node.attr}")' not in path.read_text("utf-8")
    ]
    assert not found


def test_text_files_have_an_encoding(trees):
    found = [
        f"{path}:{node.lineno}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _lacks_encoding(node)
    ]
    assert not found


def _lacks_encoding(call):
    """Returns whether a call opens text in the encoding of the system."""
    name = getattr(call.func, "attr", getattr(call.func, "id", None))
    if any(word.arg == "encoding" for word in call.keywords):
        return False
    if name == "read_text" and isinstance(call.func, ast.Attribute):
        return not call.args
    if name == "write_text":
        return len(call.args) < 2
    if name in ("open", "fdopen") and _owner(call) not in ("os", "Image", "tarfile"):
        modes = [x.value for x in call.args[1:2] if isinstance(x, ast.Constant)]
        modes += [x.value.value for x in call.keywords if x.arg == "mode"]
        builtin = isinstance(call.func, ast.Name) or bool(modes)
        return builtin and TEXT_MODE.fullmatch((modes or ["r"])[0]) is not None
    return False


def _owner(call):
    return getattr(getattr(call.func, "value", None), "id", None)


@pytest.mark.parametrize(
    "text", [r"C:\Groß\{key}\images\{key}.png", r"\\server\photos\{key}\images\{key}.*"]
)
def test_templates_may_have_the_separator_of_windows(text, monkeypatch):
    windows = types.SimpleNamespace(path=ntpath, sep="\\", fspath=os.fspath)
    monkeypatch.setattr(file_template, "os", windows)
    template = file_template.Template.of(text, "--images")
    assert template.root == ntpath.dirname(text.partition("{key}")[0])
    assert template.key_of("a/images/a.png") == "a"  # as the walk joins names
    assert template.path_of("a") == text.replace("{key}", "a")


# Everything that others bring is imported before, as it may know this system.
PROGRAM = """
import os, runpy, signal, sys, warnings
import asyncio, concurrent.futures.process, multiprocessing.resource_tracker
import numpy, PIL.Image, pydantic, jinja2, rich.progress, filelock
import keras, tensorflow, tensorflow_datasets
import httpx, prometheus_client, starlette.applications, uvicorn

modules, names = {modules!r}, {names!r}
for name in modules:
    sys.modules[name] = None
for owner, hidden in names.items():
    for name in hidden:
        if hasattr(sys.modules[owner], name):
            delattr(sys.modules[owner], name)
warnings.filterwarnings("error", category=EncodingWarning, module="ccfpse_tf")

import ccfpse_tf.commands.main, ccfpse_tf.commands.recipe
import ccfpse_tf.data.prepare.prepare, ccfpse_tf.generation.gallery
import ccfpse_tf.serving.app, ccfpse_tf.serving.live_model
import ccfpse_tf.serving.server, ccfpse_tf.training.train

recipe = runpy.run_path({recipe!r})["main"]
print(recipe(["prepare", *{prepare!r}]), recipe(["generate", *{generate!r}]))
"""


@pytest.mark.slow
def test_preparing_and_drawing_where_unix_is_hidden(repository, tmp_path):
    pytest.importorskip("starlette", reason="needs pip install '.[serving]'")
    folder = tmp_path / r"C:\Users\Jürgen Groß\Bilder"
    for kind, mode in (("photos", "RGB"), ("maps", "L")):
        (folder / kind).mkdir(parents=True)
        Image.new(mode, (64, 64), 1).save(folder / kind / "Straße.png")
    records, out = str(folder / "records"), folder / "gallery"
    prepare = ["--images", folder / "photos", "--labels", folder / "maps"]
    prepare += ["--num-classes", 5, "--out", records, "--keep-size", "--workers", 1]
    generate = ["--preset", "aerial_256", "--out", out, "--styles", 1, "--count", 1]
    program = PROGRAM.format(
        modules=sorted(MODULES),
        names={owner: sorted(names) for owner, names in NAMES.items()},
        recipe=str(repository / "recipes" / "folder.py"),
        prepare=[*map(str, prepare)],
        generate=[*map(str, generate)],
    )
    done = subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", "-c", program],
        # The encoding that pipes of western European Windows have.
        env=os.environ | {"PYTHONPATH": str(repository), "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        encoding="cp1252",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "0 0"
    assert (folder / "records" / "dataset_info.json").is_file()
    drawn = np.asarray(Image.open(next(out.rglob("*_style1.png"))))
    assert drawn.shape[-1] == 3 and drawn.std() > 10
