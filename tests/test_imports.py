"""Imports only go down the floors of the package, read from the syntax trees."""

import ast
import re
import sys
from importlib.util import resolve_name

import pytest

import ccfpse_tf

# From the ground up, a row per folder: the folders whose modules it may import. What
# stands above a folder is never in its row, so there can be no circle.
FLOORS = {
    "errors": "",
    "ops": "",
    "layers": "ops",
    "config": "errors",
    "files": "errors",
    "runtime": "errors files",
    "models": "errors files ops layers",
    "data": "errors files runtime",
    "presets": "errors config files runtime data",
    "gan": "errors config files ops layers models presets",
    "runs": "errors config files runtime data",
    "generation": "errors files runtime models data presets gan runs",
    "evaluation": "errors config files runtime ops models data runs generation",
    "study": "errors files runtime data",
    "convert": "errors config files layers models data gan runs generation",
    "export": "errors files runtime ops layers data presets gan runs generation",
    "serving": "errors files",
    "training": "errors config files runtime data presets gan runs generation "
    "evaluation",
    "comparison": "errors config files runtime ops data gan runs generation "
    "evaluation training",
    "commands": "errors config files runtime models data presets gan runs generation "
    "evaluation study convert export serving training comparison",
}
ROOT = {"__init__", "__main__", "errors"}  # all modules outside of folders
SCRIPTS = {"recipes", "tfrecords"}
# What the first seconds of every command import: nothing that takes long to load.
LIGHT = {"errors", "config", "ccfpse_tf"}
LIGHT_LIBRARIES = {"pydantic"}


def floor_of(module):
    """The folder of a module of the package, or its name at the root of it."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def modules(repository):
    """``{dotted name: path}`` of everything that ships."""
    found = {}
    for top in ("ccfpse_tf", *sorted(SCRIPTS)):
        for path in sorted((repository / top).rglob("*.py")):
            parts = path.relative_to(repository).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports(source, module, known, is_package=False):
    """Dotted names that ``source`` imports, inside functions as well."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                if full in known:
                    yield full
                elif base == "ccfpse_tf" and alias.name in ccfpse_tf._HOME:
                    yield ccfpse_tf._HOME[alias.name]
                else:
                    yield base


def complaints(source, module, known, is_package=False):
    """Yields the errors in the imports of one module, as text."""
    own = floor_of(module)
    # The root itself holds the version, and names that it imports when they are used.
    allowed = {own, "ccfpse_tf", *FLOORS.get(own, "").split()}
    for name in imports(source, module, known, is_package):
        first = name.split(".")[0]
        if first == "tests" or first in SCRIPTS:
            yield f"{module} imports {name}: nothing imports scripts or tests"
        elif first != "ccfpse_tf":
            if own in LIGHT and first not in sys.stdlib_module_names | LIGHT_LIBRARIES:
                yield f"{module} imports {name}: {own} has to load at once"
        elif name not in known:
            yield f"{module} imports {name}, which is not a module"
        elif own in FLOORS and floor_of(name) not in allowed:
            yield f"{module} imports {name}: {own} stands on {FLOORS[own]}"


@pytest.fixture(scope="module")
def known(repository):
    return modules(repository)


def test_the_folders_are_those_of_the_table(repository):
    package = repository / "ccfpse_tf"
    assert {path.stem for path in package.glob("*.py")} == ROOT
    folders = {path.parent.relative_to(package).parts for path in package.rglob("*.py")}
    assert {parts[0] for parts in folders if parts} == FLOORS.keys() - ROOT


def test_no_folder_stands_on_one_above_it():
    above = set(FLOORS)
    for floor, below in FLOORS.items():
        assert not above & set(below.split()), floor
        above -= {floor}


def test_imports_only_go_down(known):
    problems = []
    for module, path in known.items():
        source = path.read_text(encoding="utf-8")
        package = path.name == "__init__.py"
        problems += complaints(source, module, known, package)
    assert problems == []


def test_no_test_imports_another(repository):
    """Shared code of tests is in modules that are not tests."""
    for path in (repository / "tests").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"^ *from tests[\w.]*[. ]test_", source, re.M), path


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("ccfpse_tf.layers.layout", "from ccfpse_tf.gan import model", "stands on ops"),
        ("ccfpse_tf.layers.layout", "from ccfpse_tf import CCFPSE", "stands on ops"),
        ("ccfpse_tf.ops.noise", "from ..layers.spade import SPADE", "imports"),
        ("ccfpse_tf.gan.losses", "def f():\n import ccfpse_tf.training.train", "gan"),
        ("ccfpse_tf.data.records", "from .. import generation", "imports"),
        ("ccfpse_tf.models.style_encoder", "import ccfpse_tf.config", "models"),
        ("ccfpse_tf.gan.losses", "import ccfpse_tf.gan.lossy", "not a module"),
        ("ccfpse_tf.config.schema", "import numpy as np", "load at once"),
        ("ccfpse_tf.config.schema", "def f():\n import tensorflow", "load at once"),
        ("recipes.scenes", "from recipes import folder", "nothing imports scripts"),
        ("ccfpse_tf.commands.main", "import recipes.scenes", "nothing imports scripts"),
        ("ccfpse_tf.gan.build", "from tests import conftest", "nothing imports"),
    ],
)
def test_wrong_imports_are_found(module, source, expected, known):
    found = list(complaints(source, module, known))
    assert len(found) == 1 and expected in found[0], found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("ccfpse_tf.gan.losses", "import tensorflow as tf\nfrom ccfpse_tf import ops"),
        ("ccfpse_tf.gan.build", "from ccfpse_tf import Config, Generator"),
        ("ccfpse_tf.layers.layout", "from ccfpse_tf.layers import spade"),
        ("ccfpse_tf.runtime.startup", "def f():\n import tensorflow as tf"),
        ("recipes.scenes", "from ccfpse_tf.commands import recipe"),
    ],
)
def test_right_imports_pass(module, source, known):
    assert list(complaints(source, module, known)) == []
