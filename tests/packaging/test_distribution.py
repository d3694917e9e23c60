"""Wheel and sdist, and the way from the wheel to the first picture."""

import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ccfpse_tf
from tests.packaging.bare import bare_environment, require_registry, run

pytestmark = pytest.mark.slow

# The program of docs/presets.md, as far as a picture.
DRAW = """
import sys
import numpy as np
from PIL import Image
from ccfpse_tf import to_uint8
from ccfpse_tf.generation.preset_model import PresetModel

preset = PresetModel("scenes_256")
label, instance = preset.layouts()[0]
code = np.asarray(preset.preset.styles[0].code)
images = preset.images(label[None], instance[None], code[None])
Image.fromarray(np.asarray(images)[0]).save(sys.argv[1])
"""
UNNEEDED = {"torch", "scipy", "onnxruntime", "starlette", "pytest", "matplotlib"}


@pytest.fixture(scope="module")
def distributions(repository, tmp_path_factory):
    """The folder with wheel and sdist; the wheel is built from the sdist."""
    pytest.importorskip("uv", reason="needs pip install '.[test]'")
    require_registry()
    folder = tmp_path_factory.mktemp("distributions")
    source = folder / "source"
    source.mkdir()
    for path in repository.iterdir():
        if path.name in ("ccfpse_tf", "recipes", "tfrecords"):
            left_out = shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, source / path.name, ignore=left_out)
        elif path.is_file() and not path.name.startswith("."):
            shutil.copy(path, source)
    run(sys.executable, "-m", "uv", "build", "--out-dir", folder / "dist", cwd=source)
    return folder / "dist"


@pytest.fixture(scope="module")
def bare(distributions, tmp_path_factory):
    """The commands' folder of an environment with the wheel and what it asks for."""
    binaries = bare_environment(tmp_path_factory.mktemp("bare") / "environment")
    (wheel,) = distributions.glob("*.whl")
    install = ("-m", "uv", "pip", "install", "--python", binaries / "python")
    run(sys.executable, *install, wheel, cwd=binaries)
    return binaries


def _package_files(repository):
    return {
        str(path.relative_to(repository))
        for path in (repository / "ccfpse_tf").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_everything_of_the_package_is_inside(distributions, repository):
    (wheel,) = distributions.glob("ccfpse_tf-*.whl")
    (sdist,) = distributions.glob("ccfpse_tf-*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = {*archive.namelist()}
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    expected = _package_files(repository)
    for name in ("presets/scenes_256/weights.npz", "py.typed", "__init__.pyi"):
        assert f"ccfpse_tf/{name}" in expected
    assert any("/page/" in name for name in expected)
    assert any("/templates/" in name for name in expected)
    assert {x for x in in_wheel if x.startswith("ccfpse_tf/")} == expected
    assert expected <= in_sdist
    assert {"recipes/folder.py", "tfrecords/folder.py", "pyproject.toml"} <= in_sdist
    assert any(name.endswith("/licenses/LICENSE") for name in in_wheel)


def test_from_the_wheel_to_the_first_picture(bare, tmp_path):
    version = f"ccfpse {ccfpse_tf.__version__}\n"
    assert run(bare / "ccfpse", "--version", cwd=tmp_path) == version
    assert "paint" in run(bare / "ccfpse", "--help", cwd=tmp_path)
    run(bare / "python", "-c", DRAW, tmp_path / "street.png", cwd=tmp_path)
    picture = np.asarray(Image.open(tmp_path / "street.png"))
    assert picture.shape == (256, 256, 3) and picture.std() > 20


def test_nothing_comes_along_that_only_some_need(bare):
    listed = run(bare / "python", "-m", "pip", "list", "--format", "freeze", cwd=bare)
    names = {line.partition("==")[0].lower() for line in listed.splitlines()}
    assert {"tensorflow", "filelock", "keras"} <= names
    assert not UNNEEDED & names


def test_what_is_missing_says_how_to_get_it(bare, tmp_path):
    code = "from ccfpse_tf.commands.main import run; run(['paint', '--port', '0'])"
    message = f"import sys\ntry: {code}\nexcept Exception as error: print(error)"
    assert "[serving]" in run(bare / "python", "-c", message, cwd=Path(tmp_path))
