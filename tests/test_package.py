"""The names of ``import ccfpse_tf``, and its cost."""

import importlib
import importlib.metadata
import os
import subprocess
import sys
import types

import pytest

import ccfpse_tf


def python(code, repository, **environment):
    """Runs ``code`` in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(repository)} | environment,
        capture_output=True,
        text=True,
    )


def test_import_does_not_import_tensorflow(repository):
    code = (
        "import sys, ccfpse_tf\n"
        "from ccfpse_tf import Config, DATASETS, InputError\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'PIL'} & set(sys.modules)\n"
        "print(sorted(heavy), ccfpse_tf.Config.__name__, dir(ccfpse_tf)[0])"
    )
    done = python(code, repository)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["[]", "Config", "Adam"]


def test_the_version_is_printed_without_tensorflow(repository):
    code = (
        "import sys; from ccfpse_tf.commands.main import run; run(['--version'])\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'PIL'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    done = python(code, repository)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"ccfpse {ccfpse_tf.__version__}", "[]"]


def test_every_public_name_resolves():
    assert len(set(ccfpse_tf.__all__)) == len(ccfpse_tf.__all__) > 15
    assert dir(ccfpse_tf) == sorted(ccfpse_tf.__all__)
    for name in set(ccfpse_tf.__all__) - {"__version__"}:
        value = getattr(ccfpse_tf, name)
        home = importlib.import_module(ccfpse_tf._HOME[name])
        assert value is getattr(home, name)
        if callable(value):  # defined there, not imported there by chance
            assert value.__module__ == home.__name__, name


def test_everything_public_is_documented():
    for name in set(ccfpse_tf.__all__) - {"__version__", "DATASETS"}:
        assert getattr(ccfpse_tf, name).__doc__, name


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'ccfpse_tf' has no attribute 'Genrator'"):
        _ = ccfpse_tf.Genrator
    with pytest.raises(ImportError, match="Genrator"):
        exec("from ccfpse_tf import Genrator")


def test_another_backend_is_refused(repository):
    done = python("import ccfpse_tf", repository, KERAS_BACKEND="jax")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: ccfpse_tf runs on Keras's TensorFlow backend")
    assert "'jax'; set the environment variable KERAS_BACKEND=tensorflow" in last


def test_backend_is_chosen_where_none_is_set(repository):
    code = "import os; del os.environ['KERAS_BACKEND']; import ccfpse_tf; print({})"
    done = python(code.format("os.environ['KERAS_BACKEND']"), repository)
    assert done.stdout.strip() == "tensorflow", done.stderr


def fake_keras(version, backend):
    keras = types.ModuleType("keras")
    keras.__version__ = version
    keras.config = types.SimpleNamespace(backend=lambda: backend)
    return keras


@pytest.mark.parametrize(
    ("version", "backend", "message"),
    [
        ("2.15.0", "tensorflow", "needs Keras 3, found 2.15.0; pip install"),
        ("3.12.0", "torch", "TensorFlow backend, but it is set to 'torch'"),
    ],
)
def test_keras_imported_before_is_checked(version, backend, message, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", fake_keras(version, backend))
    with pytest.raises(ImportError, match=message):
        ccfpse_tf._require_tensorflow_backend()


def test_keras_imported_before_with_the_right_backend(monkeypatch):
    # What Keras uses counts, not what the environment says now.
    monkeypatch.setitem(sys.modules, "keras", fake_keras("3.12.0", "tensorflow"))
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert ccfpse_tf._require_tensorflow_backend() is None


def test_version_matches_the_installed_metadata():
    assert ccfpse_tf.__version__ == importlib.metadata.version("ccfpse-tf")
