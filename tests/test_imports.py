"""Imports only go down the layers of the house, read from the syntax trees."""

import ast
import sys
from importlib.util import resolve_name

import pytest

import ccfpse_tf

# A folder stands for all of its modules. Whatever is not listed fails a test below.
LEVELS = {
    "ccfpse_tf": 0,  # names only, imported when first used
    "ccfpse_tf.config": 0,
    "ccfpse_tf.durable": 0,
    "ccfpse_tf.errors": 0,
    "ccfpse_tf.labels": 0,
    "ccfpse_tf.limits": 0,
    "ccfpse_tf.locks": 0,
    "ccfpse_tf.origin": 0,
    "ccfpse_tf.output_folder": 0,
    "ccfpse_tf.quiet": 0,
    "ccfpse_tf.segmenter_config": 0,
    "ccfpse_tf.status": 0,
    "ccfpse_tf.typed": 0,
    "ccfpse_tf.unlock": 0,
    "ccfpse_tf.data": 1,
    "ccfpse_tf.layers": 1,
    "ccfpse_tf.losses": 1,
    "ccfpse_tf.optimizers": 1,
    "ccfpse_tf.pictures": 1,
    "ccfpse_tf.schedules": 1,
    "ccfpse_tf.torch_files": 1,
    "ccfpse_tf.models": 2,
    "ccfpse_tf.build": 3,
    "ccfpse_tf.averaging": 3,
    "ccfpse_tf.callbacks": 3,
    "ccfpse_tf.checkpoints": 3,
    "ccfpse_tf.devices": 3,
    "ccfpse_tf.evaluators": 3,
    "ccfpse_tf.gan": 3,
    "ccfpse_tf.hparams": 3,
    "ccfpse_tf.judges": 3,
    "ccfpse_tf.metrics": 3,
    "ccfpse_tf.profile": 3,
    "ccfpse_tf.progress": 3,
    "ccfpse_tf.segmenter_training": 3,
    "ccfpse_tf.status_updates": 3,
    "ccfpse_tf.synthesizer": 3,
    "ccfpse_tf.validation": 3,
    "ccfpse_tf.workers": 3,
    "ccfpse_tf.__main__": 4,
    "ccfpse_tf.cli": 4,
    "ccfpse_tf.commands": 4,
    "ccfpse_tf.convert": 4,
    "ccfpse_tf.drawing": 4,
    "ccfpse_tf.evaluation": 4,
    "ccfpse_tf.export": 4,
    "ccfpse_tf.gallery": 4,
    "ccfpse_tf.generate": 4,
    "ccfpse_tf.label_folder": 4,
    "ccfpse_tf.recipe": 4,
    "ccfpse_tf.runs": 4,
    "ccfpse_tf.run_data": 4,
    "ccfpse_tf.run_table": 4,
    "ccfpse_tf.study": 4,
    "ccfpse_tf.serving": 4,
    "ccfpse_tf.segmenter": 4,
    "ccfpse_tf.styles": 4,
    "ccfpse_tf.train": 4,
    "ccfpse_tf.train_callbacks": 4,
    "recipes": 5,
    "tfrecords": 5,
}
SCRIPTS = {"recipes", "tfrecords"}
HIGHEST_WITHOUT_CONFIG = 2  # layers and networks get plain arguments
QUIETENED = {"ccfpse_tf.quiet": {"tensorflow"}}  # imports it, inside a function


def level_of(module):
    """The level of a module, or of the folder that it is in; None if not listed."""
    if module in LEVELS:
        return LEVELS[module]
    folder = module.rpartition(".")[0]
    return level_of(folder) if folder not in {"", "ccfpse_tf"} else None


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
    """What is wrong with the imports of one module, as text."""
    own = level_of(module)
    if own is None:
        yield f"{module} has no level: add it to LEVELS"
        return
    for name in imports(source, module, known, is_package):
        first = name.split(".")[0]
        if first not in {"ccfpse_tf", "tests", *SCRIPTS}:
            allowed = sys.stdlib_module_names | QUIETENED.get(module, set())
            if own == 0 and first not in allowed:
                yield f"{module} (level 0) imports {name}: standard library only"
            continue
        if first == "tests" or first in SCRIPTS:
            yield f"{module} imports {name}: nothing imports scripts or tests"
            continue
        level = level_of(name)
        if level is None or level > own:
            yield f"{module} (level {own}) imports {name} (level {level})"
        if name == "ccfpse_tf.config" and 0 < own <= HIGHEST_WITHOUT_CONFIG:
            yield f"{module} (level {own}) sees the configuration"


@pytest.fixture(scope="module")
def known(repository):
    return modules(repository)


def test_every_module_has_a_level(known):
    assert [name for name in known if level_of(name) is None] == []
    assert [name for name in LEVELS if name not in known and name not in SCRIPTS] == []
    assert len(known) > 50


def test_imports_only_go_down(known):
    problems = []
    for module, path in known.items():
        source = path.read_text(encoding="utf-8")
        package = path.name == "__init__.py"
        problems += complaints(source, module, known, package)
    assert problems == []


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("ccfpse_tf.layers.layout", "from ccfpse_tf import gan", "gan (level 3)"),
        ("ccfpse_tf.layers.layout", "from ccfpse_tf import CCFPSE", "gan (level 3)"),
        ("ccfpse_tf.losses", "from .models.encoder import SIZE", "encoder (level 2)"),
        ("ccfpse_tf.losses", "def f():\n import ccfpse_tf.train", "train (level 4)"),
        ("ccfpse_tf.data.plan", "from .. import generate", "generate (level 4)"),
        ("ccfpse_tf.models.encoder", "import ccfpse_tf.config", "configuration"),
        ("ccfpse_tf.losses", "import ccfpse_tf.lossy", "(level None)"),
        ("ccfpse_tf.labels", "import numpy as np", "standard library only"),
        ("ccfpse_tf.labels", "def f():\n import tensorflow", "standard library only"),
        ("recipes.scenes", "from recipes import folder", "nothing imports scripts"),
        ("ccfpse_tf.cli", "import recipes.scenes", "nothing imports scripts"),
        ("ccfpse_tf.gan", "from tests import conftest", "nothing imports scripts"),
    ],
)
def test_wrong_imports_are_found(module, source, expected, known):
    found = list(complaints(source, module, known))
    assert len(found) == 1 and expected in found[0], found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("ccfpse_tf.losses", "import tensorflow as tf\nfrom ccfpse_tf import labels"),
        ("ccfpse_tf.gan", "from ccfpse_tf import config, losses, Generator"),
        ("ccfpse_tf.layers.layout", "from ccfpse_tf.layers import resizing"),
        ("ccfpse_tf.quiet", "def f():\n import tensorflow as tf"),
        ("recipes.scenes", "from ccfpse_tf import recipe"),
    ],
)
def test_right_imports_pass(module, source, known):
    assert list(complaints(source, module, known)) == []
