"""ONNX files of converted official checkpoints, run by ONNX Runtime as it is."""

import numpy as np
import pytest

from ccfpse_tf.commands import main
from ccfpse_tf.data.description import read_description
from ccfpse_tf.generation.trained_model import TrainedModel
from ccfpse_tf.runs.run_folder import read_run
from tests.convert.official import read_npz, write_checkpoints, write_npz
from tests.recipes import load

NEEDED = "needs ONNX's converter: pip install 'ccfpse-tf[onnx]'"
onnx = pytest.importorskip("onnx", reason=NEEDED)
onnxruntime = pytest.importorskip("onnxruntime", reason=NEEDED)
pytest.importorskip("tf2onnx", reason=NEEDED)

SIZES = {5: (64, 64), 6: (128, 128)}  # of two by two cells at the bottom
DATA = ("--classes", "12", "--dont-care", "--instances")  # 14 channels


@pytest.fixture(scope="module", params=SIZES)
def converted(request, tmp_path_factory):
    """The run of a small official checkpoint, of one depth."""
    depth, folder = request.param, tmp_path_factory.mktemp("converted")
    size = SIZES[depth]
    write_checkpoints(folder / "official", write_npz, size=size, depth=depth)
    shape = f"{size[0]}x{size[1]}"
    argv = ["convert", str(folder / "official"), *DATA, "--image-size", shape]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ccfpse_tf.convert.official_files.read_tensors", read_npz)
        assert main.run([*argv, "--out", str(folder / "run")]) == 0
    run = read_run(folder / "run")
    assert run.config.generator.depth == depth
    return run


@pytest.fixture(scope="module")
def exported(converted, repository):
    """The file that the command writes."""
    path = converted.directory / "model.onnx"
    argv = ["export", "--run", str(converted.directory), "--out", str(path)]
    assert load(repository, "folder").main([*argv, "--target", "onnx"]) == 0
    return path


def nodes_of(graph):
    """The nodes of a graph and of the graphs within them."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from nodes_of(inner)


@pytest.mark.slow
def test_all_operators_are_those_of_onnx(exported):
    model = onnx.load(exported)
    onnx.checker.check_model(model, full_check=True)
    assert {node.domain for node in nodes_of(model.graph)} <= {"", "ai.onnx"}
    assert not model.functions


@pytest.mark.slow
def test_images_are_those_of_tensorflow(converted, exported):
    size = converted.config.data.image_size
    random = np.random.default_rng(0)
    cells = random.integers(0, 13, (2, 8, 8), np.int32)
    label = np.kron(cells, np.ones((size[0] // 8, size[1] // 8), np.int32))
    instance = label * 7 + (np.arange(size[1], dtype=np.int32) > 40)
    z = random.standard_normal((2, 4)).astype(np.float32)
    session = onnxruntime.InferenceSession(
        str(exported), providers=["CPUExecutionProvider"]
    )
    [image] = session.run(["image"], {"label": label, "instance": instance, "z": z})
    model = TrainedModel(converted, read_description(converted.directory))
    expected = model.images(label, instance, z)
    assert image.dtype == np.uint8 and image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).max() <= 1
    assert expected[0].std() > 5 and np.abs(expected[0] - expected[1].astype(int)).any()
