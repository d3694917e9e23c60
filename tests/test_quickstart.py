"""The quickstart notebook: its committed outputs, and a run of its cells."""

import base64
import copy
import io
import re

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.data.scenes import draw_scene
from ccfpse_tf.generation.pictures import GAP as GAP_OF_GRID
from tests import quickstart

LARGEST = 1_000_000  # bytes of the file
PICTURES = 4
EDGE, GAP = 2 * 64, 2 * GAP_OF_GRID  # pixels: all is shown twice as large
SMOOTH = 0.5  # roughness below which a picture is none of noise


def outputs(notebook, kind):
    """All outputs of a type."""
    cells = (cell for cell in notebook.cells if cell.cell_type == "code")
    return [each for cell in cells for each in cell.outputs if each.output_type == kind]


def pictures(notebook):
    """The pictures of all outputs, in order, as float arrays."""
    encoded = (each.data.get("image/png") for each in outputs(notebook, "display_data"))
    files = (io.BytesIO(base64.b64decode(text)) for text in encoded if text)
    return [np.asarray(Image.open(file).convert("RGB"), float) for file in files]


def check_text(notebook, steps):
    """All cells ran without warnings, and no output names the machine."""
    assert outputs(notebook, "error") == []
    streams = outputs(notebook, "stream")
    assert [each.text for each in streams if each.name != "stdout"] == []
    text = "".join(each.text for each in streams)
    places = ("/home", "/root", "/tmp", "/Users", str(quickstart.REPOSITORY))
    for word in ("Warning", "WARNING", "INFO", *places):
        assert word not in text
    assert f"trained to step {steps};" in text
    assert re.search("image above by [01] grey levels", text)
    assert "the server ended with 0" in text


def cells_of(picture):
    """The pictures in the grids of ``show``."""
    step = EDGE + GAP
    for top in range(0, len(picture), step):
        for left in range(0, picture.shape[1], step):
            yield picture[top : top + EDGE, left : left + EDGE]


def roughness(picture):
    """Mean step between neighbours, by the spread: noise has about 1, a scene less."""
    pixels = picture[::2, ::2]  # shown twice as large
    steps = [np.abs(np.diff(pixels, axis=axis)).mean() for axis in (0, 1)]
    return np.mean(steps) / picture.std()


@pytest.fixture(scope="module")
def committed():
    return quickstart.read()


def test_roughness_tells_noise_from_scenes():
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (64, 64, 3)).repeat(2, 0).repeat(2, 1)
    assert roughness(noise) > 1
    image, _, _ = draw_scene(0, 7, (64, 64))
    assert roughness(image.repeat(2, 0).repeat(2, 1).astype(float)) < SMOOTH


def test_the_committed_outputs_show_scenes(committed):
    shown = pictures(committed)
    assert len(shown) == PICTURES
    for picture in shown:
        for cell in cells_of(picture):
            assert cell.std() > 20, "flat"
            assert roughness(cell) < SMOOTH, "noise"
    assert quickstart.PATH.stat().st_size < LARGEST


def test_the_committed_outputs_come_from_the_committed_cells(committed):
    assert committed.metadata[quickstart.EXECUTED] == quickstart.digest(committed)
    code = [cell for cell in committed.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in code]
    assert counts == list(range(1, len(code) + 1))
    check_text(committed, steps=600)


@pytest.fixture(scope="module")
def executed(committed, repository, tmp_path_factory):
    """The committed cells, run with a training of a few steps."""
    root = tmp_path_factory.mktemp("quickstart")
    (root / "docs").mkdir()
    (root / "recipes").symlink_to(repository / "recipes")
    notebook = copy.deepcopy(committed)
    with pytest.MonkeyPatch.context() as environment:
        # Both sides of the connection to the kernel write to the home folder else.
        environment.setenv("JUPYTER_RUNTIME_DIR", str(root / "jupyter"))
        environment.setenv("IPYTHONDIR", str(root / "ipython"))
        quickstart.execute(notebook, root / "docs", QUICKSTART_STEPS="5")
    return notebook


@pytest.mark.slow
def test_the_cells_run(executed, committed):
    check_text(executed, steps=5)
    made, kept = pictures(executed), pictures(committed)
    assert [each.shape for each in made] == [each.shape for each in kept]


@pytest.mark.parametrize(
    "notebook", ["committed", pytest.param("executed", marks=pytest.mark.slow)]
)
def test_another_layout_gives_another_image(notebook, request):
    painted = pictures(request.getfixturevalue(notebook))[-1]
    _, _, where, before, after, difference = cells_of(painted)
    assert np.abs(np.abs(after - before) - difference).max() == 0
    inside = where > 0
    assert inside.any() and difference[inside].mean() > 2 * difference[~inside].mean()
