"""Environment and fixtures of all tests.

Devices are not configured here: some tests start subprocesses with several
logical CPUs, and TensorFlow fixes its devices at first use.
"""

import os
import sys
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.browser import chromium  # noqa: F401, a fixture

# Before anything imports TensorFlow. Two threads are what the smallest CI machine
# has; the tolerances are those of the CPU, so a GPU is hidden unless asked for.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root folder of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Real data and reference values next to the checkout; skips where absent."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"needs the folder {folder}, which is not part of the checkout")
    return folder


@pytest.fixture(scope="session")
def tiny_model():
    """A tiny model as after some training."""
    from tests.export.exported import moved_model

    return moved_model()


@pytest.fixture(scope="session")
def tiny_export(tiny_model, tmp_path_factory):
    """That model's export, which several files use."""
    from tests.export.exported import export_tiny

    return export_tiny(tiny_model, tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_served(tiny_export):
    """Signatures of that export, loaded by TensorFlow."""
    import tensorflow as tf

    return tf.saved_model.load(str(tiny_export.folder)).signatures


# Folders that take longest, first: at the end the other process would wait for them.
LONGEST = ("parity", "gan", "export", "training", "models", "layers", "ops")


def pytest_collection_modifyitems(items):
    """Puts the folders that take longest first."""

    def turn(item):
        folder = _folder(item.nodeid)
        return LONGEST.index(folder) if folder in LONGEST else len(LONGEST)

    items.sort(key=turn)


class ByFolder(LoadScopeScheduling):
    """Sends a folder's tests to one process, where models and traces are made once."""

    def _split_scope(self, nodeid):
        return _folder(nodeid)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config, log):
    """Takes the place of ``--dist``, whose groups pytest 9.2 no longer hands on."""
    return ByFolder(config, log)


def _folder(nodeid):
    """Returns the folder below ``tests``, or the file directly in it."""
    return nodeid.split("::")[0].split("/")[1]


def pytest_runtest_setup(item):
    """Lets TensorFlow run graphs as they were traced, but in slow tests.

    To optimise the thousands of operations of a network takes longer than to run them
    the few times that a test does.
    """
    if tensorflow := sys.modules.get("tensorflow"):
        quick = item.get_closest_marker("slow") is None
        tensorflow.config.optimizer.set_experimental_options(
            {"disable_meta_optimizer": quick}
        )
