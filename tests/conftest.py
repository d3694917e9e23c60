"""Environment and fixtures of all tests.

Devices are not configured here: some tests start subprocesses with several
logical CPUs, and TensorFlow fixes its devices at first use.
"""

import os
from pathlib import Path

import pytest

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
    """Real data and reference values beside the checkout; skips where absent."""
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
    """That model's export: several files ask it."""
    from tests.export.exported import export_tiny

    return export_tiny(tiny_model, tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_served(tiny_export):
    """Signatures of that export, loaded by TensorFlow."""
    import tensorflow as tf

    return tf.saved_model.load(str(tiny_export.folder)).signatures


def pytest_collection_modifyitems(items):
    """The longest file comes first: at the end one process would wait for it."""
    items.sort(key=lambda item: item.path.name != "test_parity.py")
