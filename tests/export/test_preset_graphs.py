"""The networks of a preset by ONNX Runtime draw as by TensorFlow."""

import dataclasses
import json

import numpy as np
import pytest

pytest.importorskip("tf2onnx", reason="needs pip install '.[onnx]'")
pytest.importorskip("onnxruntime", reason="needs pip install '.[onnx]'")

from ccfpse_tf.commands.offered_models import offers_of  # noqa: E402
from ccfpse_tf.config import override  # noqa: E402
from ccfpse_tf.errors import InputError  # noqa: E402
from ccfpse_tf.export.onnx_endpoints import OnnxEndpoints  # noqa: E402
from ccfpse_tf.export.preset_endpoints import preset_endpoints  # noqa: E402
from ccfpse_tf.export.preset_graphs import preset_graphs  # noqa: E402
from ccfpse_tf.gan.build import build_model  # noqa: E402
from ccfpse_tf.presets.preset_files import (  # noqa: E402
    GRAPH,
    read_preset,
    write_preset,
)
from tests.export import exported  # noqa: E402
from tests.layers.contract import randomize  # noqa: E402
from tests.presets.made import CONFIG, DATA, of_model  # noqa: E402

FULL = pytest.param("ccfpse", marks=pytest.mark.slow)  # minutes, to convert it


@pytest.fixture(scope="module", params=["ccfpse_compact", FULL])
def folder(request, tmp_path_factory):
    """A preset with random weights and graphs."""
    config = override(CONFIG, [f"generator.architecture={request.param}"])
    model = build_model(config, DATA, 1, training=False)
    randomize(model.generator)
    graphs = preset_graphs(model, DATA, 12)
    folder = tmp_path_factory.mktemp("presets") / "tiny"
    write_preset(folder, of_model(model, config, graphs=graphs))
    return folder


def test_it_draws_as_tensorflow_does(folder):
    found, wanted = OnnxEndpoints(read_preset(folder)), preset_endpoints(folder)
    label, instance = (
        np.stack(maps) for maps in zip(*exported.layouts(2), strict=True)
    )
    files = {
        "label_bytes": [exported.label_png(one) for one in label],
        "instance_bytes": [exported.png(one.astype(np.uint8)) for one in instance],
    }
    files = {name: np.array(value, object) for name, value in files.items()}
    photo = np.random.default_rng(0).integers(0, 256, (64, 96, 3)).astype(np.uint8)
    z = np.random.default_rng(1).standard_normal((2, 4)).astype(np.float32)
    asked = {
        "serve": files | {"seed": np.array([5, -7])},
        "synthesize_bytes": files | {"z": z},
        "stylize_bytes": files | {"style_bytes": np.array([exported.png(photo)] * 2)},
        "synthesize": {"label": label, "instance": instance, "z": z},
    }
    for name, inputs in asked.items():
        [one], [other] = (
            getattr(endpoints, name)(**inputs).values() for endpoints in (found, wanted)
        )
        apart = np.abs(images(one) - images(np.asarray(other)))
        assert apart.max() <= 2 and apart.mean() < 0.1, name
        assert images(one).std() > 1
    [text] = found.describe(format=np.ones(1, np.int64))["description_bytes"]
    said, same = json.loads(text), json.loads(wanted.description)
    assert list(said) == list(same)
    for style in said["styles"] + same["styles"]:
        del style["image"]  # equal pixels, packed by another hand
    assert said | {"examples": []} == same | {"examples": []}


def images(values):
    if values.dtype == object:
        return np.stack([exported.pixels(one) for one in values])
    return values.astype(int)


def test_a_graph_that_cannot_be_used(folder):
    preset = read_preset(folder)
    for graphs in ({GRAPH: b"no graph"}, {GRAPH: preset.graphs["encoder.onnx"]}):
        broken = dataclasses.replace(preset, graphs=preset.graphs | graphs)
        with pytest.raises(InputError, match=r"model.onnx: ONNX Runtime .* cannot use"):
            OnnxEndpoints(broken)


def test_it_is_offered(folder):
    [offer] = offers_of([str(folder)], {})
    assert "is drawn by ONNX Runtime" in offer.note
    with offer.load(print).lease() as model:
        assert "stylize_bytes" in model.signatures
